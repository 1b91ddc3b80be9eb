"""Score a checkpoint on the test split of any data config."""

from hydra.utils import instantiate
from lightning import Trainer
from lightning.pytorch.callbacks import Timer
from omegaconf import DictConfig

from ednn.atomistic import AtomisticEDNN
from ednn.data.base import ExtensiveData
from ednn.errors import InputError
from ednn.lightning_fixes import quieten_lightning
from ednn.results import summarise, write_results
from ednn.runs import Run
from ednn.spec import read_checkpoint, restore
from ednn.task import ExtensiveTask


def evaluate(cfg: DictConfig) -> None:
    """Test a checkpoint in one process and record the result like that of a run."""
    quieten_lightning()
    checkpoint = read_checkpoint(cfg.ckpt_path)
    data: ExtensiveData = instantiate(cfg.data, _convert_="all")
    data.require_kind(checkpoint)
    trained_on = checkpoint.get(type(data).__qualname__)
    if trained_on != data.settings:
        data.test_only(trained_on)
    data.prepare_data()
    data.setup()
    task = ExtensiveTask(**checkpoint["hyper_parameters"])
    print(f"Testing {len(data.splits['test'])} of {len(data.dataset)} samples of {data.path}")
    restore(task.model, checkpoint)
    task.model.check(data.dataset.example())
    atomistic = isinstance(task.model, AtomisticEDNN)
    _check_outputs(task.test_errors.names, list(data.outputs), atomistic)
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


def _check_outputs(predicted: list[str], labelled: list[str], atomistic: bool) -> None:
    """Refuse labels that the predictions cannot be compared with, one for one.

    Other names are no matter for fields; energies of two theories have no common zero.
    """
    if atomistic and "energy" not in (*predicted, *labelled) and predicted != labelled:
        raise InputError(
            f"The model predicts {predicted[0]}, but the data has {labelled[0]}, and energies of "
            f"two theories have no common zero; go on from this model's weights with train.py "
            f"ckpt_path=… on that data, and evaluate the new model."
        )
    reordered = sorted(predicted) == sorted(labelled) and predicted != labelled
    if len(predicted) != len(labelled) or reordered:
        raise InputError(
            f"The model predicts {', '.join(predicted)}, but the data has {', '.join(labelled)}; "
            f"give data with the same outputs in the same order."
        )
