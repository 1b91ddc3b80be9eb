"""Reproduce figures and tables of the paper.

python study.py                                # all of them, at a CPU's size (= make paper)
python study.py study=fig2
python study.py study=fig2 scale=paper
"""

import hydra
from omegaconf import DictConfig

from ednn.commands import cli
from ednn.studies import runner


@cli.entry
@hydra.main(config_path="conf", config_name="study", version_base="1.3")
def main(cfg: DictConfig) -> None:
    runner.run(cfg)


if __name__ == "__main__":
    main()
