"""The command `generate`."""

from omegaconf import DictConfig

from ednn.commands import cli


@cli.command
def generate(cfg: DictConfig) -> None:
    """Generate a data set, or extend one, without training on it.

    ednn generate data=ising data.L=16
    ednn generate data=dft data.theory=pbe data.count=300
    """
    from ednn.data.making import make_dataset

    data = make_dataset(cfg.data)
    data.generate()
    print(f"Data: {data.path}")
