"""The command `train`."""

from omegaconf import DictConfig

from ednn.commands import cli


@cli.command
def train(cfg: DictConfig) -> float | None:
    """Train a model, test it and record the run.

    ednn train experiment=ising
    ednn train model=ann data=ising tile.f=2 tile.c=1
    ednn train -m experiment=ising tile.c=1,2,3
    """
    from ednn.training.train import train

    return train(cfg)
