"""What a training step costs, and what each setting of speed brings.

Every recipe runs on a batch of its own data (structures from data/dft, images of random numbers):
forward, backward and optimizer, rendering included, one setting changed at a time, in turns, on one
core. A step can't be faster than its arithmetic at the rate of the fastest matrix product measured
here, nor, if nothing stayed in a cache, than the bytes that its operations read and write at the
rate of the fastest copy.

Run as `python -m benchmarks.training` (`make bench`).
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import h5py
import numpy as np
import torch
from hydra import compose, initialize_config_dir
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.timing import Step, in_turns, machine
from ednn.data.module import ExtensiveData
from ednn.data.samples import Batch
from ednn.runs.configs import CONF
from ednn.training.loss import loss_of_totals
from ednn.training.optimizers import make_optimizer
from ednn.training.speed import speed_up
from ednn.training.train import make_data, make_model

SIDE, IMAGES = 128, 100  # of the images, and how many


class Setting(NamedTuple):
    """One way to compute a step."""

    name: str
    dtype: torch.dtype = torch.float32
    channels_last: bool = False
    compile: bool = False


BF16 = torch.bfloat16
SETTINGS = [
    Setting("float32"),
    Setting("channels last", channels_last=True),
    Setting("compiled", compile=True),
    Setting("bfloat16", BF16),
    Setting("bfloat16, channels last", BF16, channels_last=True),
    Setting("bfloat16, compiled", BF16, compile=True),
]


class Traffic(TorchDispatchMode):
    """Adds up the bytes of the tensors that operations take and give."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if not func.is_view:
            tensors = [x for x in tree_leaves((args, kwargs, result)) if torch.is_tensor(x)]
            self.bytes += sum(x.nbytes for x in tensors)
        return result


def images(path: Path, count: int) -> None:
    """Write images, each in a chunk of its own."""
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        file["labels"] = rng.random(count)
        shape, chunk = (count, SIDE, SIDE), (1, SIDE, SIDE)
        stored = file.create_dataset("images", shape, "float32", chunks=chunk)
        for start in range(0, count, 100):
            part = stored[start : start + 100].shape
            stored[start : start + 100] = rng.random(part, dtype=np.float32)


def step_of(cfg: Any, data: ExtensiveData, batch: Batch, setting: Setting) -> Step:
    """Return a training step on one batch, from new weights."""
    torch.manual_seed(0)
    model = make_model(cfg, data)
    speed_up(model, setting.compile, setting.channels_last, tf32=False)
    optimizer = make_optimizer(cfg.task.optimizer, model)

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", setting.dtype, enabled=setting.dtype == BF16):
            loss = loss_of_totals(model(batch.inputs), batch.target)
        loss.backward()
        optimizer.step()

    return step


def peak(dtype: torch.dtype) -> float:
    """Measure the arithmetic of the fastest matrix product, in operations per ms."""
    a = torch.randn(2048, 2048, dtype=dtype)
    return float(2 * 2048**3 / in_turns([lambda: a @ a], 5)[0])


def bandwidth() -> float:
    """Measure the bytes that the fastest copy reads and writes per ms."""
    a = torch.zeros(2**26)
    b = torch.empty_like(a)
    return float(2 * a.nbytes / in_turns([lambda: b.copy_(a)], 5)[0])


def counted(step: Step) -> tuple[int, int]:
    """Count the arithmetic operations and the bytes of a step."""
    with FlopCounterMode(display=False) as flops, Traffic() as traffic:
        step()
    return flops.get_total_flops(), traffic.bytes


def recipes(folder: str) -> Iterator[tuple[str, Any]]:
    """Yield the names and configs of what is measured."""
    file = Path(folder, "images.h5")
    images(file, IMAGES)
    chosen: dict[str, Sequence[str]] = {
        "experiment=dft": (),
        "experiment=dft_paper": ("data.batch_size=4",),
        "data=hdf5": ("data.batch_size=10", f"data.path={file}"),
    }
    for name, more in chosen.items():
        with initialize_config_dir(str(CONF), version_base="1.3"):
            yield " ".join([name, *more[:1]]), compose("train", overrides=[name, *more])


def show(name: str, cfg: Any, rounds: int, rates: Mapping[torch.dtype, float], copy: float) -> None:
    """Print a row for every setting."""
    data = make_data(cfg)
    batch = next(iter(data.train_dataloader()))
    steps = [step_of(cfg, data, batch, setting) for setting in SETTINGS]
    times = in_turns(steps, rounds)
    for setting, step, ms in zip(SETTINGS, steps, times, strict=True):
        floors = "— | —"  # what a compiled step does is not seen from outside
        if not setting.compile:
            operations, moved = counted(step)
            floors = f"{operations / rates[setting.dtype]:.1f} | {moved / copy:.1f}"
        cells = f"{name} | {setting.name} | {ms:.1f} | {times[0] / ms:.2f} | {floors}"
        print(f"| {cells} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    rates, copy = {dtype: peak(dtype) for dtype in (torch.float32, BF16)}, bandwidth()
    print(f"Process times, medians of {rounds} rounds. {machine()}")
    products = ", ".join(f"{dtype} {rate / 1e6:.0f} Gop/s" for dtype, rate in rates.items())
    print(f"Fastest matrix product: {products}; fastest copy {copy / 1e6:.1f} GB/s.\n")
    print("| recipe | setting | ms per step | times faster | arithmetic (ms) | traffic (ms) |")
    print("|" + " --- |" * 6)
    with TemporaryDirectory() as folder:
        for name, cfg in recipes(folder):
            show(name, cfg, rounds, rates, copy)


if __name__ == "__main__":
    main()
