"""One branch of a multi-scale EDNN: an EDNN of the field at one scale or in reciprocal space."""

import warnings
from collections.abc import Callable, Sequence
from math import pi, prod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ednn.core.errors import InputError
from ednn.core.model import EDNN
from ednn.core.precision import full_precision
from ednn.core.view import TiledView

SPACES = ("real", "complex", "power", "spectrum")
AVERAGE_POOL = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}  # by dimension


class Branch(nn.Module):
    """An EDNN of a field, coarse-grained or in reciprocal space.

    In reciprocal space the field is x_k = Σ_r x(r) exp(−ik·r) / N. A system repeated n times has
    the same x_k at every n-th wave vector, and zero between. So the value of a tile of zeros is
    subtracted, and the sum is multiplied by N: the repeated system then has exactly n times the
    property, as long as a tile holds one wave vector (f = 1, c = 0). With larger tiles it has not,
    and a warning says so.

    Args:
        subnet: what makes the subnetwork, as in `EDNN`.
        f: side of the focus, in values of the coarse field.
        c: width of the context, in values of the coarse field.
        padding: as in `EDNN`.
        dims, channels, outputs, alphabet: of the field and the property, as in `EDNN`.
        coarse: side of the blocks of sites over which the field is averaged.
        space: what is cut into tiles. "real": the field; "complex": real and imaginary part of x_k;
            "power": |x_k|²; "spectrum": |k|, for which the subnetwork returns a factor w. The
            property is then Σ_k w(|k|) |x_k|² N, where w holds for lattices of any size.
        wave_number: adds |k| (in rad/site) to the channels of "complex" and "power".

    Raises:
        InputError: an unknown space, or settings that exclude each other.

    Example:
        >>> from ednn.core.subnets import ANN
        >>> branch, field = Branch(ANN, f=2, c=1, coarse=2), torch.ones(3, 1, 8, 8)
        >>> branch.seen(field).shape, branch(field).shape
        (torch.Size([3, 1, 4, 4]), torch.Size([3, 1]))
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
        _check_settings(coarse, space, wave_number)
        self.coarse, self.space, self.wave_number = coarse, space, wave_number
        seen = {"real": channels, "complex": 2 * channels, "power": channels, "spectrum": 1}[space]
        self.net = EDNN(
            subnet,
            f,
            c,
            dims,
            seen + wave_number,
            outputs * channels if space == "spectrum" else outputs,
            padding,
            alphabet if space == "real" and coarse == 1 else None,
        )
        self.outputs = outputs
        if space != "real" and self.net.tiling.window != (1,) * dims:
            if space == "spectrum":
                raise InputError(
                    f"space=spectrum has one factor for each wave vector, not for tiles of "
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
        k = _wave_numbers(seen.shape[2:], self.coarse, seen)[None, None]  # (1, 1, *L / coarse)
        if self.space == "spectrum":
            weight = self.net.contributions(k)[0]  # (*L / coarse, outputs · C)
            weight = weight.unflatten(-1, (self.outputs, -1)).movedim((-2, -1), (0, 1))
            with full_precision(seen.device):
                total = torch.einsum("oc...,bc...->bo", weight.to(seen.dtype), seen)
        else:
            zero = torch.zeros_like(seen[:1])
            total = self.net(self._with_number(seen, k)) - self.net(self._with_number(zero, k))
        return prod(field.shape[2:]) / self.net.tiling.sites * total

    @property
    def block_sites(self) -> int:
        """Number of sites that one value of the coarse field is averaged over."""
        return self.coarse**self.net.info.dims

    def seen(self, field: Tensor) -> Tensor:
        """Return what is cut into tiles, without |k|: (B, C, *L) → (B, C', *(L / coarse))."""
        coarse = self.coarsened(field)
        if self.space == "real":
            return coarse
        axes = tuple(range(2, field.ndim))
        wide = torch.promote_types(self.net.precision, torch.float32)  # of what torch transforms
        wave = torch.fft.fftn(coarse.to(wide), dim=axes, norm="forward")
        return torch.cat([wave.real, wave.imag], 1) if self.space == "complex" else wave.abs() ** 2

    def _with_number(self, seen: Tensor, k: Tensor) -> Tensor:
        """Append |k| (1, 1, *L) as a channel if `wave_number` is set."""
        if not self.wave_number:
            return seen
        return torch.cat([seen, k.expand(len(seen), *k.shape[1:])], 1)

    def coarsened(self, field: Tensor) -> Tensor:
        """Average fields (B, C, *L) over blocks: (B, C, *(L / coarse)).

        Raises:
            InputError: a side of the lattice is not a multiple of `coarse`.
        """
        if self.coarse == 1:
            return field
        if any(side % self.coarse for side in field.shape[2:]):
            raise InputError(
                f"A lattice of sides {tuple(field.shape[2:])} is not whole blocks of "
                f"coarse={self.coarse} sites along every axis; choose another size."
            )
        return AVERAGE_POOL[self.net.info.dims](field.to(self.net.precision), self.coarse)

    def view(self, name: str, weight: float | None, field: Tensor) -> TiledView:
        """Return the first field of a batch (B, C, *L) as this branch sees it."""
        with torch.no_grad():
            seen = self.seen(field.to(self.net.precision))[0, 0]  # (*L / coarse)
        return TiledView(
            name, seen, self.net.tiling, weight=weight, coarse=self.coarse, space=self.space
        )

    def shares(self, padded: Tensor, border: Sequence[int], units: Sequence[int]) -> Tensor:
        """Map blocks with a common context to what their units contribute: (B, *units, outputs).

        Args:
            padded: blocks of the field with a border around, (B, C, *(n + 2 border)).
            border: width of that border per axis, at least the branch's own context.
            units: number of equal parts of a block along every axis, each of whole tiles.
        """
        tiling = self.net.tiling
        for axis, (wide, c) in enumerate(zip(border, tiling.context, strict=True), start=2):
            cut = wide - c * self.coarse
            padded = padded.narrow(axis, cut, padded.shape[axis] - 2 * cut)
        shares = self.block_sites * self.net.block_contributions(self.coarsened(padded))
        for axis, n in enumerate(units, start=1):
            shares = shares.unflatten(axis, (n, -1)).sum(axis + 1)
        return shares


def _check_settings(coarse: int, space: str, wave_number: bool) -> None:
    if space not in SPACES:
        raise InputError(f"space={space} is unknown; choose one of {', '.join(SPACES)}.")
    if not isinstance(coarse, int) or coarse < 1:
        raise InputError(f"coarse={coarse} is not possible; give a whole number from 1.")
    if wave_number and space not in ("complex", "power"):
        raise InputError(
            f"wave_number=true goes with the spaces complex and power, not with {space}; leave it "
            f"out."
        )


def _wave_numbers(lattice: Sequence[int], coarse: int, like: Tensor) -> Tensor:
    """Return |k| = (Σ_axes k²)^½ of a coarse lattice's wave vectors, (*lattice), in rad/site."""
    axes = [
        2 * pi * torch.fft.fftfreq(side, coarse, dtype=like.dtype, device=like.device)
        for side in lattice
    ]
    square = sum(k**2 for k in torch.meshgrid(*axes, indexing="ij"))
    return torch.as_tensor(square).sqrt()
