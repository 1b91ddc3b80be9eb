"""Times that can be compared: in one process, in turns, medians."""

import os
import platform
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from statistics import median

import numpy as np
import torch
from numpy.typing import NDArray

Step = Callable[[], object]

WARM_UP = 2  # rounds
NOISE = 0.05  # the allowance for what medians of equal work differ by


def in_turns(steps: Sequence[Step], rounds: int) -> NDArray[np.float64]:
    """Median process times in ms, (steps,); what else the machine does touches all alike."""
    times: list[list[float]] = [[] for _ in steps]
    for number in range(rounds + WARM_UP):
        for step, record in zip(steps, times, strict=True):
            started = time.process_time()
            step()
            if number >= WARM_UP:
                record.append(1e3 * (time.process_time() - started))
    return np.array([median(column) for column in times])


def machine() -> str:
    """Name the machine, the versions and the date."""
    return (
        f"{date.today()}, {processor()}, {os.cpu_count()} cores, {torch.get_num_threads()} "
        f"thread(s), {platform.system()}, Python {platform.python_version()}, torch "
        f"{torch.__version__}"
    )


def processor() -> str:
    """The processor's name, where the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
