"""One training step on Ising spins: EDNN against the two ways in which one would write it by hand.

(a) a loop over slices: one tile position of the whole batch at a time, the outputs summed;
(b) one big batch of all unfolded tiles.

The three run in one process, in turns, and the medians are compared, so that whatever else the
machine does touches them alike. Run as `python -m benchmarks.tiles` (`make bench`).
"""

import argparse
import os
import platform
import time
from collections.abc import Callable
from datetime import date
from itertools import product
from pathlib import Path
from statistics import median

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ednn.model import EDNN
from ednn.physics.ising import energy, sample_flat
from ednn.subnets import ANN

SIDE, BATCH = 8, 2000
TILES = [(1, 1), (1, 2), (2, 1), (4, 1), (8, 1)]
REQUIRED = 8.0  # times faster than (a) at f = c = 1; elsewhere never slower than the better of two
NOISE = 0.05  # the allowance for what medians of equal work differ by

Step = Callable[[], None]


def by_slices(net: EDNN, spins: Tensor) -> Tensor:
    """Sum the subnetwork over tile positions, the whole batch at a time: (B, outputs)."""
    (f, _), (c, _), (width, _) = net.tiling.focus, net.tiling.context, net.tiling.window
    padded = F.pad(spins, (c, c, c, c), mode="circular")
    corners = product(range(0, SIDE, f), repeat=2)
    return sum(net.subnet(padded[..., i : i + width, j : j + width]) for i, j in corners)


def by_one_batch(net: EDNN, spins: Tensor) -> Tensor:
    """Unfold all tiles into one batch for the subnetwork, then sum: (B, outputs)."""
    (f, _), (c, _), (width, _) = net.tiling.focus, net.tiling.context, net.tiling.window
    padded = F.pad(spins, (c, c, c, c), mode="circular")
    columns = F.unfold(padded, width, stride=f)  # (B, width², tiles)
    tiles = columns.transpose(1, 2).reshape(-1, 1, width, width)
    return net.subnet(tiles).reshape(len(spins), -1, net.outputs).sum(1)


def by_ednn(net: EDNN, spins: Tensor) -> Tensor:
    return net(spins)


WAYS = {"EDNN": by_ednn, "(a) slices": by_slices, "(b) one batch": by_one_batch}


def training_step(
    way: Callable[[EDNN, Tensor], Tensor], f: int, c: int, data: list[Tensor]
) -> Step:
    """Forward, backward and Adam on one batch, from the same weights for every way."""
    torch.manual_seed(0)
    net = EDNN(ANN, f, c, alphabet=[-1.0, 1.0])
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    spins, target = data

    def step() -> None:
        optimizer.zero_grad()
        F.mse_loss(way(net, spins), target).backward()
        optimizer.step()

    return step


def check_agreement(f: int, c: int, spins: Tensor) -> None:
    """The three must compute the same before their times mean anything."""
    net = EDNN(ANN, f, c, alphabet=[-1.0, 1.0])
    with torch.no_grad():
        results = [way(net, spins[:200]) for way in WAYS.values()]
    for other in results[1:]:
        torch.testing.assert_close(results[0], other, rtol=1e-4, atol=1e-4)


def measure(steps: list[Step], rounds: int) -> np.ndarray:
    """Median process and wall times in ms, taken in turns: (steps, 2)."""
    times: list[list[tuple[float, float]]] = [[] for _ in steps]
    for number in range(rounds + 2):
        for step, record in zip(steps, times, strict=True):
            cpu, wall = time.process_time(), time.perf_counter()
            step()
            if number >= 2:  # the first two warm up
                record.append((time.process_time() - cpu, time.perf_counter() - wall))
    return 1e3 * np.array([[median(column) for column in zip(*t, strict=True)] for t in times])


def processor() -> str:
    """The processor's name, where the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)  # process time is then work alone, on a busy machine too

    spins = sample_flat((SIDE, SIDE), BATCH, np.random.default_rng(0))
    data = [
        torch.from_numpy(spins).float()[:, None],  # (B, 1, 8, 8)
        torch.from_numpy(energy(spins)).float()[:, None],  # (B, 1)
    ]
    print(
        f"One training step, ANN, {BATCH} configurations of {SIDE} × {SIDE} spins, medians of "
        f"{rounds} rounds\n{date.today()}, {processor()}, {os.cpu_count()} cores, "
        f"{torch.get_num_threads()} thread(s), {platform.system()}, "
        f"Python {platform.python_version()}, torch {torch.__version__}\n\n"
        f"        process time, ms (wall, ms)                              "
        f"times faster than\n"
        f" f  c  " + "".join(f"{name:>19}" for name in WAYS) + "     (a)  better of both  required"
    )
    for f, c in TILES:
        check_agreement(f, c, data[0])
        ms = measure([training_step(way, f, c, data) for way in WAYS.values()], rounds)
        ours, others = ms[0, 0], ms[1:, 0]
        first, least = others[0] / ours, others.min() / ours
        met = first >= REQUIRED if (f, c) == (1, 1) else least >= 1 - NOISE
        required = f"{REQUIRED:.0f} × (a)" if (f, c) == (1, 1) else "1 × better"
        print(
            f"{f:2} {c:2}  "
            + "".join(f"{cpu:10.1f} ({wall:6.1f})" for cpu, wall in ms)
            + f"{first:8.2f}{least:16.2f}  {required}: {'met' if met else 'missed'}",
            flush=True,
        )
    print(f"\nMedians of equal work differ: {NOISE:.0%} is allowed for that where 1 is required.")


if __name__ == "__main__":
    main()
