"""The command `evaluate`."""

from omegaconf import DictConfig

from ednn.commands import cli


@cli.command
def evaluate(cfg: DictConfig) -> None:
    """Score a checkpoint on the test split of its run's data set, or of any other.

    ednn evaluate ckpt_path=RUN
    ednn evaluate ckpt_path=RUN data=ising data.L=16
    """
    from ednn.training.evaluate import evaluate

    evaluate(cfg)
