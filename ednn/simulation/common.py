"""What determines the result of a relaxation or a dynamics."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from ednn.inference.settings import digests


def recorded(cfg: DictConfig, command: str, names: Sequence[str]) -> dict[str, Any]:
    """Return all that determines the result of a command, files by their digests.

    Args:
        cfg: the settings.
        command: its name.
        names: of the settings that stand for themselves.

    Example:
        >>> from tempfile import NamedTemporaryFile
        >>> with NamedTemporaryFile() as file:
        ...     files = {"ckpt_path": "pretrained/graphene-hbn-gfn1", "input": file.name}
        ...     list(recorded(DictConfig(files | {"seed": 7}), "md", ["seed"]))
        ['command', 'ckpt_path', 'input', 'seed']
    """
    return {
        "command": command,
        "ckpt_path": digests(cfg.ckpt_path),
        "input": hashlib.sha256(Path(cfg.input).read_bytes()).hexdigest(),
        **{name: cfg[name] for name in names},
    }
