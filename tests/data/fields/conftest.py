"""A file in the layout of the released code."""

from pathlib import Path

import numpy as np
import pytest

from tests.data.fields.own_files import COUNT, RNG, write


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """A file as the released EDNN code writes it."""
    images = RNG.normal(size=(COUNT, 8, 12, 1)).astype(np.float32)
    labels = (images**2).sum((1, 2, 3))[:, None]
    return write(tmp_path / "released.h5", images=images, labels=labels)
