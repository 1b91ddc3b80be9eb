"""What studies read of a run: its errors and its cost, and samples of its data."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ednn.data.samples import Batch
from ednn.runs.folder import Run
from ednn.studies.base import Numbers
from ednn.training.train import make_data

RECORDED = ("unit", "test/samples", "train/epochs", "train/seconds", "device", "data")


def record(run: Run) -> Numbers:
    """Return a finished run's errors, what they were measured with, and its folder as `run`.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from ednn.runs.folder import write_json
        >>> summary = {"unit": "J", "test/mean_absolute_error": 0.2, "processes": 1}
        >>> with TemporaryDirectory() as folder:
        ...     write_json(Run(folder).summary, summary)
        ...     sorted(record(Run(folder)))
        ['run', 'test/mean_absolute_error', 'unit']
    """
    summary = run.read_summary()
    kept = {key: value for key, value in summary.items() if "_error" in key or key in RECORDED}
    return kept | {"run": str(run.folder)}


def best_validation(history: pd.DataFrame) -> pd.Series:
    """Return the metrics of the epoch whose weights a run kept.

    Args:
        history: its metrics.

    Example:
        >>> history = pd.DataFrame({"epoch": [0, 1], "val/loss": [3.0, 1.0], "val/error": [9, 5]})
        >>> float(best_validation(history)["val/error"])
        5.0
    """
    epochs = history.groupby("epoch").mean(numeric_only=True)
    return epochs.iloc[int(np.nanargmin(epochs["val/loss"]))]


def cost(recorded: Mapping[Any, Any]) -> str:
    """Say what a training took.

    Args:
        recorded: its `record`.

    Returns:
        Epochs, seconds and device, in words.

    Example:
        >>> cost({"train/epochs": 50, "train/seconds": 61.2, "device": "CPU (x86_64, 2 cores)"})
        '50 epochs, 61 s, CPU (x86_64, 2 cores)'
    """
    epochs, seconds = recorded["train/epochs"], recorded["train/seconds"]
    return f"{epochs} epochs, {seconds:.0f} s, {recorded['device']}"


def read_samples(run: Run, split: str, count: int | None = None) -> Batch:
    """Read samples of a run's data.

    Args:
        run: a finished training.
        split: "train", "val" or "test".
        count: how many, from the first; None for all.

    Returns:
        The samples as one batch.

    Example:
        batch = read_samples(Run("outputs/runs/mine"), "test", 10)  # of: ednn train run=mine
        batch.inputs.shape, batch.target.shape
    """
    data = make_data(run.read_config())
    return data.dataset.__getitems__(data.splits[split][:count].tolist())
