"""The command `locality`."""

from omegaconf import DictConfig

from ednn.commands import cli


@cli.command
def locality(cfg: DictConfig) -> None:
    """Choose f and c for your data by short trainings, and see how far a change is felt.

    ednn locality data=hdf5 data.path=fields.h5
    ednn locality data=atoms data.path=set.extxyz data.grid=32 experiment=dft locality.c=[4,8,16]
    ednn locality data=hdf5 data.path=fields.h5 trainer.max_steps=1000 locality.f=[1,2]
    """
    from ednn.studies.f_and_c.choice import choose

    choose(cfg)
