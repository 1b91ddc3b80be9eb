"""Several EDNNs of one field, each on a scale or in a space of its own, joined (paper, Fig. 7)."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import lcm, prod

import torch
from torch import Tensor, nn

from ednn.branch import Branch
from ednn.errors import InputError
from ednn.precision import full_precision
from ednn.tiles import Tiling


class MultiScale(nn.Module):
    """The joined sums of several branches.

    Args:
        branches: what makes each `Branch`, by its name.
        join: makes a module from (branches · outputs) sums to `outputs` values, of `inputs` and
            `outputs`; None for a linear layer without bias, with which the whole is extensive.
        dims, channels, outputs, alphabet: of the field and the property.

    Attributes:
        shift, scale: per site; property = scale · join(sums) + shift · sites.
    """

    shift: Tensor
    scale: Tensor

    def __init__(
        self,
        branches: Mapping[str, Callable[..., Branch]],
        join: Callable[..., nn.Module] | None = None,
        dims: int = 2,
        channels: int = 1,
        outputs: int = 1,
        alphabet: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        if not branches:
            raise InputError("model.branches is empty; give at least one branch.")
        self.dims, self.channels = dims, channels
        shared = {"dims": dims, "channels": channels, "outputs": outputs, "alphabet": alphabet}
        self.branches = nn.ModuleDict({name: make(**shared) for name, make in branches.items()})
        inputs = len(branches) * outputs
        if join is None:
            self.join: nn.Module = nn.Linear(inputs, outputs, bias=False)
        else:
            warnings.warn(
                "A join that is not linear without bias makes the model lose its extensivity: it "
                "holds for systems of the trained size alone.",
                stacklevel=2,
            )
            self.join = join(inputs=inputs, outputs=outputs)
        self.register_buffer("shift", torch.zeros(outputs))
        self.register_buffer("scale", torch.ones(outputs))

    @property
    def sites_per_tile(self) -> int:
        """Shift and scale are those of one site: branches have tiles of their own."""
        return 1

    def forward(self, field: Tensor) -> Tensor:
        """Predict the extensive properties of fields (B, C, *L): (B, outputs), physical units."""
        sums = torch.cat([branch(field) for branch in self.branches.values()], 1)
        return self._joined(sums) + self.shift * prod(field.shape[2:])

    def _joined(self, sums: Tensor) -> Tensor:
        """Join (…, branches · outputs) to (…, outputs)."""
        with full_precision(sums.device):
            return self.join(sums.to(self.shift.dtype)) * self.scale

    def check(self, field: Tensor) -> None:
        """Make sure that fields fit every branch.

        Raises:
            InputError: a wrong number of axes or channels, or a side that a branch can't cut.
        """
        if field.ndim != 2 + self.dims or field.shape[1] != self.channels:
            raise InputError(
                f"A field of shape {tuple(field.shape)} doesn't fit this model; expected (batch, "
                f"{self.channels} channels, {self.dims} sides)."
            )
        for _, branch in self.named():
            branch.net.tiling.grid(branch.coarsened(field[:1]).shape[2:])

    @property
    def indivisible(self) -> str:
        """Why its property can't be shared out among tiles; nothing, where it can."""
        for name, branch in self.named():
            if branch.space != "real":
                return f"the branch {name} is in reciprocal space, which takes the whole field"
            if branch.coarse > 1 and branch.net.tiling.padding in ("reflect", "replicate"):
                return f"the branch {name} averages blocks before it pads them"
        if len({branch.net.tiling.padding for _, branch in self.named()}) > 1:
            return "its branches are padded differently"
        if not isinstance(self.join, nn.Linear):
            return "its branches are not joined linearly"
        return ""

    @property
    def tiling(self) -> Tiling:
        """The smallest tiles that are whole tiles of every branch, with the widest context."""
        tilings = [(branch.coarse, branch.net.tiling) for _, branch in self.named()]
        pooled = lcm(*(k for k, _ in tilings))
        axes = range(self.dims)
        focus = [lcm(*(k * t.focus[axis] for k, t in tilings)) for axis in axes]
        context = [
            -(-max(k * t.context[axis] for k, t in tilings) // pooled) * pooled for axis in axes
        ]
        return Tiling(self.dims, focus, context, tilings[0][1].padding)

    def contributions(self, field: Tensor) -> Tensor:
        """Map fields (B, C, *L) to what each tile of `tiling` gives: (B, *grid, outputs).

        Where the property is `indivisible`, the lattice is one tile.
        """
        self.check(field)
        if self.indivisible:
            return self(field).unflatten(0, (-1, *[1] * self.dims))
        return self.block_contributions(self.tiling.pad(field.to(self.shift.dtype)))

    def block_contributions(self, padded: Tensor) -> Tensor:
        """The same of blocks with their context, (B, C, *(n f + 2c)): (B, *n, outputs)."""
        tiling = self.tiling
        lattice = [side - 2 * c for side, c in zip(padded.shape[2:], tiling.context, strict=True)]
        padded = padded.to(self.shift.dtype)
        units = tiling.grid(lattice)
        shares = [branch.shares(padded, tiling.context, units) for _, branch in self.named()]
        return self._joined(torch.cat(shares, -1)) + self.shift * tiling.sites

    def weights(self) -> dict[str, float]:
        """Mean absolute weight of each branch in a linear join; 0 for all in another join."""
        names = list(self.branches)
        if not isinstance(self.join, nn.Linear):
            return dict.fromkeys(names, 0.0)
        by_branch = self.join.weight.detach().abs().mean(0).unflatten(0, (len(names), -1)).mean(1)
        return dict(zip(names, by_branch.tolist(), strict=True))

    def named(self) -> Iterator[tuple[str, Branch]]:
        """Yield the branches by name."""
        for name, branch in self.branches.items():
            assert isinstance(branch, Branch)
            yield name, branch


class DeepJoin(nn.Sequential):
    """A join with a hidden layer: (B, inputs) → (B, outputs); not extensive."""

    def __init__(self, inputs: int, outputs: int, hidden: int = 32) -> None:
        super().__init__(nn.Linear(inputs, hidden), nn.SiLU(), nn.Linear(hidden, outputs))
