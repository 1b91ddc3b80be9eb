"""Extensive deep neural networks: one shared subnetwork over tiles, summed.

This package loads torch and numpy alone, and those only when a name is used; training, commands and
data sets load what they need themselves.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ednn.core.checkpoint import load_model, pretrained
    from ednn.core.errors import InputError
    from ednn.core.interface import ExtensiveModel
    from ednn.core.model import EDNN
    from ednn.core.structure_batch import StructureBatch

__version__ = "0.1.0"
__all__ = [
    "EDNN",
    "ExtensiveModel",
    "InputError",
    "StructureBatch",
    "__version__",
    "load_model",
    "pretrained",
]

HOMES = {
    "EDNN": "ednn.core.model",
    "ExtensiveModel": "ednn.core.interface",
    "InputError": "ednn.core.errors",
    "StructureBatch": "ednn.core.structure_batch",
    "load_model": "ednn.core.checkpoint",
    "pretrained": "ednn.core.checkpoint",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used, so that a command's help comes at once."""
    if name not in HOMES:
        raise AttributeError(f"module 'ednn' has no attribute {name!r}")
    return getattr(import_module(HOMES[name]), name)
