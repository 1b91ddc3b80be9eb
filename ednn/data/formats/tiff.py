"""Stacks of images in TIFF files, with tifffile: mapped if they lie in one piece, else by page."""

from math import prod
from pathlib import Path

import numpy as np
import tifffile

from ednn.core.errors import InputError
from ednn.data.formats.axes import Axes
from ednn.data.formats.single import Samples
from ednn.data.formats.source import Source
from ednn.data.formats.stored import StoredNumbers

IMAGE = "CYXS"  # axes of an image, by tifffile's letters; any other counts images
NAMES = {"C": "channel", "S": "channel"}  # S are the samples of a pixel, such as RGB


class Pages(Samples):
    """Images that are read page by page.

    Args:
        file: an open file.
        series: its images of one shape; several where every page is a series of its own.
        one: whether they are a single image.
    """

    def __init__(
        self, file: tifffile.TiffFile, series: list[tifffile.TiffPageSeries], one: bool
    ) -> None:
        self.file, self.series = file, series
        lead = (1,) if one else (len(series),) if len(series) > 1 else ()
        super().__init__((*lead, *series[0].shape), series[0].dtype)
        self.each = max(1, prod(self.shape[1:]) // prod(series[0].keyframe.shape))  # pages

    def sample(self, number: int) -> np.ndarray:
        if len(self.series) > 1:
            return self.series[number].asarray()
        pages = range(number * self.each, (number + 1) * self.each)
        return self.file.asarray(key=pages, series=0).reshape(self.shape[1:])


class TIFFSource(Source):
    """The images of a TIFF file: (N, Y, X), with an axis of channels where they have any.

    Args:
        path: the file.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "a.tif")
        ...     tifffile.imwrite(path, np.zeros((5, 8, 9, 3), np.uint8), photometric="rgb")
        ...     with TIFFSource(path) as source:
        ...         numbers = source.find("")
        ...         numbers.shape, numbers.axes.channels_first("a.tif")
        ((5, 8, 9, 3), False)
    """

    names = [""]  # noqa: RUF012 - overrides a property

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.file = tifffile.TiffFile(path)

    def open(self, key: str) -> StoredNumbers:
        series = list(self.file.series)
        first = series[0]
        if len({(image.shape, image.dtype) for image in series}) > 1:
            shapes = sorted({str(image.shape) for image in series})
            raise InputError(
                f"{self.path} holds images of several shapes or kinds ({', '.join(shapes)}); "
                f"store those of one in a file of their own."
            )
        one = len(series) == 1 and first.axes[0] in IMAGE
        letters = first.axes if len(series) == 1 and not one else f"Q{first.axes}"
        names = tuple(NAMES.get(letter, letter.lower()) for letter in letters)
        axes = Axes(names, (0.0,) * len(names), ("",) * len(names))
        mappable = len(series) == 1 and first.dataoffset is not None
        if mappable:  # uncompressed, and in one piece
            mapped = tifffile.memmap(self.path, series=0, mode="r")
            stored = mapped[None] if one else mapped
            return StoredNumbers(stored, self.path, key, axes=lambda: axes, one=one)
        pages = Pages(self.file, series, one)
        chunks = (1, *pages.shape[1:])
        return StoredNumbers(pages, self.path, key, axes=lambda: axes, one=one, chunks=chunks)

    def close(self) -> None:
        self.file.close()
