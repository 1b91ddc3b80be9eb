"""The values that a model's training fields had, and the refusal of fields that have others."""

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import torch
from torch import Tensor

from ednn.core.errors import InputError

MOST_VALUES = 16  # of a discrete field
REPEATS = 50  # times that a discrete field has each of its values, on average, at least
REFUSED, WARNED = 1.0, 0.25  # how far beyond the training's range, in units of its width
ROUNDING = 1e-6  # of values in single precision, relative
CALM = 1e-3  # smallest spread of a field that goes without a word, in units of the training's


@dataclass(frozen=True)
class SeenValues:
    """The values of the fields of a data set.

    Attributes:
        lowest, highest: of each channel, (channels,).
        spread: standard deviation of each channel over all fields, (channels,).
        values: all of them, ascending, where they are few; None for a continuous field.

    Example:
        >>> SeenValues.of(torch.tensor([-1.0, 1.0]).repeat(60).view(1, 1, 120)).values
        (-1.0, 1.0)
    """

    lowest: tuple[float, ...]
    highest: tuple[float, ...]
    spread: tuple[float, ...]
    values: tuple[float, ...] | None = None

    @classmethod
    def of(cls, samples: Tensor) -> "SeenValues":
        """Collect the values of fields (N, C, *L)."""
        flat = samples.movedim(1, 0).flatten(1)  # (C, N · sites)
        values = flat[:, : MOST_VALUES * REPEATS].unique()  # most continuous fields end here
        if len(values) <= MOST_VALUES:
            values = flat.unique()
        few = len(values) <= MOST_VALUES and len(values) * REPEATS <= flat.numel()
        lowest, highest = flat.aminmax(dim=1)
        spread = flat.double().std(1, correction=0)
        low, high, wide = (tuple(column.tolist()) for column in (lowest, highest, spread))
        return cls(low, high, wide, tuple(values.tolist()) if few else None)

    @classmethod
    def of_alphabet(cls, alphabet: tuple[float, ...], channels: int) -> "SeenValues":
        """Return what fields of a known alphabet can hold."""
        low, high = (alphabet[0],) * channels, (alphabet[-1],) * channels
        return cls(low, high, (0.0,) * channels, alphabet)

    def to_plain(self) -> dict[str, Any]:
        """Return dictionaries, lists and numbers, which a checkpoint can hold."""
        plain = asdict(self)
        return {key: value if value is None else list(value) for key, value in plain.items()}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "SeenValues":
        """Return the `SeenValues` that `to_plain` was called on."""
        lowest, highest, spread, values = (plain[field.name] for field in fields(cls))
        few = None if values is None else tuple(values)
        return cls(tuple(lowest), tuple(highest), tuple(spread), few)

    def require(self, given: Tensor) -> None:
        """Refuse fields (B, C, *L) of values that no training field had, and warn of unusual ones.

        Raises:
            InputError: a value that is none of a discrete field's, or far outside of the range.
        """
        if words := self.unusual(given):
            warnings.warn(words, stacklevel=2)

    def unusual(self, given: Tensor, part: bool = False) -> str | None:
        """Say what is unusual in fields (B, C, *L); None if nothing is.

        Args:
            given: the fields.
            part: whether they are a part of larger ones, which may be calm where the others
                are not.

        Raises:
            InputError: a value that is none of a discrete field's, or far outside of the range.

        Example:
            >>> seen = SeenValues((0.0,), (20.0,), (5.0,))
            >>> seen.unusual(torch.tensor([[[3.0, 27.0]]]))
            'Fields have values from 3 to 27, but those of the training had values from 0 to ...'
        """
        if not given.numel():
            return None
        if self.values is not None:
            self._require_alphabet(given)
            return None
        found = [self._unusual(i, given[:, i], part) for i in range(len(self.lowest))]
        return next(filter(None, found), None)

    def _require_alphabet(self, given: Tensor) -> None:
        assert self.values is not None
        known = torch.tensor(self.values, device=given.device).float()
        strange = ~torch.isin(given.float(), known)
        if strange.any():
            found = given[strange][0].item()
            raise InputError(
                f"A field holds {found:g}, but the model was trained on fields of "
                f"{_listed(self.values)} alone; {_mend(given, self.values)}, or give "
                f"extrapolate=true to predict all the same."
            )

    def _unusual(self, i: int, given: Tensor, part: bool) -> str | None:
        """Say what is unusual in channel i, (B, *L)."""
        low, high = (end.item() for end in given.aminmax())
        lowest, highest = self.lowest[i], self.highest[i]
        width = highest - lowest
        rounding = ROUNDING * max(abs(lowest), abs(highest))
        beyond = max(lowest - low, high - highest) - rounding
        channel = f" in channel {i}" if len(self.lowest) > 1 else ""
        words = (
            f"Fields have values from {low:.4g} to {high:.4g}{channel}, but those of the training "
            f"had values from {lowest:.4g} to {highest:.4g}"
        )
        if beyond > REFUSED * width:
            raise InputError(
                f"{words}; give fields in the units of the training, or extrapolate=true to "
                f"predict all the same."
            )
        calm = not part and 0 < high - low < CALM * self.spread[i]
        return f"{words}: are they in the same units?" if beyond > WARNED * width or calm else None


def _mend(given: Tensor, values: tuple[float, ...]) -> str:
    """Say how to convert the usual spellings of spins."""
    found = given.unique().tolist() if given.numel() < 2**24 else []
    if values == (-1.0, 1.0) and found in ([0, 1], [0], [1]):
        return "convert x to 2 x − 1"
    if values == (0.0, 1.0) and found in ([-1, 1], [-1]):
        return "convert x to (x + 1) / 2"
    if values == (-1.0, 1.0) and 255 in found:
        return "read the bytes as signed ones (int8), in which 255 is −1"
    return "convert them"


def _listed(values: tuple[float, ...]) -> str:
    *most, last = (f"{value:g}" for value in values)
    return f"{', '.join(most)} and {last}" if most else last
