"""Where Lightning's own behaviour would cost users data or attention."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import walk_tb
from typing import Any

import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from ednn.core.errors import InputError
from ednn.core.files import atomic
from ednn.core.upgrades import upgrade
from ednn.runs.failures import folded


class AtomicCheckpoints(TorchCheckpointIO):
    """Checkpoints that a kill cannot tear, and that earlier versions may have written.

    Lightning writes to the system's temporary folder and moves from there, which is a copy where
    that folder is on another disk; here the temporary file stands beside the checkpoint.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "last.ckpt")
        ...     AtomicCheckpoints().save_checkpoint({"epoch": 3}, path)
        ...     torch.load(path)
        {'epoch': 3}
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        with atomic(path) as temporary:
            torch.save(checkpoint, temporary)

    def load_checkpoint(self, path: str | Path, *args: Any, **options: Any) -> dict[str, Any]:
        """Return a checkpoint in the current format.

        Raises:
            InputError: a newer version wrote it.
        """
        return upgrade(super().load_checkpoint(path, *args, **options))


def quieten_lightning() -> None:
    """Silence Lightning's announcements and two warnings that are none; others still come.

    Example:
        >>> quieten_lightning()
        >>> logging.getLogger("lightning.pytorch").isEnabledFor(logging.INFO)
        False
    """
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*LeafSpec.*")
    warnings.filterwarnings("ignore", message=".*exists and is not empty.*")  # when resuming
    warnings.filterwarnings("ignore", message=".*could not find the monitored key.*")  # yet


@contextmanager
def lightning_refusals() -> Iterator[None]:
    """Turn a TypeError or ValueError of Lightning's about settings of its Trainer into a sentence.

    Its own exceptions need no context to be told from a bug (`ednn.runs.failures`).

    Raises:
        InputError: with Lightning's words.

    Example:
        >>> from lightning import Trainer
        >>> with lightning_refusals():
        ...     Trainer(precision=0, logger=False)
        Traceback (most recent call last):
        ednn.core.errors.InputError: Lightning refuses a setting of trainer: ...
    """
    try:
        yield
    except Exception as error:
        cause = error.__cause__ or error  # Hydra wraps what it makes
        if isinstance(cause, TypeError | ValueError) and _raised_in(cause).startswith("lightning."):
            raise InputError(f"Lightning refuses a setting of trainer: {folded(cause)}.") from error
        raise


def _raised_in(error: BaseException) -> str:
    """Name the module whose code raised an error."""
    *_, (frame, _) = walk_tb(error.__traceback__)
    return str(frame.f_globals["__name__"])
