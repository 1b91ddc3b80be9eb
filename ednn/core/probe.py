"""A subnetwork tried on a few tiles: does it fit, and how may its tiles be evaluated?"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from itertools import chain
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parameter import is_lazy

from ednn.core.errors import InputError
from ednn.core.subnets.site_wise import SiteWise

Net = TypeVar("Net", bound=nn.Module)
ROUNDING = 1000  # units in the last place, up to which two results count as the same


class Probe(NamedTuple):
    """What is known of a subnetwork from a trial.

    Attributes:
        widest: most values that one layer holds for one tile, which decides how many fit a cache.
        random: whether equal tiles may get different values in training, as with dropout.

    Example:
        >>> Probe(widest=288, random=False).random
        False
    """

    widest: int
    random: bool


def probe(subnet: nn.Module, tiles: Tensor, outputs: int) -> Probe:
    """Try a subnetwork on some tiles, in evaluation and in training.

    The trial runs on copies: parameters, buffers and modes of the subnetwork stay as they are, and
    so does the state of torch's random numbers. Lazy layers get their parameters.

    Args:
        subnet: any module that maps tiles (n, channels, *window) to (n, outputs).
        tiles: two tiles or more, (n, channels, *window).
        outputs: number of extensive properties.

    Raises:
        InputError: the subnetwork can't take the tiles, changes them, or doesn't return
            (n, outputs); in evaluation, equal calls give different values; or the value of a tile
            depends on the other tiles in its batch.

    Example:
        >>> tiles = torch.linspace(-1, 1, 18).view(2, 1, 3, 3)
        >>> dropping = nn.Sequential(nn.Flatten(), nn.Linear(9, 40), nn.Dropout(), nn.Linear(40, 1))
        >>> probe(dropping, tiles, outputs=1)
        Probe(widest=40, random=True)
        >>> coupled = nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(9, 1))
        >>> probe(coupled, tiles, outputs=1)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        ednn.core.errors.InputError: The subnetwork Sequential lets the value of a tile ...
    """
    if any(map(is_lazy, chain(subnet.parameters(), subnet.buffers()))):
        _materialise(subnet, tiles)
    widest = _widest(subnet, tiles, outputs)
    if not _repeats(subnet, tiles, training=False):
        raise InputError(
            f"The subnetwork {type(subnet).__name__} draws random numbers or changes its own state "
            f"in evaluation, and predictions would not repeat; let it do so only where "
            f"self.training is true."
        )
    for training in (False, True):
        if not _independent(subnet, tiles, training):
            raise InputError(
                f"The subnetwork {type(subnet).__name__} lets the value of a tile depend on the "
                f"others in its batch in {'training' if training else 'evaluation'} (as BatchNorm "
                f"does), and the sum over tiles would not be extensive; replace that layer, for "
                f"instance by LayerNorm or GroupNorm."
            )
    return Probe(widest, random=not _repeats(subnet, tiles, training=True))


def probe_sites(subnet: SiteWise, tiles: Tensor, outputs: int, focus: Sequence[int]) -> None:
    """Try a site-wise subnetwork on some tiles; it stays as it is.

    Args:
        subnet: a subnetwork that gives every site a value.
        tiles: (n, channels, *window).
        outputs: number of extensive properties.
        focus: side f of the focus per axis.

    Raises:
        InputError: the focus isn't whole blocks, or the values are not those of the focus,
            (n, outputs, *(focus / stride)).

    Example:
        >>> from ednn.core.subnets import FCN
        >>> probe_sites(FCN(focus=(2, 2), context=(1, 1)), torch.ones(2, 1, 4, 4), 1, (2, 2))
    """
    if any(side % subnet.stride for side in focus):
        raise InputError(
            f"The focus {tuple(focus)} is not a multiple of the stride {subnet.stride} of the "
            f"subnetwork {type(subnet).__name__} along every axis; choose another tile.f."
        )
    with _unrecorded(tiles):
        shape = tuple(_copy(subnet, training=False).sites(tiles).shape)
    blocks = [side // subnet.stride for side in focus]
    if shape != (expected := (len(tiles), outputs, *blocks)):
        raise InputError(
            f"The subnetwork {type(subnet).__name__} maps tiles of shape {tuple(tiles.shape)} to "
            f"values per site of shape {shape}; expected {expected}: give it the model's context c."
        )


def _materialise(subnet: nn.Module, tiles: Tensor) -> None:
    """Let lazy layers make their parameters; in evaluation, so that nothing else changes."""
    before = {module: module.training for module in subnet.modules()}
    try:
        with torch.no_grad():
            _call(subnet.eval(), tiles)
    finally:
        for module, training in before.items():
            module.training = training


def _widest(subnet: nn.Module, tiles: Tensor, outputs: int) -> int:
    """Run a subnetwork once and return the most values that a layer holds for one tile."""
    widest = tiles[0].numel()

    def widen(_module: nn.Module, _inputs: object, output: object) -> None:
        nonlocal widest
        if isinstance(output, Tensor):
            widest = max(widest, output.numel() // len(tiles))

    copy = _copy(subnet, training=False)
    for module in copy.modules():
        module.register_forward_hook(widen)
    with _unrecorded(tiles):
        shape = tuple(_call(copy, tiles).shape)
    if shape != (len(tiles), outputs):
        raise InputError(
            f"The subnetwork {type(subnet).__name__} maps {len(tiles)} tiles to shape {shape}; "
            f"expected {(len(tiles), outputs)}: one row per tile, one column per output."
        )
    return widest


def _repeats(subnet: nn.Module, tiles: Tensor, training: bool) -> bool:
    """Tell whether equal tiles always get equal values.

    Two calls might agree by chance where dropout is rare, but none without drawing a number.
    """
    copy = _copy(subnet, training)
    with _unrecorded(tiles):
        before = _random_states(tiles)
        first = _call(copy, tiles)
        drawn = not all(map(torch.equal, before, _random_states(tiles)))
        return not drawn and _equal(first, _call(copy, tiles))


def _independent(subnet: nn.Module, tiles: Tensor, training: bool) -> bool:
    """Tell whether a tile's value stays what it is, whatever the others in its batch are."""
    if any(isinstance(m, _BatchNorm) and m.training for m in _copy(subnet, training).modules()):
        return False  # for certain, whatever the activations behind it let through
    tile, other = tiles[:1], tiles[1:2]
    pairs = [[other, 2 * other + 1], [3 * other - 1, -other]]
    if training:  # the tile first: then it gets the same dropout in both batches
        one, two = (_values(subnet, [tile, *pair], training)[:1] for pair in pairs)
        return _equal(one, two)
    one, two = (_values(subnet, [*pair, tile], training)[2:] for pair in pairs)
    return _equal(one, two) and _equal(one, _values(subnet, [tile], training))


