"""What single spin flips change in a learned property, evaluated from the touched tiles alone.

A flip touches the tiles whose window holds the site. Sites that share no tile flip independently of
each other, so that a whole sublattice of them is evaluated at once, and in many replicas.

A subnetwork is taken as a linear map and what follows it: a tile's number and a table of all tiles,
where these are few; the first layer and the others, where that layer is linear; else no map at all.
A flip moves the image of a tile under the linear map by one fixed step, so that the image is kept
and only what follows is evaluated: of the paper's ANN at f = 8, c = 1 that saves a matrix product
which is nearly all of the work.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn

from ednn.core.distinct import tile_codes
from ednn.core.errors import InputError
from ednn.core.interface import ExtensiveModel
from ednn.core.model import EDNN
from ednn.core.tiling import Tiling

TABLE = 2**16  # at most so many tiles are tabulated,
TILES_AT_ONCE = 2**12  # of which so many are evaluated together

Map = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Sublattice:
    """Sites of which no tile holds two; each stands at the same places of the tiles that hold it.

    Attributes:
        sites: their numbers in the flattened lattice, (n,).
        tiles: those of the tiles that hold each site, in the flattened grid, (n, k).
        places: whether a site stands at each place of its tiles, (k, window values): at several of
            one tile where the window is wider than the lattice.
    """

    sites: Tensor
    tiles: Tensor
    places: Tensor


def sublattices(tiling: Tiling, lattice: Sequence[int]) -> list[Sublattice]:
    """Divide a periodic lattice into as few sublattices as translations by whole tiles allow.

    Raises:
        InputError: another padding than "periodic", or a side that f doesn't divide.
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
        parts = [_product(part, other, lattice[axis], tiles) for part in parts for other in line]
    return parts


def _line(f: int, c: int, tiles: int) -> Iterator[Sublattice]:
    """Divide a line of so many tiles.

    A site stands at the place `first` of one tile, f further in the tile before, and so on.
    """
    window = f + 2 * c
    for remainder in range(f):
        first = (remainder + c) % f
        back = torch.arange(min(len(range(first, window, f)), tiles))  # (k,)
        places = (torch.arange(window) - first) % (f * tiles) == f * back[:, None]  # (k, window)
        apart = next(n for n in range(len(back), tiles + 1) if tiles % n == 0)
        for start in range(apart):
            focus = torch.arange(start, tiles, apart)  # (n,) the tiles in whose foci the sites are
            holding = focus[:, None] + (remainder + c - first) // f - back
            yield Sublattice(f * focus + remainder, holding % tiles, places)


def _product(a: Sublattice, b: Sublattice, side: int, tiles: int) -> Sublattice:
    """Join sublattices of the axes so far and of the next, which has so many sites and tiles."""
    return Sublattice(
        (side * a.sites[:, None] + b.sites).flatten(),
        (tiles * a.tiles[:, None, :, None] + b.tiles[:, None]).flatten(2).flatten(0, 1),
        (a.places[:, None, :, None] & b.places[:, None]).flatten(2).flatten(0, 1),
    )


@dataclass(frozen=True)
class Proposal:
    """The flips of all n sites of one sublattice in each of B replicas.

    Attributes:
        change: of the property by each flip, (n, B), physical units.
    """

    change: Tensor
    number: int  # of the sublattice
    before: Tensor  # outputs of the subnetwork for the touched tiles, (n, k, B)
    after: Tensor  # the same, were all sites flipped


