"""EDNN against the two ways in which one would write it by hand, with the paper's networks.

(a) a loop over slices: one tile position of the whole batch at a time, the outputs summed;
(b) one big batch of all unfolded tiles (`torch.nn.Unfold`).

Run as `python -m benchmarks.tiles` (`make bench`).
"""

import argparse
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.timing import NOISE, Step, in_turns, machine
from ednn.core.model import EDNN
from ednn.core.subnets import ANN, DNN
from ednn.core.subnets.fcn import FCN
from ednn.physics.ising_sampling import sample_flat

# Times faster than (a), a training step at f = c = 1, where equal tiles save backward passes, too;
# all else: not slower than the better of the two.
REQUIRED = 8.0


class Case(NamedTuple):
    """A network of the paper on fields of the paper."""

    name: str
    subnet: Callable[..., nn.Module]
    f: int
    c: int
    side: int
    batch: int


CASES = [
    *[Case("ANN, spins", ANN, f, c, 8, 2000) for f, c in [(1, 1), (1, 2), (2, 1), (4, 1), (8, 1)]],
    Case("DNN, Laplacian", DNN, 10, 2, 250, 1),
    Case("DNN, DFT", DNN, 64, 32, 256, 1),
    Case("FCN, DFT", partial(FCN, stride=4), 64, 32, 256, 1),
]


def by_slices(net: EDNN, fields: Tensor) -> Tensor:
    """Sum the subnetwork over tile positions, the whole batch at a time: (B, outputs)."""
    (f, _), (c, _), (width, _) = net.tiling.focus, net.tiling.context, net.tiling.window
    padded = F.pad(fields, (c, c, c, c), mode="circular")
    corners = product(range(0, fields.shape[-1], f), repeat=2)
    values = [net.subnet(padded[..., i : i + width, j : j + width]) for i, j in corners]  # per site
    return net.tiling.sites * sum(values)


def by_one_batch(net: EDNN, fields: Tensor) -> Tensor:
    """Unfold all tiles into one batch for the subnetwork, then sum: (B, outputs)."""
    (f, _), (c, _), (width, _) = net.tiling.focus, net.tiling.context, net.tiling.window
    padded = F.pad(fields, (c, c, c, c), mode="circular")
    columns = F.unfold(padded, width, stride=f)  # (B, width², tiles)
    tiles = columns.transpose(1, 2).reshape(-1, 1, width, width)
    return net.tiling.sites * net.subnet(tiles).unflatten(0, (len(fields), -1)).sum(1)


def by_ednn(net: EDNN, fields: Tensor) -> Tensor:
    return net(fields)


WAYS = {"EDNN": by_ednn, "(a) slices": by_slices, "(b) one batch": by_one_batch}


def network(case: Case) -> tuple[EDNN, Tensor]:
    """Return the network and its fields (B, 1, side, side)."""
    torch.manual_seed(0)
    spins = case.subnet is ANN
    net = EDNN(case.subnet, case.f, case.c, alphabet=[-1.0, 1.0] if spins else None)
    if spins:
        values = sample_flat((case.side, case.side), case.batch, np.random.default_rng(0))
        return net, torch.from_numpy(values).float()[:, None]
    return net, torch.randn(case.batch, 1, case.side, case.side)


def forward(way: Callable[[EDNN, Tensor], Tensor], case: Case) -> Step:
    net, fields = network(case)
    return torch.no_grad()(lambda: way(net, fields))


def training_step(way: Callable[[EDNN, Tensor], Tensor], case: Case) -> Step:
    """Forward, backward and Adam on one batch, from the same weights for every way."""
    net, fields = network(case)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    target = torch.zeros(len(fields), 1)

    def step() -> None:
        optimizer.zero_grad()
        F.mse_loss(way(net, fields), target).backward()
        optimizer.step()

    return step


def check_agreement(case: Case) -> None:
    """The three must compute the same before their times mean anything."""
    net, fields = network(case)
    with torch.no_grad():
        results = [way(net, fields[:200]) for way in WAYS.values()]
    for other in results[1:]:
        torch.testing.assert_close(results[0].to(other), other, rtol=1e-3, atol=1e-3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)  # process time is then work alone, on a busy machine too

    print(f"Process times in ms, medians of {rounds} rounds. {machine()}\n")
    print(f"| | f, c | fields | {' | '.join(WAYS)} | × (a) | × better of both | required |")
    print("|" + " --- |" * (6 + len(WAYS)))
    for case in CASES:
        check_agreement(case)
        for kind, make in {"forward": forward, "training step": training_step}.items():
            ms = in_turns([make(way, case) for way in WAYS.values()], rounds)
            first, least = ms[1] / ms[0], ms[1:].min() / ms[0]
            strict = (case.subnet, case.f, case.c, make) == (ANN, 1, 1, training_step)
            met = first >= REQUIRED if strict else least >= 1 - NOISE
            required = f"{REQUIRED:.0f} × (a)" if strict else "1 × better"
            print(
                f"| {case.name}, {kind} | {case.f}, {case.c} | {case.batch} of {case.side}² | "
                + " | ".join(f"{value:.1f}" for value in ms)
                + f" | {first:.2f} | {least:.2f} | {required}: {'met' if met else 'missed'} |",
                flush=True,
            )
    print(f"\nMedians of equal work differ: {NOISE:.0%} is allowed for that where 1 is required.")


if __name__ == "__main__":
    main()
