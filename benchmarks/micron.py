"""1.0 µm² of graphene, 35.2 million atoms: the energy of a sheet from its atoms, block by block.

Run as `python -m benchmarks.micron --side 77` (1/100 of it; --side 766 is the whole), or on all
cores, one process each: `torchrun --standalone --nproc-per-node=2 -m benchmarks.micron --side 77`.
Several sides give the exponent of the time against the number of atoms. The published figure is
"under 25 minutes" (Chem. Sci. 10, 4129, 2019), of the paper's network and hardware.

The network is that of `experiment=dft` with new weights, on its own grid or (--grid 64) on one as
fine as the paper's Gaussians need, or that of --checkpoint: weights don't change the time.
"""

import argparse
import resource
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import cast

import numpy as np
import torch
from hydra import compose, initialize_config_dir

from ednn.core.build import build_model
from ednn.core.info import DatasetInfo, Output
from ednn.core.loading import load_structure_model
from ednn.core.structure_model import StructureModel
from ednn.inference.pieces import evaluate_all, sites_at_once
from ednn.inference.processes import Processes, processes
from ednn.inference.structure_job import StructureJob
from ednn.physics.sheets import crystal
from ednn.physics.structure import Structure
from ednn.runs.configs import CONF
from ednn.runs.folder import plain

SIGMA = 0.05  # Å, displacements: no two tiles are alike


def graphene(side: int) -> Structure:
    """Return side × side blocks of 60 sites."""
    perfect = crystal((side, side))
    moved = perfect.positions + np.random.default_rng(0).normal(0, SIGMA, perfect.positions.shape)
    return Structure(perfect.numbers, moved % perfect.sides % perfect.sides, perfect.cell)


def recipe(grid: int, widths: Sequence[int] = ()) -> StructureModel:
    """Return the network of `experiment=dft` on a grid of so many pixels per 12.5 Å.

    Args:
        grid: how many.
        widths: channels of each convolution in place of the recipe's.
    """
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("train", overrides=["experiment=dft"])
    finer = grid // cfg.data.grid
    subnet = {**plain(cfg.model.subnet), "stride": finer * cfg.model.subnet.stride}
    subnet["widths"] = list(widths) or subnet["widths"]
    tiles = {"focus": finer * cfg.tile.f, "context": finer * cfg.tile.c}
    info = DatasetInfo(
        (Output("energy", "eV"),),
        species=(6,),
        pixel=tuple((crystal().sides / grid).tolist()),
        grid=(grid, grid),
        gamma=cfg.data.gamma / finer,
    )
    model = build_model({**plain(cfg.model), "subnet": subnet, **tiles}, info)
    return cast(StructureModel, model).eval()


def seconds(model: StructureModel, side: int, memory: float, group: Processes) -> float:
    """Return the time for one sheet, its atoms being in memory: the median of about a second's."""
    structure = graphene(side)
    loaded = 4 * structure.positions.nbytes
    sites = sites_at_once(memory, model.info.channels, 1 / model.field_model.tiling.sites, loaded)
    work = StructureJob(model, [structure], sites, forces=False)
    times: list[float] = []
    while group.tell(sum(times)) < 1:
        with TemporaryDirectory() as own:
            room = Path(group.tell(own)) / "room"  # the first process's, for all
            started = time.perf_counter()
            evaluate_all(work, room, {}, group)
            times.append(time.perf_counter() - started)
    return median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, nargs="+", default=[77], help="blocks of 60 sites")
    parser.add_argument("--grid", type=int, choices=(32, 64), default=32)
    parser.add_argument("--checkpoint", help="of structures, instead of new weights")
    parser.add_argument("--bfloat16", action="store_true", help="as predict.py bfloat16=true")
    parser.add_argument("--memory", type=float, default=6, help="GB of each process")
    arguments = parser.parse_args()

    half = arguments.bfloat16
    with processes() as group, torch.autocast(group.device.type, torch.bfloat16, enabled=half):
        trained = load_structure_model(arguments.checkpoint) if arguments.checkpoint else None
        model = (trained or recipe(arguments.grid)).to(group.device)
        seconds(model, 8, arguments.memory, group)  # the first call of everything takes longer
        show = print if group.first else (lambda *_: None)
        show(f"{group.world} process(es), {torch.get_num_threads()} thread(s) each, {group.device}")
        show("| atoms | seconds | ms per 60 atoms and process | peak memory of a process (GB) |")
        atoms, times = [60 * side**2 for side in arguments.side], []
        for side, count in zip(arguments.side, atoms, strict=True):
            times.append(seconds(model, side, arguments.memory, group))
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
            cost = 1000 * times[-1] * group.world / side**2
            show(f"| {count:,} | {times[-1]:.2f} | {cost:.3f} | {peak:.2f} |")
        if len(times) > 1:
            exponent = np.polyfit(np.log(atoms), np.log(times), 1)[0]
            show(f"time ∝ atoms^{exponent:.3f}")


if __name__ == "__main__":
    main()