def _values(subnet: nn.Module, batch: Sequence[Tensor], training: bool) -> Tensor:
    """Run a copy of a subnetwork, always with the same random numbers."""
    tiles = torch.cat([*batch])
    with _unrecorded(tiles):
        return _call(_copy(subnet, training), tiles)


def _call(subnet: nn.Module, tiles: Tensor) -> Tensor:
    """Call a subnetwork; whatever goes wrong inside ends in a sentence."""
    name, given = type(subnet).__name__, tiles.clone()
    try:
        values = subnet(given)
    except Exception as error:  # a module of the user's raises what it likes
        raise InputError(
            f"The subnetwork {name} cannot take tiles of shape {tuple(tiles.shape)} "
            f"({type(error).__name__}: {error}); its input must fit (n, channels, f + 2c per axis)."
        ) from error
    if not (isinstance(values, Tensor) and values.is_floating_point()):
        kind = str(values.dtype) if isinstance(values, Tensor) else type(values).__name__
        raise InputError(
            f"The subnetwork {name} returns {kind}; expected one tensor (n, outputs) of "
            f"floating-point numbers."
        )
    if not torch.equal(given, tiles):
        raise InputError(
            f"The subnetwork {name} changes the tiles that it is given, which may be the field "
            f"itself; take inplace=True out of its first layer."
        )
    return values


def _copy(subnet: Net, training: bool) -> Net:
    try:
        return deepcopy(subnet).train(training)
    except Exception as error:  # what can't be copied says so in many ways
        raise InputError(
            f"The subnetwork {type(subnet).__name__} cannot be copied to be tried ({error}); keep "
            f"what deepcopy refuses out of it."
        ) from error


@contextmanager
def _unrecorded(tiles: Tensor) -> Iterator[None]:
    """Record no gradients, and leave the state of the random numbers as it was."""
    with torch.random.fork_rng(_gpus(tiles)), torch.no_grad():
        yield


def _random_states(tiles: Tensor) -> list[Tensor]:
    """The states of the random numbers that a subnetwork may draw."""
    return [torch.get_rng_state(), *map(torch.cuda.get_rng_state, _gpus(tiles))]


def _gpus(tiles: Tensor) -> list[torch.device]:
    return [tiles.device] if tiles.is_cuda else []


def _equal(a: Tensor, b: Tensor) -> bool:
    """Tell whether two results are the same but for rounding."""
    tolerance = ROUNDING * torch.finfo(a.dtype).eps
    return a.shape == b.shape and torch.allclose(
        a, b, rtol=tolerance, atol=tolerance, equal_nan=True
    )
