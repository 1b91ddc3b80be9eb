"""The command `relax`."""

from omegaconf import DictConfig

from ednn.commands import cli


@cli.command
def relax(cfg: DictConfig) -> None:
    """Relax structures, and their cells if wanted.

    ednn relax ckpt_path=pretrained/graphene-hbn-gfn1 input=start.extxyz output=relaxed.extxyz
    ednn relax ckpt_path=RUN input=a.extxyz output=b.extxyz cell=true
    """
    from ednn.simulation.relax import relax

    relax(cfg)
