"""Extensive deep neural networks: one shared subnetwork over tiles, summed.

This package imports torch alone at this level; Lightning and Hydra stay in the training modules.
"""

from ednn.atomistic import Structures
from ednn.errors import InputError
from ednn.model import EDNN
from ednn.spec import load_model

__version__ = "0.1.0"
__all__ = ["EDNN", "InputError", "Structures", "__version__", "load_model"]
