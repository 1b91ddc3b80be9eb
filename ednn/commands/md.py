"""The command `md`."""

from omegaconf import DictConfig

from ednn.commands import cli


@cli.command
def md(cfg: DictConfig) -> None:
    """Run a molecular dynamics of a structure.

    ednn md ckpt_path=pretrained/graphene-hbn-gfn1 input=start.extxyz output=md.traj steps=1000
    ednn md ckpt_path=RUN input=a.extxyz output=a.traj thermostat=langevin
    """
    from ednn.simulation.md import md

    md(cfg)
