"""The command `evaluate`."""

from omegaconf import DictConfig

from ednn.commands import cli


@cli.command
def evaluate(cfg: DictConfig) -> None:
    """Score a checkpoint on the test split of any data set.

    ednn evaluate ckpt_path=RUN/checkpoints/best.ckpt data=ising data.L=16
    """
    from ednn.training.evaluate import evaluate

    evaluate(cfg)
