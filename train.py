"""Train an EDNN.

python train.py experiment=ising
python train.py model=ann data=ising tile.f=2 tile.c=1
python train.py -m experiment=ising tile.c=1,2,3
"""

import hydra
from omegaconf import DictConfig

from ednn.commands import cli
from ednn.training import train


@cli.entry
@hydra.main(config_path="conf", config_name="train", version_base="1.3")
def main(cfg: DictConfig) -> float | None:
    return train.train(cfg)


if __name__ == "__main__":
    main()
