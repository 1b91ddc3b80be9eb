"""Predict fields from an HDF5 file, or structures, of any size.

python predict.py ckpt_path=RUN/checkpoints/best.ckpt input=fields.h5 output=predictions.h5
"""

import hydra
from omegaconf import DictConfig

from ednn.commands import cli
from ednn.inference import predict


@cli.entry
@hydra.main(config_path="conf", config_name="predict", version_base="1.3")
def main(cfg: DictConfig) -> None:
    predict.predict(cfg)


if __name__ == "__main__":
    main()
