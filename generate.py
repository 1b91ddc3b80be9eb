"""Generate a data set, or extend one, without training on it.

python generate.py data=ising data.L=16
python generate.py data=dft data.theory=pbe data.count=300
"""

import hydra
from hydra.utils import instantiate
from omegaconf import DictConfig

from ednn.commands import cli


@cli.entry
@hydra.main(config_path="conf", config_name="generate", version_base="1.3")
def main(cfg: DictConfig) -> None:
    data = instantiate(cfg.data, _convert_="all")
    data.generate()
    print(f"Data: {data.path}")


if __name__ == "__main__":
    main()
