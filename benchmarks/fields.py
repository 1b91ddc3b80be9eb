"""The sum over a large periodic field: EDNN against MONAI, and once over the field against tiles.

Tile by tile, a subnetwork works out a context again for every tile; how much more arithmetic that
is than once, or than sharing its stem, stands beside the times, and is what can be gained.

MONAI's `SlidingWindowInferer` cuts the padded field into the same windows; its predictor adds up
what the subnetwork gives, so that nothing but the windows is MONAI's. It belongs to no extra:
`pip install --no-deps --target DIR monai==1.5.1`, then `PYTHONPATH=DIR`.

Run as `python -m benchmarks.fields` (`make bench`).
"""

import argparse
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from importlib.util import find_spec
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.timing import Step, in_turns, machine
from ednn.core.model import EDNN
from ednn.core.subnets import DNN, SiteWise
from ednn.core.subnets.fcn import FCN

REQUIRED = 3.0  # times faster: a site-wise subnetwork once over the field than tile by tile
REQUIRED_OF_MONAI = 1.1  # times faster than MONAI: any other subnetwork
BATCH = 8 * 128**2  # sites that MONAI gives to the network together: the fastest of 1, 8, 64 × 128²


class Case(NamedTuple):
    """A network on a field."""

    name: str
    subnet: Callable[..., nn.Module]
    f: int
    c: int
    side: int  # less where every site is much work


CASES = [
    Case("DNN", DNN, 64, 32, 2048),
    Case("FCN", FCN, 64, 32, 512),
    Case("FCN, stride 4", partial(FCN, stride=4), 64, 32, 2048),
    Case("FCN of experiment=dft", partial(FCN, widths=(64, *[96] * 4), stride=2), 8, 15, 512),
]


class TileByTile(nn.Module):
    """Hides that a subnetwork could take a whole field, or share layers among tiles."""

    def __init__(self, subnet: nn.Module) -> None:
        super().__init__()
        self.subnet = subnet

    def forward(self, tiles: Tensor) -> Tensor:
        return self.subnet(tiles)


def by_monai(net: EDNN, field: Tensor) -> Tensor:
    """Sum the subnetwork over MONAI's windows of a field (1, 1, side, side)."""
    from monai.inferers import SlidingWindowInferer

    total = torch.zeros(())

    def add(windows: Tensor) -> Tensor:
        total.add_(net.tiling.sites * net.subnet(windows).sum())
        return windows  # which MONAI then puts together

    (window, _), (context, _) = net.tiling.window, net.tiling.context
    batch = max(1, BATCH // window**2)
    inferer = SlidingWindowInferer(net.tiling.window, batch, overlap=2 * context / window)
    inferer(net.tiling.pad(field), add)
    return total


def tile_by_tile(net: EDNN) -> EDNN:
    twin = deepcopy(net)
    twin.subnet = TileByTile(net.subnet)
    return twin


def row(case: Case, rounds: int, with_monai: bool) -> str:
    """Measure one case."""
    torch.manual_seed(0)
    net, field = EDNN(case.subnet, case.f, case.c), torch.randn(1, 1, case.side, case.side)
    ways: list[Step] = [partial(net, field), partial(tile_by_tile(net), field)]
    if with_monai:
        ways.append(partial(by_monai, net, field))
    with torch.inference_mode():
        results = [float(way().sum()) for way in ways]  # type: ignore[attr-defined]
        torch.testing.assert_close(results[1:], results[:1] * (len(ways) - 1), rtol=1e-3, atol=0.1)
        once, by_tiles, *monai = in_turns(ways, rounds) / 1000
    arithmetic = operations(ways[1]) / operations(ways[0])
    gained, least, other = by_tiles / once, REQUIRED, "tile by tile"
    if not isinstance(net.subnet, SiteWise):
        gained, least, other = max(monai, default=0) / once, REQUIRED_OF_MONAI, "MONAI"
    cells = [
        *(case.name, f"{case.f}, {case.c}", f"{case.side}²", f"{once:.2f}", f"{by_tiles:.2f}"),
        f"{monai[0]:.2f}" if monai else "—",
        *(f"{by_tiles / once:.2f}", f"{arithmetic:.2f}"),
        f"{monai[0] / once:.2f}" if monai else "—",
        f"{least:g} × {other}: {'met' if gained >= least else 'missed'}",
    ]
    return f"| {' | '.join(cells)} |"


def operations(way: Step) -> int:
    """Count the arithmetic operations of a way."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        way()
    return counter.get_total_flops()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    with_monai = find_spec("monai") is not None
    if not with_monai:
        print("MONAI is not installed: left out, see the head of this file.")
    print(f"Process times in s, medians of {rounds} rounds. {machine()}")
    print("\n| network | f, c | field | EDNN | tile by tile | MONAI |", end="")
    print(" × tile by tile | by arithmetic | × MONAI | |\n|" + " --- |" * 10)
    for case in CASES:
        print(row(case, rounds, with_monai), flush=True)


if __name__ == "__main__":
    main()