class Flips:
    """Replicas of Ising spins, and a model's property of each as they flip.

    Args:
        model: of one network, channel and output, with periodic padding.
        spins: ±1, (B, *L), on the model's device.

    Attributes:
        spins: as they stand, (sites, B).
        sublattices: their count.
        values: how many are kept of each replica.

    Raises:
        InputError: a model of several channels or outputs or another padding, or a side that f
            doesn't divide.
    """

    @torch.no_grad()
    def __init__(self, model: ExtensiveModel, spins: Tensor) -> None:
        networks = list(model.networks())
        counts = (model.info.channels, len(model.info.outputs), len(networks))
        if counts != (1, 1, 1) or model.info.takes != "fields":
            raise InputError(
                f"This model has {counts[0]} channels, {counts[1]} outputs and {counts[2]} "
                f"networks, but flips are those of one spin per site in one property, learned by "
                f"one network; train a model of such data."
            )
        (network,) = networks
        parts = sublattices(network.tiling, spins.shape[1:])
        linear, self._rest = _split(network)
        tiles = network.tiling.tiles(spins[:, None].to(network.precision))  # (B, *grid, 1, *window)
        images = linear(tiles.flatten(0, network.tiling.dims))  # (B · tiles, values)
        self._images = images.unflatten(0, (len(spins), -1)).transpose(0, 1).contiguous()
        self._outputs = self._rest(self._images.clone())  # (tiles, B); layers may work in place
        sites = network.tiling.sites
        self._scale, self._shift = sites * network.scale.item(), sites * network.shift.item()
        self.spins = spins.flatten(1).T.to(images.dtype)  # (sites, B)
        self.sublattices, self.values = len(parts), self._images[:, 0].numel()
        down = network.shift.new_full((1, 1, *network.tiling.window), -1)
        self._parts = []
        for part in parts:
            up = down + 2 * part.places.to(down).reshape(-1, *down.shape[1:])
            step = linear(up) - linear(down)  # (k, values): of the images, if the site turns up
            self._parts.append((part.sites.to(spins.device), part.tiles.to(spins.device), step))
        most = max(part.tiles.numel() for part in parts)
        self._buffer = images.new_empty(most, *self._images.shape[1:])  # memory anew costs more

    @torch.no_grad()
    def propose(self, number: int) -> Proposal:
        """Evaluate the flip of every site of a sublattice."""
        sites, tiles, step = self._parts[number]
        spins = self.spins.index_select(0, sites)[:, None, :, None]  # (n, 1, B, 1)
        buffer = self._buffer[: tiles.numel()]
        images = _rows(self._images, tiles, buffer).addcmul_(spins, step[:, None], value=-1)
        before, after = _rows(self._outputs, tiles), self._rest(images)  # (n, k, B)
        return Proposal(self._scale * (after - before).sum(1), number, before, after)

    def accept(self, proposal: Proposal, chosen: Tensor) -> None:
        """Flip the sites that are chosen, (n, B) of 0 and 1."""
        sites, tiles, step = self._parts[proposal.number]
        weight = chosen[:, None].to(proposal.before.dtype)  # (n, 1, B)
        outputs = torch.lerp(proposal.before, proposal.after, weight)  # either, exactly
        self._outputs.index_copy_(0, tiles.flatten(), outputs.flatten(0, 1))
        turned = self.spins.index_select(0, sites) * chosen  # (n, B)
        moves = self._buffer[: tiles.numel()]
        torch.mul(turned[:, None, :, None], step[:, None], out=moves.unflatten(0, tiles.shape))
        self._images.index_add_(0, tiles.flatten(), moves, alpha=-1)
        self.spins.index_add_(0, sites, turned, alpha=-2)

    def total(self) -> Tensor:
        """The property of each replica, (B,) in double precision and physical units."""
        raw = self._outputs.sum(0, dtype=torch.float64)  # (B,)
        return self._scale * raw + self._shift * len(self._outputs)


def _rows(values: Tensor, rows: Tensor, out: Tensor | None = None) -> Tensor:
    """Return values[rows], which takes torch ten times as long on a CPU."""
    return torch.index_select(values, 0, rows.flatten(), out=out).unflatten(0, rows.shape)


def _split(network: EDNN) -> tuple[Map, Map]:
    """Divide a subnetwork into an affine map and the rest.

    Returns:
        A map of tiles (m, 1, *window) to images (m, values), which has to be affine for spins only,
        and one of images (..., values) to outputs (...).
    """
    subnet, window = network.subnet, network.tiling.window
    if 2 ** prod(window) <= TABLE:
        return _table(network)
    layers = list(subnet) if isinstance(subnet, nn.Sequential) else []
    if [type(layer) for layer in layers[:2]] == [nn.Flatten, nn.Linear]:
        first, others = nn.Sequential(*layers[:2]), nn.Sequential(*layers[2:])
        return lambda tiles: first(network.seen(tiles)), lambda images: others(images)[..., 0]

    def rest(images: Tensor) -> Tensor:
        tiles = images.reshape(-1, 1, *window)
        return subnet(network.seen(tiles)).reshape(images.shape[:-1])

    return lambda tiles: tiles.flatten(1), rest


def _table(network: EDNN) -> tuple[Map, Map]:
    """Number the tiles, and look up what the subnetwork says of each number."""
    whole = Tiling(network.tiling.dims, network.tiling.window, 0)
    alphabet = (-1.0, 1.0)
    values = network.shift.new_tensor(alphabet)

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
