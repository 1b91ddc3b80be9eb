"""The command `convert`."""

from omegaconf import DictConfig

from ednn.commands import cli


@cli.command
def convert(cfg: DictConfig) -> None:
    """Sort the atoms of a large structure, so that predict reads them in parts.

    ednn convert input=sheet.traj output=sheet.h5
    """
    from ednn.inference.converting import convert

    convert(cfg)
