"""The command `learn`."""

from omegaconf import DictConfig

from ednn.commands import cli


@cli.command
def learn(cfg: DictConfig) -> float:
    """Label structures of which the network is most uncertain, train on them, and again.

    ednn learn data.theory=gfn1 learn.budget=200
    ednn learn data.path=labels.h5 learn.test=test.h5 learn.target=5
    ednn learn -m learn.choose=uncertain,random seed=0,1,2
    """
    from ednn.learning.rounds import learn

    return learn(cfg)
