"""Settings of the commands that apply a network: what is checked, and what a result depends on."""

import hashlib
from collections.abc import Sequence
from math import isfinite
from pathlib import Path

from omegaconf import DictConfig

from ednn.core.errors import InputError
from ednn.core.loading import as_paths


def require_switches(cfg: DictConfig, names: Sequence[str]) -> None:
    """Make sure that settings are true or false.

    Raises:
        InputError: one is something else.

    Example:
        >>> require_switches(DictConfig({"forces": "yes"}), ["forces"])
        Traceback (most recent call last):
        ednn.core.errors.InputError: forces=yes is not possible; give true or false.
    """
    for name in names:
        if not isinstance(cfg[name], bool):
            raise InputError(f"{name}={cfg[name]} is not possible; give true or false.")


def require_number(cfg: DictConfig, name: str, unit: str, zero: bool = False) -> None:
    """Make sure that a setting is a number above 0.

    Args:
        cfg: the settings.
        name: of one.
        unit: of the number.
        zero: takes 0, too.

    Raises:
        InputError: it is something else.

    Example:
        >>> require_number(DictConfig({"timestep": 0}), "timestep", "fs")
        Traceback (most recent call last):
        ednn.core.errors.InputError: timestep=0 is not possible; give a number above 0 (fs).
    """
    value = cfg[name]
    known = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    if not known or value < 0 or (value == 0 and not zero):
        least = "of at least 0" if zero else "above 0"
        raise InputError(f"{name}={value} is not possible; give a number {least} ({unit}).")


def require_whole(cfg: DictConfig, name: str, least: int) -> None:
    """Make sure that a setting is a whole number.

    Raises:
        InputError: it is something else, or too small.

    Example:
        >>> require_whole(DictConfig({"steps": 1.5}), "steps", least=1)
        Traceback (most recent call last):
        ednn.core.errors.InputError: steps=1.5 is not possible; give a whole number of at least 1.
    """
    value = cfg[name]
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(
            f"{name}={value} is not possible; give a whole number of at least {least}."
        )


def digests(ckpt_path: str | Path | Sequence[str | Path]) -> list[str]:
    """Return a digest of the checkpoint, or of each of an ensemble.

    Example:
        >>> [len(digest) for digest in digests("pretrained/graphene-hbn-gfn1")]
        [64]
    """
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in as_paths(ckpt_path)]
