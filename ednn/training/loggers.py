"""W&B that also works with no key and no network, and TensorBoard that may not be installed."""

from importlib import import_module
from typing import Any

from lightning.pytorch.loggers import TensorBoardLogger, WandbLogger
from lightning.pytorch.utilities import rank_zero_only


def wandb_logger(save_dir: str, **options: Any) -> WandbLogger:
    """Log online where a login exists, else offline, and say where the run lies.

    Example:
        ednn train experiment=ising logger=wandb
    """
    import wandb  # not for those who log elsewhere

    offline = not wandb.login(prompt=False)
    if offline:
        rank_zero_only(print)(
            f"W&B has no login here: the run is kept offline in {save_dir}/wandb; "
            f"`wandb login` and then `wandb sync {save_dir}/wandb/offline-run-*` uploads it."
        )
    mode = "offline" if offline else "online"
    return WandbLogger(save_dir=save_dir, mode=mode, **options)


def tensorboard_logger(save_dir: str, name: str) -> TensorBoardLogger:
    """Log to TensorBoard.

    Raises:
        ModuleNotFoundError: names the module that is missing, which Lightning's own error doesn't.

    Example:
        ednn train experiment=ising logger=tensorboard
    """
    import_module("tensorboard")
    return TensorBoardLogger(save_dir, name)
