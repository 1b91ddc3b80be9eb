"""Numbers that are packed or marked as missing by attributes, as in netCDF files."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

MARKS = ("_FillValue", "missing_value")
SCALING = {"scale_factor": 1.0, "add_offset": 0.0}  # and what they are if only the other is given
LIMITS = ("valid_min", "valid_max")
NONE: Mapping[str, np.ndarray] = MappingProxyType({})
NAMES = (*MARKS, *SCALING, *LIMITS, "valid_range")


class Packing(NamedTuple):
    """What the attributes of a dataset say about its numbers (conventions of netCDF and CF).

    Attributes:
        unsigned: signed integers stand for unsigned ones.
        scaling: a factor and what is added after it; None where nothing is packed.
        missing: numbers that stand for missing ones, by the name of what says so.
        valid: least and largest valid number, in the units of the file.

    Example:
        >>> said = {"scale_factor": 0.01, "add_offset": 273.0, "missing_value": -1}
        >>> packing = Packing.of(said, np.dtype("i2"))
        >>> packing.unpack(np.array([100], "i2")).tolist(), packing.words
        ([274.0], ', unpacked by scale_factor=0.01 and add_offset=273.0')
        >>> [words for words, bad in packing.faults(np.array([100, -1], "i2")) if bad.any()]
        ['its missing_value']
    """

    unsigned: bool
    scaling: tuple[float, float] | None
    missing: dict[str, np.ndarray]
    valid: tuple[float, float]

    @classmethod
    def of(
        cls, said: Mapping[str, Any], kind: np.dtype, unwritten: Mapping[str, np.ndarray] = NONE
    ) -> "Packing":
        """Read the attributes of an array.

        Args:
            said: the attributes.
            kind: of the numbers in the file.
            unwritten: what stands where nothing was written, if no attribute names it.
        """
        found = {name: _numbers(said[name]) for name in NAMES if name in said}
        numbers = {name: values for name, values in found.items() if len(values)}
        unsigned = str(np.ravel(said.get("_Unsigned", ""))[0]) in ("true", "b'true'")
        factor, offset = (float(numbers.get(n, [none])[0]) for n, none in SCALING.items())
        scaling = (factor, offset) if SCALING.keys() & numbers else None
        bare = cls(unsigned and kind.kind == "i", scaling, {}, (-np.inf, np.inf))
        missing = {n: numbers[n] for n in MARKS if n in numbers} or dict(unwritten)
        return bare._replace(missing=missing, valid=bare._valid(numbers, kind))

    @property
    def words(self) -> str:
        """How the numbers are unpacked; empty if they aren't."""
        if self.scaling is None:
            return ""
        return ", unpacked by scale_factor={} and add_offset={}".format(*self.scaling)

    def faults(self, raw: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        """Yield what may be wrong with numbers as they are stored, and where it is."""
        for name, marks in self.missing.items():
            same = marks.astype(raw.dtype) if raw.dtype.kind == "f" else marks
            yield f"its {name}", np.isin(raw, same)
        low, high = self.valid
        if np.isfinite([low, high]).any():
            values = self._signed(raw)
            yield f"outside its valid range {low} to {high}", (values < low) | (values > high)

    def unpack(self, raw: np.ndarray) -> np.ndarray:
        """Return what numbers as they are stored stand for."""
        values = self._signed(raw)
        if self.scaling is None:
            return values
        factor, offset = self.scaling
        return values.astype(np.float64) * factor + offset

    def _signed(self, raw: np.ndarray) -> np.ndarray:
        if not self.unsigned:
            return raw
        return raw.astype(raw.dtype.newbyteorder("=")).view(f"u{raw.dtype.itemsize}")

    def _valid(self, numbers: dict[str, np.ndarray], kind: np.dtype) -> tuple[float, float]:
        """Return the valid range in the units of the file: real bounds of integers are unpacked."""
        both = numbers.get("valid_range", ())
        ends = both if len(both) == 2 else [numbers.get(n, (None,))[0] for n in LIMITS]
        bounds = []
        for end, none in zip(ends, (-np.inf, np.inf), strict=True):
            if end is None:
                bounds.append(none)
            elif self.scaling and np.asarray(end).dtype.kind == "f" and kind.kind in "iu":
                bounds.append(float(np.rint((end - self.scaling[1]) / self.scaling[0])))
            else:
                wrapped = 2 ** (8 * kind.itemsize) if self.unsigned and end < 0 else 0
                bounds.append(float(end) + wrapped)
        low, high = bounds
        return low, high


def _numbers(value: Any) -> np.ndarray:
    """Return an attribute as numbers (n,), none if it holds no numbers."""
    values = np.asarray(value).ravel()
    return values if values.dtype.kind in "biuf" else np.empty(0)
