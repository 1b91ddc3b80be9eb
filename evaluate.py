"""Score a checkpoint on the test split of any data config.

python evaluate.py ckpt_path=RUN/checkpoints/best.ckpt data=ising data.L=16
"""

import hydra
from omegaconf import DictConfig

from ednn.commands import cli
from ednn.training import evaluate


@cli.entry
@hydra.main(config_path="conf", config_name="evaluate", version_base="1.3")
def main(cfg: DictConfig) -> None:
    evaluate.evaluate(cfg)


if __name__ == "__main__":
    main()
