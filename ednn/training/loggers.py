"""W&B that also works with no key and no network, and TensorBoard that may not be installed."""

import secrets
from importlib import import_module
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import TensorBoardLogger, WandbLogger

from ednn.core.files import atomic
from ednn.training.launch import is_first_process


def wandb_logger(save_dir: str, **options: Any) -> WandbLogger | None:
    """Log online where W&B can be reached with a login, else offline, and say where the run lies.

    WANDB_MODE=offline and disabled (None) are respected. A resumed run goes on under its id, which
    is kept beside it.

    Example:
        ednn train experiment=ising logger=wandb
    """
    import wandb  # not for those who log elsewhere

    mode = wandb.setup().settings.mode  # of WANDB_MODE, or of `wandb offline` and the like
    if mode == "disabled" or not is_first_process():
        return None
    if mode == "online" and (reason := _unreachable()):
        mode = "offline"
        print(
            f"W&B {reason}: the run is kept offline in {save_dir}/wandb; "
            f"`wandb login` and then `wandb sync {save_dir}/wandb/offline-run-*` uploads it."
        )
    return WandbLogger(save_dir=save_dir, mode=mode, id=_kept_id(Path(save_dir)), **options)


def _unreachable() -> str | None:
    """Say why a run can't be online; None if it can."""
    import wandb

    try:
        return None if wandb.login(prompt=False) else "has no login here"
    except wandb.Error as error:
        return f"can't be reached, or takes no such login ({str(error).splitlines()[0]})"


def _kept_id(folder: Path) -> str:
    """Return the W&B id of the run of a folder; the first sitting makes it up."""
    kept = folder / "wandb_id"
    if not kept.exists():
        with atomic(kept) as path:
            path.write_text(secrets.token_hex(4))
    return kept.read_text()


def tensorboard_logger(save_dir: str, name: str) -> TensorBoardLogger:
    """Log to TensorBoard.

    Raises:
        ModuleNotFoundError: names the module that is missing, which Lightning's own error doesn't.

    Example:
        ednn train experiment=ising logger=tensorboard
    """
    import_module("tensorboard")
    return TensorBoardLogger(save_dir, name)
