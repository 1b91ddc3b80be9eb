"""The run of W&B that shows a whole sweep, beside the runs of its jobs."""

from pathlib import Path
from typing import Any

import pandas as pd
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from ednn.runs.sweep_table import jobs
from ednn.training.loggers import wandb_logger


class SweepRun(Callback):
    """Show the table and the pictures of a sweep when it ends; a resumed one shows them anew.

    Args:
        **options: of `wandb.init`.

    Example:
        ednn train -m tile.f=1,2 tile.c=0,1 logger=wandb  # the run of job type sweep
    """

    def __init__(self, **options: Any) -> None:
        self.options = options

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        folder = Path(config.hydra.sweep.dir)
        if not jobs(folder):  # fast_dev_run
            return
        logger = wandb_logger(str(folder / "logs"), job_type="sweep", **self.options)
        if logger is None:
            return
        logger.log_table("sweep", dataframe=pd.read_csv(folder / "sweep.csv"))
        for path in sorted(folder.glob("*.png")):
            logger.log_image(path.stem, [str(path)])
        logger.experiment.finish()
