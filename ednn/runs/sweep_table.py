"""The table of a sweep: one row per job, written and printed when a Hydra multirun ends."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from ednn import plots
from ednn.core.files import atomic
from ednn.core.terminal import columns
from ednn.plots.style import label
from ednn.runs.folder import Run
from ednn.runs.naming import OUTPUTS, plain_words

SWEEPS = OUTPUTS / "sweeps"  # as conf/hydra/default.yaml has it
TRIALS = "trials.csv"  # of a search: state and values of every trial, and the folder of its run


class SweepTable(Callback):
    """Gather every finished job's overrides and figures into `sweep.csv`, job after job.

    At the end of a sweep over focus and context they are a picture, too, `heatmap.png`.

    Example:
        ednn train -m data=ising tile.c=1,2,3  # writes outputs/sweeps/…/sweep.csv
    """

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        # Decides now which keys are fixed, for the jobs of all processes.
        _ = config.hydra.sweep.subdir

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            _write(Path(config.hydra.sweep.dir))

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        folder = Path(config.hydra.sweep.dir)
        settings, figures = _write(folder)
        swept = differing(settings)
        errors = _errors(figures)
        if "state" in settings:  # a search, whose jobs are compared by this
            errors = figures[["val/loss"]].join(errors)
        units = _units(folder)
        table = swept.join(errors.rename(columns=lambda name: _words(name, units)))
        keys = [name for name in table if name in swept or name == "output"]
        shown = table.set_index(keys) if keys else table
        print("Errors of the test:")
        print(
            shown.to_string(
                float_format="{:.3g}".format, sparsify=False, line_width=columns(sys.stdout)
            )
        )
        if (picture := plots.heat_map(settings, figures, units)) is not None:
            plots.save(picture, folder / "heatmap.png")
        print(f"Sweep: {folder}")


def _write(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Write overrides and figures of a sweep's jobs to its table; returns both."""
    runs, settings = runs_of(folder)
    figures = pd.DataFrame([figures_of(run) for run in runs])
    with atomic(folder / "sweep.csv") as path:
        settings.join(figures, rsuffix="_result").to_csv(path, index=False)
    return settings, figures


def runs_of(folder: Path) -> tuple[list[Path], pd.DataFrame]:
    """Return the run folders of a sweep, and what was set for each, a row per run.

    They are the finished jobs in the order of the sweep, and of a search all trials with their
    state, those that failed included.

    Example:
        runs, settings = runs_of(Path("outputs/sweeps/mine"))
    """
    if (folder / TRIALS).exists():
        settings = pd.read_csv(folder / TRIALS, dtype=str)
        return [folder / str(name) for name in settings.pop("run_dir")], settings
    finished = jobs(folder)
    return finished, pd.DataFrame([overrides_of(job) for job in finished])


def jobs(folder: Path) -> list[Path]:
    """Return the folders of a sweep's finished jobs, in its order.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     for number, name in enumerate(["c=2", "c=10"]):
        ...         Path(folder, name, ".hydra").mkdir(parents=True)
        ...         text = f"hydra: {{job: {{num: {number}}}}}"
        ...         _ = Path(folder, name, ".hydra", "hydra.yaml").write_text(text)
        ...         _ = Path(folder, name, "summary.json").write_text("{}")
        ...     [job.name for job in jobs(Path(folder))]
        ['c=2', 'c=10']
    """
    finished = (path.parent for path in folder.glob("**/summary.json"))
    own = [job for job in finished if (job / ".hydra").is_dir()]  # a job may have runs in it
    return sorted(own, key=_number)


def differing(settings: pd.DataFrame) -> pd.DataFrame:
    """Return the settings that are not the same for all runs.

    Example:
        >>> [*differing(pd.DataFrame({"data": ["ising", "ising"], "tile.c": ["0", "1"]}))]
        ['tile.c']
    """
    return settings.loc[:, settings.nunique(dropna=False) > 1]


def overrides_of(job: Path) -> dict[str, str]:
    """Return what the command line set for a job.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     Path(folder, ".hydra").mkdir()
        ...     _ = Path(folder, ".hydra", "overrides.yaml").write_text("[data=ising, +tag=first]")
        ...     overrides_of(Path(folder))
        {'data': 'ising', 'tag': 'first'}
    """
    overrides = OmegaConf.load(job / ".hydra" / "overrides.yaml")
    parsed = OverridesParser.create().parse_overrides([str(o) for o in overrides])
    words = [plain_words(o).lstrip("+").partition("=") for o in parsed]
    return {key: value for key, _, value in words}


def _errors(figures: pd.DataFrame) -> pd.DataFrame:
    """Keep the errors alone: a row per job or, of several outputs, per job and output."""
    errors = figures[[name for name in figures if "_error" in str(name)]]
    names = [str(name).split("/") for name in errors]  # test/[output/]error
    if all(len(name) == 2 for name in names):
        return errors
    errors.columns = pd.MultiIndex.from_tuples(
        [("/".join(output), f"{split}/{error}") for split, *output, error in names],
        names=["output", None],
    )
    return errors.stack("output", future_stack=True).dropna(how="all").reset_index("output")


def _units(folder: Path) -> dict[str, str]:
    """Return the units of the figures, which are the same for all jobs."""
    first = next(iter(jobs(folder)), None)
    return {} if first is None else Run(first).read_summary().get("units", {})


def _words(name: str, units: Mapping[str, str]) -> str:
    """Return a short heading: test/median_absolute_error_per_site → median (J per spin)."""
    if name == "val/loss":
        return label("val. loss", units.get("loss", ""))
    if not name.startswith("test/"):
        return name
    kind = name.removeprefix("test/")
    words = kind.removesuffix("_per_site").replace("_absolute", "").replace("_error", "")
    return label(words.replace("_", " "), units.get(kind, ""))


def _number(job: Path) -> int:
    return int(OmegaConf.load(job / ".hydra" / "hydra.yaml").hydra.job.num)


def figures_of(job: Path) -> dict[str, Any]:
    """Return the flat figures of a run's summary; none before it is finished.

    Example:
        >>> figures_of(Path("nowhere"))
        {}
    """
    if not Run(job).finished:
        return {}
    figures = Run(job).read_summary()
    return {key: value for key, value in figures.items() if not isinstance(value, dict)}
