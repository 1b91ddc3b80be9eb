"""Whether a training step waits for its data, where the set is larger than what is kept in memory.

A file of images is read batch by batch, from the system's cache and from the disk alone, by the
training's own process and by one beside it (`data.workers=1`).

Run as `OMP_NUM_THREADS=1 python -m benchmarks.loading` (`make bench`).
"""

import argparse
import os
import time
from itertools import islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch
from hydra import compose, initialize_config_dir

from benchmarks.timing import machine
from benchmarks.training import SETTINGS, SIDE, images, step_of
from ednn.data.fields.own import IN_MEMORY
from ednn.runs.configs import CONF
from ednn.training.train import make_data

BATCH = 10
AHEAD = 3  # batches that fill the queue of a loader's process, before anything is timed


def forget(path: Path) -> None:
    """Have the system drop its cache of a file, so that it is read from the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def waits(path: Path, workers: int, cold: bool, steps: int) -> tuple[float, float]:
    """Return the ms that a step takes and those that it waits for its batch: medians."""
    sizes = [f"data.batch_size={BATCH}", f"data.workers={workers}"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("train", overrides=["data=hdf5", f"data.path={path}", *sizes])
    data = make_data(cfg)
    if cold:
        forget(path)
    batches = iter(data.train_dataloader())
    batch = next(batches)
    step = step_of(cfg, data, batch, SETTINGS[0])
    for _ in islice(batches, AHEAD):
        step()
    waited, stepped = [], []
    for _ in range(steps):
        started = time.perf_counter()
        next(batches)
        read = time.perf_counter()
        step()
        waited.append(1000 * (read - started))
        stepped.append(1000 * (time.perf_counter() - read))
    return median(stepped), median(waited)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=IN_MEMORY // SIDE**2 + 100)
    parser.add_argument("--steps", type=int, default=50)
    given = parser.parse_args()
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "images.h5"
        images(path, given.images)
        size = path.stat().st_size / 1e9
        print(f"{given.images} images of {SIDE}², {size:.1f} GB, {BATCH} per batch. {machine()}\n")
        print("| read from | by | ms per step | ms it waits for its batch |")
        print("|" + " --- |" * 4)
        for cold in (False, True):
            for workers in (0, 1):
                step, wait = waits(path, workers, cold, given.steps)
                source = "the disk" if cold else "the system's cache"
                process = "a process beside it" if workers else "the training itself"
                print(f"| {source} | {process} | {step:.1f} | {wait:.2f} |", flush=True)


if __name__ == "__main__":
    main()
