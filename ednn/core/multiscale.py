"""Several EDNNs of one field, each at its own scale or in its own space, joined (paper, Fig. 7)."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import lcm, prod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ednn.core.branch import Branch
from ednn.core.errors import InputError
from ednn.core.features import Shares
from ednn.core.info import DatasetInfo, unnamed_outputs
from ednn.core.interface import FieldModel
from ednn.core.precision import full_precision
from ednn.core.tiling import Tiling
from ednn.core.view import TiledView


class MultiScale(FieldModel):
    """A property joined from the sums of several branches.

    Args:
        branches: a function for each `Branch` that makes it, by the branch's name.
        join: makes a module that maps (branches · outputs) sums to `outputs` values, from `inputs`
            and `outputs`; None for a linear layer without bias, the only join that is extensive.
        dims, channels, outputs, alphabet: of the field and the property, as in `EDNN`.

    Raises:
        InputError: there are no branches, or one can't be made.

    Example:
        >>> from functools import partial
        >>> from ednn.core.subnets import ANN
        >>> fine, coarse = partial(Branch, ANN, f=1, c=1), partial(Branch, ANN, f=1, c=1, coarse=4)
        >>> model = MultiScale({"fine": fine, "coarse": coarse})
        >>> model.tiling.focus, model.contributions(torch.ones(2, 1, 8, 8)).shape
        ((4, 4), torch.Size([2, 2, 2, 1]))
    """

    def __init__(
        self,
        branches: Mapping[str, Callable[..., Branch]],
        join: Callable[..., nn.Module] | None = None,
        dims: int = 2,
        channels: int = 1,
        outputs: int = 1,
        alphabet: Sequence[float] | None = None,
    ) -> None:
        values = None if alphabet is None else tuple(sorted({*map(float, alphabet)}))
        super().__init__(DatasetInfo(unnamed_outputs(outputs), dims, channels, alphabet=values))
        if not branches:
            raise InputError("model.branches is empty; give at least one branch.")
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

    def forward(self, field: Tensor) -> Tensor:
        """Predict the extensive properties of fields (B, C, *L): (B, outputs), physical units."""
        self.check(field)
        seen = self.seen(field)
        sums = torch.cat([branch(seen) for _, branch in self.named()], 1)
        return self._joined(sums) + self.shift * prod(field.shape[2:])

    def seen(self, field: Tensor) -> Tensor:
        """Return fields (B, C, *L) as the branches see them."""
        return self.scaling(field.to(self.precision))

    def _joined(self, sums: Tensor) -> Tensor:
        """Join (…, branches · outputs) to (…, outputs)."""
        with full_precision(sums.device):
            return self.join(sums.to(self.precision)) * self.scale.double()

    def check_sides(self, field: Tensor) -> None:
        for _, branch in self.named():
            branch.net.tiling.grid(branch.coarsened(field[:1]).shape[2:])

    @property
    def indivisible(self) -> str:
        """Why the property cannot be divided among tiles; empty if it can."""
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
        axes = range(self.info.dims)
        focus = [lcm(*(k * t.focus[axis] for k, t in tilings)) for axis in axes]
        context = [
            -(-max(k * t.context[axis] for k, t in tilings) // pooled) * pooled for axis in axes
        ]
        return Tiling(self.info.dims, focus, context, tilings[0][1].padding)

    @property
    def period(self) -> tuple[int, ...]:
        periods = [[b.coarse * side for side in b.net.period] for _, b in self.named()]
        return tuple(lcm(*sides) for sides in zip(*periods, strict=True))

    def shares(self, field: Tensor) -> Shares:
        """Return what each tile of `tiling` adds to the properties; there are no features.

        If the property is `indivisible`, the whole lattice is one tile.
        """
        self.check(field)
        if self.indivisible:
            whole = self(field).unflatten(0, (-1, *[1] * self.info.dims))
            return Shares(whole, whole.new_zeros(len(field), 0))
        return self.block_shares(self.tiling.pad(field.to(self.precision)))

    def block_shares(self, padded: Tensor) -> Shares:
        tiling = self.tiling
        lattice = [side - 2 * c for side, c in zip(padded.shape[2:], tiling.context, strict=True)]
        seen = self.seen(padded)
        units = tiling.grid(lattice)
        shares = [branch.shares(seen, tiling.context, units) for _, branch in self.named()]
        tiles = self._joined(torch.cat(shares, -1)) + self.shift * tiling.sites
        return Shares(tiles, tiles.new_zeros(len(padded), 0))

    def views(self, inputs: Tensor) -> list[TiledView]:
        weights = self.weights()
        return [
            branch.view(name, weights.get(name), self.seen(inputs[:1]))
            for name, branch in self.named()
        ]

    def parts(self, field: Tensor) -> dict[str, Tensor]:
        """Return what each branch adds to the properties; empty if not joined linearly."""
        if not isinstance(self.join, nn.Linear):
            return {}
        weights = self.join.weight.unflatten(1, (len(self.branches), -1)).unbind(1)
        seen = self.seen(field)
        return {
            name: F.linear(branch(seen).to(self.precision), weight) * self.scale.double()
            for (name, branch), weight in zip(self.named(), weights, strict=True)
        }

    def weights(self) -> dict[str, float]:
        """Return the mean absolute weight of each branch; empty if not joined linearly."""
        names = list(self.branches)
        if not isinstance(self.join, nn.Linear):
            return {}
        by_branch = self.join.weight.detach().abs().mean(0).unflatten(0, (len(names), -1)).mean(1)
        return dict(zip(names, by_branch.tolist(), strict=True))

    def named(self) -> Iterator[tuple[str, Branch]]:
        """Yield name and branch, for every branch."""
        for name, branch in self.branches.items():
            assert isinstance(branch, Branch)
            yield name, branch


class DeepJoin(nn.Sequential):
    """A join with a hidden layer: (B, inputs) → (B, outputs); not extensive.

    Example:
        >>> DeepJoin(inputs=3, outputs=1)(torch.ones(5, 3)).shape
        torch.Size([5, 1])
    """

    def __init__(self, inputs: int, outputs: int, hidden: int = 32) -> None:
        super().__init__(nn.Linear(inputs, hidden), nn.SiLU(), nn.Linear(hidden, outputs))
