"""Table I: the three configurations of the paper, beside the configs here."""

from hydra import compose
from matplotlib.figure import Figure
from omegaconf import DictConfig

from ednn.plots.style import COLOUR, styled
from ednn.studies.base import Numbers, Row, Study

PAPER = {
    "ising_paper": ["100000", "2000", "ANN", "Adam", "0.001", "500"],
    "laplacian_paper": ["10000", "100", "DNN", "Adam", "1e-05", "250"],
    "dft_paper": ["18515", "100", "DNN", "Adam", "1e-05", "500"],
}
COLUMNS = ["training examples", "batch size", "network", "optimizer", "learning rate", "epochs"]


class Table1(Study):
    """The values of `experiment=ising_paper`, `laplacian_paper` and `dft_paper`.

    Example:
        ednn study study=table1  # composes configs alone: takes seconds
    """

    title = "Table I: configurations"
    claim = "Parameters used to train the example models; the loss is the mean squared error."

    def measure(self) -> Numbers:
        return {name: values(compose("train", [f"experiment={name}"])) for name in PAPER}

    def rows(self, numbers: Numbers) -> list[Row]:
        return [
            Row(f"{column} of {name}", paper, here)
            for name in PAPER
            for column, paper, here in zip(COLUMNS, PAPER[name], numbers[name], strict=True)
        ]

    @styled
    def picture(self, numbers: Numbers) -> Figure:
        figure = Figure(figsize=(10, 3))
        axes = figure.subplots()
        axes.set_axis_off()
        names = list(numbers)
        same = [
            [COLOUR["sky"] if here == paper else COLOUR["orange"] for here, paper in pair]
            for pair in (zip(numbers[name], PAPER[name], strict=True) for name in names)
        ]
        table = axes.table(
            [numbers[name] for name in names],
            cellColours=same,
            rowLabels=names,
            colLabels=[column.replace(" ", "\n") for column in COLUMNS],
            cellLoc="center",
            loc="center",
        )
        table.auto_set_font_size(False)
        table.set_fontsize(13)
        table.scale(1, 2.4)
        axes.set_title("blue: as in the paper; orange: not")
        return figure


def values(cfg: DictConfig) -> list[str]:
    """Read what Table I lists off a config of a training.

    Args:
        cfg: conf/train.yaml, composed.

    Returns:
        A value for each of `COLUMNS`.

    Example:
        >>> from hydra import initialize_config_dir
        >>> from ednn.runs.configs import CONF
        >>> with initialize_config_dir(str(CONF), version_base="1.3"):
        ...     values(compose("train", ["experiment=ising_paper"]))
        ['100000', '2000', 'ANN', 'Adam', '0.001', '500']
    """
    data = cfg.data
    examples = data.get("n_train") or round((1 - data.test) * data.count)
    return [
        f"{examples}",
        f"{data.batch_size}",
        cfg.model.subnet._target_.rpartition(".")[2],
        cfg.task.optimizer._target_.rpartition(".")[2],
        f"{cfg.task.optimizer.lr:g}",
        f"{cfg.trainer.max_epochs}",
    ]
