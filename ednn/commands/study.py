"""The command `study`."""

from omegaconf import DictConfig

from ednn.commands import cli


@cli.command
def study(cfg: DictConfig) -> None:
    """Reproduce figures and tables of the paper.

    ednn study study=fig2
    ednn study study=fig2 scale=paper
    """
    from ednn.studies import runner

    runner.run(cfg)
