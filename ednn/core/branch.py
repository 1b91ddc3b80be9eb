"""One scale of a multi-scale EDNN: the field, coarse-grained or in reciprocal space, in tiles."""

import warnings
from collections.abc import Callable, Sequence
from math import pi, prod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ednn.core.errors import InputError
from ednn.core.interface import TiledView
from ednn.core.model import EDNN
from ednn.core.precision import full_precision

SPACES = ("real", "complex", "power", "spectrum")
POOL = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


class Branch(nn.Module):
    """An EDNN of a field as one scale or one space shows it.

    In reciprocal space the field is x_k = Σ_r x(r) exp(−ik·r) / N, which a replica of the system
    has at every second k, or third, and zero between. What a tile of zeros gives is subtracted and
    N multiplied, so that a replica has exactly the multiple wherever tiles are single k (f = 1,
    c = 0); with larger ones it has not, and a warning says so.

    Args:
        subnet, f, c, padding: of its `EDNN`; f and c in sites of the coarse field.
        dims, channels, outputs, alphabet: of the field and the property.
        coarse: averages the field over blocks of so many sites along every axis.
        space: what the tiles are cut from. "real": the field itself; "complex": real and imaginary
            part of x_k; "power": |x_k|²; "spectrum": nothing but |k|, of which the subnetwork gives
            a factor that |x_k|² is multiplied by: Σ_k w(|k|) |x_k|² N, in which w holds on lattices
            of any size.
        wave_number: adds |k| (in 1/site) to the channels of "complex" and "power".

    Raises:
        InputError: an unknown space, or settings that don't go with it.
    """

    def __init__(
        self,
        subnet: Callable[..., nn.Module],
        f: int | Sequence[int],
        c: int | Sequence[int],
        padding: str = "periodic",
        dims: int = 2,
        channels: int = 1,
        outputs: int = 1,
        alphabet: Sequence[float] | None = None,
        coarse: int = 1,
        space: str = "real",
        wave_number: bool = False,
    ) -> None:
        super().__init__()
        if space not in SPACES:
            raise InputError(f"space={space} is unknown; choose one of {', '.join(SPACES)}.")
        if not isinstance(coarse, int) or coarse < 1:
            raise InputError(f"coarse={coarse} is not possible; give a whole number from 1.")
        if wave_number and space not in ("complex", "power"):
            raise InputError(
                f"wave_number=true goes with the spaces complex and power, not with {space}; leave "
                f"it out."
            )
        self.coarse, self.space, self.wave_number = coarse, space, wave_number
        shown = {"real": channels, "complex": 2 * channels, "power": channels, "spectrum": 1}[space]
        self.net = EDNN(
            subnet,
            f,
            c,
            dims,
            shown + wave_number,
            outputs * channels if space == "spectrum" else outputs,
            padding,
            alphabet if space == "real" and coarse == 1 else None,
        )
        self.outputs = outputs
        if space != "real" and self.net.tiling.window != (1,) * dims:
            if space == "spectrum":
                raise InputError(
                    f"space=spectrum has a factor for every wave vector alone, not for tiles of "
                    f"{self.net.tiling.window}; give f=1 and c=0."
                )
            warnings.warn(
                f"Tiles of {self.net.tiling.window} in reciprocal space hold several wave vectors, "
                f"whose spacing changes with the size of a system: the model is not extensive.",
                stacklevel=2,
            )

    def forward(self, field: Tensor) -> Tensor:
        """Sum over the tiles of fields (B, C, *L): (B, outputs)."""
        seen = self.seen(field)  # (B, C', *L / coarse)
        if self.space == "real":
            return self.block_sites * self.net(seen)
        number = _wave_numbers(seen.shape[2:], seen)[None, None]  # (1, 1, *L / coarse)
        if self.space == "spectrum":
            weight = self.net.contributions(number)[0]  # (*L / coarse, outputs · C)
            weight = weight.unflatten(-1, (self.outputs, -1)).movedim((-2, -1), (0, 1))
            with full_precision(seen.device):
                each = torch.einsum("oc...,bc...->bo", weight.to(seen.dtype), seen)
        else:
            none = torch.zeros_like(seen[:1])
            each = self.net(self._numbered(seen, number)) - self.net(self._numbered(none, number))
        return prod(field.shape[2:]) / self.net.tiling.sites * each

    @property
    def block_sites(self) -> int:
        """Sites of the field in one value of the coarse field."""
        return self.coarse**self.net.info.dims

    def seen(self, field: Tensor) -> Tensor:
        """What the tiles are cut from, |k| left out: (B, C, *L) → (B, C', *(L / coarse))."""
        coarse = self.coarsened(field)
        if self.space == "real":
            return coarse
        axes = tuple(range(2, field.ndim))
        wave = torch.fft.fftn(coarse.to(self.net.precision), dim=axes, norm="forward")
        return torch.cat([wave.real, wave.imag], 1) if self.space == "complex" else wave.abs() ** 2

    def _numbered(self, seen: Tensor, number: Tensor) -> Tensor:
        """Add |k| (1, 1, *L) as a channel, where that is wanted."""
        if not self.wave_number:
            return seen
        return torch.cat([seen, number.expand(len(seen), *number.shape[1:])], 1)

    def coarsened(self, field: Tensor) -> Tensor:
        """Average fields (B, C, *L) over blocks: (B, C, *(L / coarse)).

        Raises:
            InputError: the blocks don't fit the lattice.
        """
        if self.coarse == 1:
            return field
        if any(side % self.coarse for side in field.shape[2:]):
            raise InputError(
                f"A lattice of sides {tuple(field.shape[2:])} is not whole blocks of "
                f"coarse={self.coarse} sites along every axis; choose another size."
            )
        return POOL[self.net.info.dims](field.to(self.net.precision), self.coarse)

    def view(self, name: str, weight: float | None, field: Tensor) -> TiledView:
        """Return the first of some fields (B, C, *L) as this branch sees it."""
        with torch.no_grad():
            seen = self.seen(field.to(self.net.precision))[0, 0]  # (*L / coarse)
        return TiledView(
            name, seen, self.net.tiling, weight=weight, coarse=self.coarse, space=self.space
        )

    def shares(self, padded: Tensor, border: Sequence[int], units: Sequence[int]) -> Tensor:
        """Map blocks with a common context to what their units give: (B, *units, outputs).

        Args:
            padded: blocks of the field with `border` sites around, (B, C, *(n + 2 border)).
            border: at least the branch's own context, per axis.
            units: how many equal parts the block has along every axis, each of whole tiles.
        """
        tiling = self.net.tiling
        for axis, (wide, c) in enumerate(zip(border, tiling.context, strict=True), start=2):
            cut = wide - c * self.coarse
            padded = padded.narrow(axis, cut, padded.shape[axis] - 2 * cut)
        shares = self.block_sites * self.net.block_contributions(self.coarsened(padded))
        for axis, n in enumerate(units, start=1):
            shares = shares.unflatten(axis, (n, -1)).sum(axis + 1)
        return shares


def _wave_numbers(lattice: Sequence[int], like: Tensor) -> Tensor:
    """|k| = (Σ_axes k²)^½ of every wave vector of a lattice, in radians per site, (*lattice)."""
    axes = [
        2 * pi * torch.fft.fftfreq(side, dtype=like.dtype, device=like.device) for side in lattice
    ]
    square = sum(k**2 for k in torch.meshgrid(*axes, indexing="ij"))
    return torch.as_tensor(square).sqrt()
