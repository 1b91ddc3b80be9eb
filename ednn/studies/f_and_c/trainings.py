"""Short trainings that differ in f, c and their random weights alone, each of them run once."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig

from ednn.core.checkpoint import load_model
from ednn.runs.folder import Run
from ednn.studies.records import best_validation
from ednn.training.train import make_data, train

ERROR = "mean_absolute_error_per_site"


def train_once(cfg: DictConfig, f: int, c: int, repeat: int) -> Run:
    """Train with these tiles, unless it is done; what the training says goes into a log.

    Args:
        cfg: of the command, whose folder gets one of the training.
        f: side of the focus.
        c: width of the context.
        repeat: number of the training among those that differ in the seed of the weights alone.

    Example:
        train_once(cfg, f=1, c=2, repeat=1).folder  # outputs/locality/mine/f=1,c=2,repeat=1
    """
    own = cfg.copy()
    own.data.seed = cfg.data.seed  # the samples stay the same
    own.seed = cfg.seed + repeat - 1
    own.tile.f, own.tile.c = f, c
    own.run_dir = str(Path(cfg.run_dir, f"f={f},c={c},repeat={repeat}"))
    run = Run(own.run_dir)
    run.folder.mkdir(parents=True, exist_ok=True)
    with Path(run.folder, "log.txt").open("a") as log, redirect_stdout(log):
        train(own)
    return run


def recorded(run: Run) -> dict[str, Any]:
    """Return tile, seed, validation errors per site and seconds of a training.

    Example:
        recorded(Run("outputs/locality/mine/f=1,c=2,repeat=1"))["seconds"]
    """
    best = best_validation(run.history())
    cfg, seconds = run.read_config(), run.read_summary()["train/seconds"]
    errors = {
        str(name)[len("val/") : -len(ERROR)].rstrip("/"): float(value)  # no name of a single output
        for name, value in best.items()
        if str(name).startswith("val/") and str(name).endswith(f"/{ERROR}")
    }
    tile = {"f": cfg.tile.f, "c": cfg.tile.c, "seed": cfg.seed}
    return {**tile, "errors": errors, "seconds": seconds, "run": str(run.folder)}


def constants(folder: str) -> dict[str, float]:
    """Return the validation errors of the best constant per site, with keys as in `recorded`.

    They are those of a network that learnt nothing; of energies, what the composition explains is
    left out.

    Args:
        folder: of any of the trainings.

    Example:
        constants("outputs/locality/mine/f=1,c=2,repeat=1")
    """
    run = Run(folder)
    data = make_data(run.read_config())
    assert run.tested  # as a finished training has one
    model, outputs, parts = load_model(run.tested), data.info.outputs, []
    for split in ("train", "val"):
        sample = torch.from_numpy(data.splits[split])
        labels = data.dataset.labels[sample].double() - data.dataset.known(model, sample)
        parts.append((labels / data.dataset.sites[sample, None]).numpy())  # (N, outputs)
    errors = np.abs(parts[1] - parts[0].mean(0)).mean(0)
    names = [output.name for output in outputs] if len(outputs) > 1 else [""]
    return {
        name: float(error * output.per_unit)
        for name, error, output in zip(names, errors, outputs, strict=True)
    }


def contexts(side: int) -> Iterator[int]:
    """Yield 0, 1, 2, 3, 4, 6, 8, 12, 16 and so on, up to half the side of a lattice.

    Example:
        >>> list(contexts(side=20))
        [0, 1, 2, 3, 4, 6, 8]
    """
    widths = (w for k in count(1) for w in (2**k, 3 * 2 ** (k - 1)))
    for c in (0, 1, *(next(widths) for _ in range(40))):
        if 2 * c > side:
            return
        yield c


def focuses(f: int, sides: Sequence[int]) -> list[int]:
    """Return half a focus, the focus, its double and fourfold, as far as they divide all sides.

    Example:
        >>> focuses(2, (8, 12)), focuses(1, (9,))
        ([1, 2, 4], [1])
    """
    tried = [f // 2] * (f % 2 == 0) + [f, 2 * f, 4 * f]
    return [n for n in tried if all(side % n == 0 and 2 * n <= side for side in sides)] or [f]


def errors_by(
    key: str, table: Sequence[Mapping[str, Any]], constant: Mapping[str, float]
) -> dict[int, list[float]]:
    """Return the errors of trainings by their f or c: of several outputs the mean, relative error.

    Args:
        key: "f" or "c".
        table: what was `recorded`.
        constant: errors of constants, by which those of several outputs are divided.

    Example:
        >>> table = [{"c": 0, "errors": {"": 3.0}}, {"c": 1, "errors": {"": 1.0}}]
        >>> errors_by("c", table, {"": 6.0})
        {0: [3.0], 1: [1.0]}
    """
    found: dict[int, list[float]] = {}
    for row in table:
        found.setdefault(row[key], []).append(error_of(row["errors"], constant))
    return found


def error_of(errors: Mapping[str, float], constant: Mapping[str, float]) -> float:
    """Return one figure for the errors of all outputs.

    Example:
        >>> error_of({"": 3.0}, {"": 6.0}), error_of({"a": 1.0, "b": 4.0}, {"a": 2.0, "b": 4.0})
        (3.0, 0.75)
    """
    if len(errors) == 1:
        return next(iter(errors.values()))
    return float(np.mean([error / constant[name] for name, error in errors.items()]))
