"""Score a checkpoint on the test split of any data config."""

from hydra.utils import instantiate
from lightning import Trainer
from lightning.pytorch.callbacks import Timer
from omegaconf import DictConfig

from ednn.data.base import ExtensiveData
from ednn.errors import InputError
from ednn.lightning_fixes import quieten_lightning
from ednn.results import summarise, write_results
from ednn.runs import Run
from ednn.spec import load_weights, read_checkpoint
from ednn.task import ExtensiveTask


def evaluate(cfg: DictConfig) -> None:
    """Test a checkpoint in one process and record the result like that of a run."""
    quieten_lightning()
    checkpoint = read_checkpoint(cfg.ckpt_path)
    data: ExtensiveData = instantiate(cfg.data, _convert_="all")
    trained_on = checkpoint.get(type(data).__qualname__)
    if trained_on != data.settings:
        data.test_only(trained_on)
    data.prepare_data()
    data.setup()
    task = ExtensiveTask(**checkpoint["hyper_parameters"])
    load_weights(task.model, checkpoint)
    task.model.check(data.dataset.example())
    _check_outputs(task.test_errors.names, list(data.outputs))
    run = Run(cfg.run_dir)
    run.open(cfg)
    timer = Timer()
    trainer = Trainer(
        accelerator=cfg.accelerator,
        devices=1,
        callbacks=[timer],
        logger=False,
        inference_mode=False,
    )
    trainer.test(task, data, verbose=False)
    write_results(run, task, data)
    summary = summarise(trainer, data, {"test/seconds": timer.time_elapsed("test")})
    run.finish({"ckpt_path": str(cfg.ckpt_path), **summary})


def _check_outputs(predicted: list[str], labelled: list[str]) -> None:
    """Refuse labels that the predictions cannot be compared with, one for one.

    Other names are no matter: a model may be tested on the labels of another theory or file.
    """
    reordered = sorted(predicted) == sorted(labelled) and predicted != labelled
    if len(predicted) != len(labelled) or reordered:
        raise InputError(
            f"The model predicts {', '.join(predicted)}, but the data has {', '.join(labelled)}; "
            f"give data with the same outputs in the same order."
        )
