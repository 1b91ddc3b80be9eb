"""Random smooth images, labelled with the sum of their absolute Laplacian."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np

from ednn.core.info import DatasetInfo, Output
from ednn.data.fields.generated import GeneratedData
from ednn.data.workers import made_in_batches
from ednn.physics.images import random_image
from ednn.physics.laplacian import laplacian_sum

BATCH = 200  # images made and written at once, at most 100 MB of 250² in double precision
UNIT = "X/pixel²"  # X itself has no unit: it runs from 0 to 20


class LaplacianData(GeneratedData):
    """Random smooth images X and L = Σ |∇²X| (paper, Eq. 2), in units of X per pixel².

    Args:
        side: pixels along either side of an image; their size is that of 250 along 40 a.u.
        stencil: finite differences that stand for ∇², a key of `ednn.physics.laplacian.STENCILS`.
        powers: exponents that sharpen or flatten the images; see `ednn.physics.images`.

    Example:
        >>> shared = {"batch_size": 10, "workers": 0, "seed": 0, "cache": "data/cache"}
        >>> counts = {"n_train": 100, "n_val": 10, "n_test": 10}
        >>> data = LaplacianData(side=50, stencil="4th-order", powers=[1.0], **counts, **shared)
        >>> data.label(np.zeros((1, 50, 50))).tolist()
        [[0.0]]
    """

    defining: ClassVar = {"stencil": None}

    def __init__(self, side: int, stencil: str, powers: Sequence[float], **shared: Any) -> None:
        super().__init__(**shared)
        self.name = f"laplacian-{side}x{side}"
        self.side, self.stencil, self.powers = side, stencil, list(powers)

    @property
    def info(self) -> DatasetInfo:
        output = Output("laplacian", UNIT, f"{UNIT} per pixel")
        return DatasetInfo((output,), site="pixel", relative=True, flat_is_zero=True)

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that the generated images and their labels depend on."""
        return {
            "side": self.side,
            "stencil": self.stencil,
            "powers": self.powers,
            "counts": self.counts,
            "generator": self.generator,
            "seed": self.seed,
            "test_only": self.trained_on is not None,
        }

    def make(self) -> None:
        self.write(self._batches(sum(self.counts.values())), UNIT)

    def label(self, fields: np.ndarray) -> np.ndarray:
        return laplacian_sum(fields, self.stencil)[:, None]

    def _batches(self, count: int) -> Iterator[dict[str, np.ndarray]]:
        """Yield `fields` (B, side, side) and `labels` (B, 1), made on all cores."""
        # A test beside another set has images of its own, that no model was trained on.
        stream = int(self.trained_on is not None)
        seeds = [(self.seed, stream, i) for i in range(count)]
        make = partial(random_image, side=self.side, powers=self.powers)
        for made in made_in_batches(make, seeds, BATCH, "Images"):
            images = np.stack(made).astype(np.float32)
            yield {"fields": images, "labels": self.label(images)}
