"""The network against GFN1 and PBE: the energy of the same sheets on one core.

Run as `python -m benchmarks.theories` (`make bench`). PBE is left out unless it is installed, and
asked for: it takes two minutes at 60 sites and ten at 240.
"""

import argparse

import torch
from threadpoolctl import threadpool_limits

from benchmarks.micron import recipe
from benchmarks.timing import machine
from ednn.physics.sheets import Repeat
from ednn.studies.transfer import seconds_to_label, seconds_to_predict

SIZES: dict[int, Repeat] = {60: (1, 1), 120: (2, 1), 240: (2, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--theories", nargs="+", default=["gfn1"])
    theories = parser.parse_args().theories
    torch.set_num_threads(1)
    model = recipe(32)
    print(f"Seconds for one sheet. {machine()}\n")
    print(f"| sites | network | {' | '.join(f'{t} | × network' for t in theories)} |")
    print("|" + " --- |" * (2 + 2 * len(theories)))
    with threadpool_limits(1):
        for sites, repeat in SIZES.items():
            network = seconds_to_predict(model, repeat)
            times = [seconds_to_label(theory, repeat) for theory in theories]
            cells = " | ".join(f"{t:.3g} | {t / network:,.0f}" for t in times)
            print(f"| {sites} | {network:.3g} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
