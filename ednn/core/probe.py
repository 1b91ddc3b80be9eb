"""A subnetwork tried on a few tiles: does it fit, and how may its tiles be evaluated?"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ednn.core.errors import InputError
from ednn.core.subnets.base import SiteWise

ROUNDING = 1000  # units in the last place, up to which two results count as the same


class Probe(NamedTuple):
    """What a trial tells of a subnetwork.

    Attributes:
        widest: the most values that one layer holds for one tile: it decides how many fit a cache.
        random: whether equal tiles may get different values in training, as with dropout.
    """

    widest: int
    random: bool


def probe(subnet: nn.Module, tiles: Tensor, outputs: int) -> Probe:
    """Try a subnetwork on some tiles (n, channels, *window), two or more, and leave it as it was.

    Raises:
        InputError: it can't take the tiles, doesn't return (n, outputs), or lets the value of a
            tile depend on the others in its batch.
    """
    with _eval_mode(subnet), torch.random.fork_rng(devices=[]), torch.no_grad():
        widest = _widest(subnet, tiles, outputs)
        copy = deepcopy(subnet)
        for training in (False, True):
            _require_independent(copy.train(training), tiles)
        random = not _equal(copy(tiles), copy(tiles))
    return Probe(widest, random)


def probe_sites(subnet: SiteWise, tiles: Tensor, outputs: int, focus: Sequence[int]) -> None:
    """Try a site-wise subnetwork on some tiles (n, channels, *window), and leave it as it was.

    Raises:
        InputError: its values are not those of the sites of the focus, (n, outputs, *focus).
    """
    with _eval_mode(subnet), torch.random.fork_rng(devices=[]), torch.no_grad():
        shape = tuple(subnet.sites(tiles).shape)
    if shape != (expected := (len(tiles), outputs, *focus)):
        raise InputError(
            f"The subnetwork {type(subnet).__name__} maps tiles of shape {tuple(tiles.shape)} to "
            f"values per site of shape {shape}; expected {expected}: give it the model's context c."
        )


@contextmanager
def _eval_mode(subnet: nn.Module) -> Iterator[None]:
    """Put every module of a subnetwork in eval mode, and back into its own mode afterwards."""
    before = {module: module.training for module in subnet.modules()}
    subnet.eval()
    try:
        yield
    finally:
        for module, training in before.items():
            module.training = training


def _widest(subnet: nn.Module, tiles: Tensor, outputs: int) -> int:
    """Run a subnetwork once and return the most values that a layer holds for one tile."""
    name, widest = type(subnet).__name__, tiles[0].numel()

    def widen(_module: nn.Module, _inputs: object, output: object) -> None:
        nonlocal widest
        if isinstance(output, Tensor):
            widest = max(widest, output.numel() // len(tiles))

    hooks = [module.register_forward_hook(widen) for module in subnet.modules()]
    try:
        shape = tuple(subnet(tiles).shape)
    except (RuntimeError, ValueError) as error:
        raise InputError(
            f"The subnetwork {name} cannot take tiles of shape {tuple(tiles.shape)} ({error}); "
            f"its input must fit (n, channels, f + 2c per axis)."
        ) from error
    finally:
        for hook in hooks:
            hook.remove()
    if shape != (len(tiles), outputs):
        raise InputError(
            f"The subnetwork {name} maps {len(tiles)} tiles to shape {shape}; "
            f"expected {(len(tiles), outputs)}: one row per tile, one column per output."
        )
    return widest


def _require_independent(subnet: nn.Module, tiles: Tensor) -> None:
    """Refuse a subnetwork whose value of the first tile changes with the other tiles."""
    others = tiles.clone()
    others[1:] = others[1:].flip(0) * 2 + 1
    values = []
    for batch in (tiles, others):
        torch.manual_seed(0)  # the same dropout in both
        values.append(subnet(batch)[0])
    if not _equal(*values):
        when = "in training" if subnet.training else "in evaluation"
        raise InputError(
            f"The subnetwork {type(subnet).__name__} lets the value of a tile depend on the others "
            f"in its batch {when} (BatchNorm does so), and the sum over tiles would not be "
            f"extensive; replace that layer, for instance by LayerNorm or GroupNorm."
        )


def _equal(a: Tensor, b: Tensor) -> bool:
    """Tell whether two results are the same but for rounding."""
    tolerance = ROUNDING * torch.finfo(a.dtype).eps
    return torch.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)
