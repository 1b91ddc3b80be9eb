"""What single spin flips change in a learned property, computed from the affected tiles alone.

A flip affects the tiles whose window holds the site. Sites that share no tile flip independently of
each other, so a whole sublattice of them is evaluated at once, and in many replicas.

A subnetwork is divided into an affine map of a tile to its image, and the rest. A flip changes an
image by one fixed step, so images are stored and only the rest is evaluated. If few tiles are
possible, the image is the tile's number and the rest a table. If the first layer is linear, it is
the map: for the paper's ANN at f = 8, c = 1 that saves a matrix product which is nearly all of the
work. Otherwise the image is the tile itself.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn

from ednn.core.distinct import tile_codes
from ednn.core.errors import InputError
from ednn.core.interface import ExtensiveModel
from ednn.core.model import EDNN, networks_of
from ednn.core.tiling import Tiling

MAX_TABLE = 2**16  # largest number of possible tiles for which outputs are tabulated
TILES_AT_ONCE = 2**12  # number of tiles evaluated together for a table
FRESH = 10  # sweeps, after which what rounding has added up to is dropped

Map = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Sublattice:
    """Sites of which no two share a tile, all at the same positions in the tiles that hold them.

    Attributes:
        sites: indices in the flattened lattice, (n,).
        tiles: indices in the flattened grid of the k tiles that hold each site, (n, k).
        positions: whether a site stands at each position of its tiles, (k, window values); it
            stands at several of one tile if the window is wider than the lattice.

    Example:
        >>> part = sublattices(Tiling(2, focus=2, context=0), (4, 4))[0]
        >>> part.sites.tolist(), part.tiles.tolist()  # each site lies in one tile, its own
        ([0, 2, 8, 10], [[0], [1], [2], [3]])
    """

    sites: Tensor
    tiles: Tensor
    positions: Tensor


def sublattices(tiling: Tiling, lattice: Sequence[int]) -> list[Sublattice]:
    """Divide a periodic lattice into as few sublattices as translations by whole tiles allow.

    Args:
        tiling: the tiles.
        lattice: sides of the lattice.

    Raises:
        InputError: another padding than "periodic", or a side that f doesn't divide.

    Example:
        >>> parts = sublattices(Tiling(2, focus=1, context=1), (8, 8))
        >>> len(parts), parts[0].sites.shape, parts[0].tiles.shape
        (16, torch.Size([4]), torch.Size([4, 9]))
    """
    if tiling.padding != "periodic":
        raise InputError(
            f"Flips are evaluated on periodic lattices, but this model pads with "
            f"{tiling.padding!r}; train one with tile.padding=periodic."
        )
    zero, true = torch.zeros(1, dtype=torch.long), torch.ones(1, 1, dtype=torch.bool)
    parts = [Sublattice(zero, zero[:, None], true)]
    for axis, tiles in enumerate(tiling.grid(lattice)):
        line = list(_line(tiling.focus[axis], tiling.context[axis], tiles))
        parts = [_product(part, along, lattice[axis], tiles) for part in parts for along in line]
    return parts


def _line(f: int, c: int, tiles: int) -> Iterator[Sublattice]:
    """Divide a line of so many tiles into sublattices.

    A site stands at position `first` of one tile, f further in the tile before, and so on.
    """
    window = f + 2 * c
    for remainder in range(f):
        first = (remainder + c) % f
        back = torch.arange(min(len(range(first, window, f)), tiles))  # (k,)
        positions = (torch.arange(window) - first) % (f * tiles) == f * back[:, None]  # (k, window)
        apart = next(n for n in range(len(back), tiles + 1) if tiles % n == 0)
        for start in range(apart):
            focus = torch.arange(start, tiles, apart)  # (n,) the tiles whose foci hold the sites
            holding = focus[:, None] + (remainder + c - first) // f - back
            yield Sublattice(f * focus + remainder, holding % tiles, positions)


def _product(a: Sublattice, b: Sublattice, side: int, tiles: int) -> Sublattice:
    """Combine sublattices of the first axes and of the next, which has so many sites and tiles."""
    return Sublattice(
        (side * a.sites[:, None] + b.sites).flatten(),
        (tiles * a.tiles[:, None, :, None] + b.tiles[:, None]).flatten(2).flatten(0, 1),
        (a.positions[:, None, :, None] & b.positions[:, None]).flatten(2).flatten(0, 1),
    )


@dataclass(frozen=True)
class Proposal:
    """The flips of all n sites of one sublattice in each of B replicas.

    Attributes:
        change: change of the property by each flip, (n, B), physical units.
        number: index of the sublattice.
        before: outputs of the subnetwork for the affected tiles, (n, k, B).
        after: the same after the flip.

    Example:
        >>> from ednn.core.subnets import ANN
        >>> flips = Flips(EDNN(ANN, focus=1, context=1), torch.ones(3, 6, 6))
        >>> proposal = flips.propose(0)
        >>> proposal.change.shape, proposal.before.shape  # 4 sites, each in 9 tiles, 3 replicas
        (torch.Size([4, 3]), torch.Size([4, 9, 3]))
    """

    change: Tensor
    number: int
    before: Tensor
    after: Tensor


class Flips:
    """Replicas of Ising spins, and a model's property of each as they flip.

    Args:
        model: an `EDNN` of one channel and one output, with periodic padding.
        spins: ±1, (B, *L), on the model's device.

    Attributes:
        spins: current spins, (sites, B).
        sublattices: number of sublattices.
        values: number of values stored per replica.

    Raises:
        InputError: a model of several channels, outputs or branches or another padding, or a side
            that f doesn't divide.

    Example:
        >>> from ednn.core.subnets import ANN
        >>> model = EDNN(ANN, focus=1, context=1, alphabet=[-1, 1])
        >>> flips = Flips(model, torch.ones(3, 4, 4))
        >>> proposal = flips.propose(0)
        >>> flips.accept(proposal, torch.ones_like(proposal.change, dtype=torch.bool))
        >>> proposal.change.shape, flips.spins.sum(0).tolist()  # of 16 spins, one has flipped
        (torch.Size([1, 3]), [14, 14, 14])
    """

    @torch.no_grad()
    def __init__(self, model: ExtensiveModel, spins: Tensor) -> None:
        counts = (model.info.channels, len(model.info.outputs))
        networks = networks_of(model)
        if counts != (1, 1) or networks != [model]:
            raise InputError(
                f"This model is a {type(model).__name__} of {counts[0]} channels and {counts[1]} "
                f"outputs, but flips are those of one spin per site in one property, learned by "
                f"one EDNN; train a model of such data with model=ann."
            )
        (network,) = networks
        parts = sublattices(network.tiling, spins.shape[1:])
        self._network, self._sides = network, spins.shape[1:]
        self._linear, self._rest = _split(network)
        sites = network.tiling.sites
        self._scale, self._shift = sites * network.scale.item(), sites * network.shift.item()
        self.spins = spins.flatten(1).T  # (sites, B)
        self._refresh()
        self.spins = self.spins.to(self._images.dtype)
        self.sublattices, self.values = len(parts), self._images[:, 0].numel()
        down = network.scaling.mean.new_full((1, 1, *network.tiling.window), -1)
        self._parts = []
        for part in parts:
            up = down + 2 * part.positions.to(down).reshape(-1, *down.shape[1:])
            # Change of the images by a flip to +1, (k, values).
            step = self._linear(up) - self._linear(down)
            self._parts.append((part.sites.to(spins.device), part.tiles.to(spins.device), step))
        most = max(part.tiles.numel() for part in parts)
        # Reused, as allocation is slow.
        self._buffer = self._images.new_empty(most, *self._images.shape[1:])

    @torch.no_grad()
    def propose(self, number: int) -> Proposal:
        """Evaluate the flip of every site of the sublattice with this index."""
        sites, tiles, step = self._parts[number]
        spins = self.spins.index_select(0, sites)[:, None, :, None]  # (n, 1, B, 1)
        buffer = self._buffer[: tiles.numel()]
        images = _rows(self._images, tiles, buffer).addcmul_(spins, step[:, None], value=-1)
        before, after = _rows(self._outputs, tiles), self._rest(images)  # (n, k, B)
        return Proposal(self._scale * (after - before).sum(1), number, before, after)

    def accept(self, proposal: Proposal, chosen: Tensor) -> None:
        """Flip the sites that are chosen, (n, B) of booleans."""
        sites, tiles, step = self._parts[proposal.number]
        weight = chosen[:, None].to(proposal.before.dtype)  # (n, 1, B)
        outputs = torch.lerp(proposal.before, proposal.after, weight)  # exactly one of the two
        self._outputs.index_copy_(0, tiles.flatten(), outputs.flatten(0, 1))
        turned = self.spins.index_select(0, sites) * chosen  # (n, B)
        moves = self._buffer[: tiles.numel()]
        torch.mul(turned[:, None, :, None], step[:, None], out=moves.unflatten(0, tiles.shape))
        self._images.index_add_(0, tiles.flatten(), moves, alpha=-1)
        self.spins.index_add_(0, sites, turned, alpha=-2)
        self._accepted += 1
        if self._accepted == FRESH * self.sublattices:
            self._refresh()

    def _refresh(self) -> None:
        """Compute images and outputs from the spins, free of what rounding has added up to."""
        tiling, precision = self._network.tiling, self._network.precision
        spins = self.spins.T.reshape(-1, 1, *self._sides).to(precision)
        tiles = tiling.tiles(spins)  # (B, *grid, 1, *window)
        images = self._linear(tiles.flatten(0, tiling.dims))  # (B · tiles, values)
        self._images = images.unflatten(0, (len(spins), -1)).transpose(0, 1).contiguous()
        self._outputs = self._rest(self._images.clone())  # (tiles, B); layers may work in place
        self._accepted = 0

    def total(self) -> Tensor:
        """Return the property of each replica, (B,) in double precision and physical units."""
        raw = self._outputs.sum(0, dtype=torch.float64)  # (B,)
        return self._scale * raw + self._shift * len(self._outputs)


def _rows(values: Tensor, rows: Tensor, out: Tensor | None = None) -> Tensor:
    """Return values[rows], ten times as fast on a CPU."""
    return torch.index_select(values, 0, rows.flatten(), out=out).unflatten(0, rows.shape)


def _split(network: EDNN) -> tuple[Map, Map]:
    """Divide a subnetwork into an affine map and the rest.

    Returns:
        A map of tiles (m, 1, *window) to images (m, values), which has to be affine for spins only,
        and a map of images (..., values) to outputs (...).
    """
    subnet, window = network.subnet, network.tiling.window
    if 2 ** prod(window) <= MAX_TABLE:
        return _table(network)
    layers = list(subnet) if isinstance(subnet, nn.Sequential) else []
    if [type(layer) for layer in layers[:2]] == [nn.Flatten, nn.Linear]:
        first, further = nn.Sequential(*layers[:2]), nn.Sequential(*layers[2:])
        return lambda tiles: first(network.seen(tiles)), lambda images: further(images)[..., 0]

    def rest(images: Tensor) -> Tensor:
        tiles = images.reshape(-1, 1, *window)
        return subnet(network.seen(tiles)).reshape(images.shape[:-1])

    return lambda tiles: tiles.flatten(1), rest


def _table(network: EDNN) -> tuple[Map, Map]:
    """Map tiles to their numbers, and numbers to tabulated outputs."""
    whole = Tiling(network.tiling.dims, network.tiling.window, 0)
    alphabet = (-1.0, 1.0)
    values = network.scaling.mean.new_tensor(alphabet)

    def number(tiles: Tensor) -> Tensor:
        coded = tile_codes(tiles, whole, alphabet)
        assert coded is not None
        return coded[0].flatten(1).int()  # (m, 1)

    bits = torch.cartesian_prod(*[values] * prod(whole.window))  # (2^values, values)
    tiles = bits.reshape(-1, 1, *whole.window)
    parts = [network.subnet(network.seen(part)) for part in tiles.split(TILES_AT_ONCE)]
    outputs = torch.cat(parts)[:, 0]  # (2^values,)
    table = torch.empty_like(outputs).scatter_(0, number(tiles)[:, 0].long(), outputs)

    def look_up(images: Tensor) -> Tensor:
        return table.index_select(0, images.flatten()).reshape(images.shape[:-1])

    return number, look_up
