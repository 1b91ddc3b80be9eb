"""What a report says of one run."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from ednn.core.errors import InputError
from ednn.core.info import Output, in_words
from ednn.core.interface import ExtensiveModel, FieldModel
from ednn.core.loading import load_models
from ednn.data.module import ExtensiveData
from ednn.reports.errors import Errors, errors_of, of_training, of_validation, outputs_of
from ednn.reports.repeat import typed_words
from ednn.reports.symmetries import Check, checks, samples_to_check
from ednn.reports.worst import Sample, drawn, worst_samples
from ednn.runs.folder import Run
from ednn.training.evaluate import model_and_data

MEAN = "mean_absolute_error_per_site"


@dataclass
class OneRun:
    """A run, with its network and its data as far as they are at hand.

    Attributes:
        run: its folder.
        missing: what this report lacks, in sentences.
        model: the network that was tested; None if there is none.
        data: of the run, read; None if they are not at hand.

    Example:
        one = open_run(Run("outputs/runs/mine"))
        [check.change for check in one.checks]
    """

    run: Run
    missing: list[str] = field(default_factory=list)
    model: ExtensiveModel | None = None
    data: ExtensiveData | None = None

    @cached_property
    def config(self) -> Any:
        """The config of the command that the run is of."""
        return self.run.read_config()

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The figures of the run; none before it is finished."""
        return self.run.read_summary() if self.run.finished else {}

    @cached_property
    def history(self) -> pd.DataFrame:
        """The metrics of every epoch; empty after a test alone."""
        return self.run.history()

    @cached_property
    def predictions(self) -> pd.DataFrame | None:
        """The predictions of the test samples; None before there are any."""
        path = self.run.predictions
        return pd.read_csv(path) if self.summary and path.exists() else None

    @property
    def is_training(self) -> bool:
        """Whether the run is a training, and not a test of another run's network."""
        return "model" in self.config

    @property
    def checkpoint(self) -> Any:
        """Path of the tested network, or paths of an ensemble; None if there is none."""
        return self.run.tested if self.is_training else self.config.ckpt_path

    @cached_property
    def outputs(self) -> Sequence[Output]:
        """What is predicted, and its units."""
        if self.data:
            return self.data.info.outputs
        if self.predictions is not None:
            return outputs_of(self.predictions, self.summary)
        return self.model.info.outputs if self.model else [Output("property")]

    @property
    def site(self) -> str:
        """What totals are divided by."""
        return self.outputs[0].unit_per_site.rpartition("per ")[2] or "site"

    def errors(self) -> list[Errors]:
        """Return the errors of each split whose errors are known."""
        dims = self.summary.get("dims", self.model.info.dims if self.model else 2)
        found: list[tuple[str, Mapping[str, float]]] = []
        if self.predictions is not None:
            found.append((f"Test, {len(self.predictions):,} samples", self.summary))
        if validation := of_validation(self.history):
            found.append(("Validation, at the epoch of its least loss", validation))
        if self.is_training and self.model and self.data:
            count, errors = of_training(self.model, self.data)
            found.append((f"Training, {count:,} of its samples", errors))
        return [errors_of(of, figures, self.outputs, dims) for of, figures in found]

    def uncertainty(self) -> list[str]:
        """Say how good the uncertainty of the predictions is, where it is known."""
        found = []
        for key, value in self.summary.items():
            *_, kind = key.split("/")
            output = key.split("/")[1:-1]
            of = f" of {in_words(output[0])}" if output else ""
            if share := re.fullmatch(r"coverage_of_(\d+)_percent_intervals", kind):
                found.append(
                    f"The {share[1]} % intervals of the predictions{of} hold {100 * value:.1f} % "
                    f"of the test samples; {share[1]} % is right."
                )
            if kind == "rank_correlation_of_uncertainty":
                shown = f"{value:.2f}".replace("-", "−")
                found.append(
                    f"The rank correlation of uncertainty and error{of} is {shown}; it is 1.00 "
                    f"where the more uncertain prediction always has the larger error."
                )
        return found

    @property
    def scale(self) -> float | None:
        """The mean absolute error of the test per site of the first output, if it is known."""
        names = [f"test/{self.outputs[0].name}/{MEAN}", f"test/{MEAN}"]
        return next((self.summary[name] for name in names if name in self.summary), None)

    @property
    def edges(self) -> str:
        """Say why fields are neither moved nor repeated; empty where they are."""
        if isinstance(self.model, FieldModel) and self.model.tiling.padding != "periodic":
            padding = self.model.tiling.padding
            return f"With tile.padding={padding}, fields have edges: they aren't moved or repeated."
        return ""

    def checks(self) -> tuple[int, list[Check]]:
        """Return on how many test samples symmetries are checked, and what is found."""
        if not self.model or not self.data or not len(self.data.splits["test"]):
            return 0, []
        count = len(samples_to_check(self.data))
        print(f"Checking symmetries on {count} test samples of {self.run.folder}", flush=True)
        shifts = self.config.get("shifts", 1)
        known = self.summary.get("test/translation_error_per_site")
        return count, checks(self.model, self.data, shifts, known)

    def worst(self) -> list[Sample]:
        """Return the worst ten samples, with pictures if the data are at hand."""
        if self.predictions is None:
            return []
        samples = worst_samples(self.predictions, self.outputs[0])
        return drawn(samples, self.data) if self.data else samples


def open_run(run: Run) -> OneRun:
    """Load a run's network and its data, as far as they are at hand.

    Raises:
        InputError: the folder is that of another command.

    Example:
        open_run(Run("outputs/runs/mine")).missing
    """
    one = OneRun(run)
    if "data" not in one.config:
        raise InputError(f"{run.folder} is no run of train or evaluate; give the folder of one.")
    if (first := run.folder / "round_00").is_dir():
        raise InputError(
            f"{run.folder} is a folder of ednn learn; give that of one of its rounds, such as "
            f"{first}."
        )
    if not one.summary:
        words = [word for word in typed_words(run) if not word.startswith("resume=")]
        again = shlex.join([*words, "resume=auto"])
        one.missing.append(f"The run is not finished and has no test; `{again}` goes on with it.")
    if one.checkpoint is None:
        one.missing.append(f"{run.folder} has no checkpoint, so that there is no network to check.")
        return one
    try:
        one.model = load_models(one.checkpoint)
        one.model.values_seen = None  # the test may have been one of others
    except InputError as error:
        one.missing.append(f"The network is missing, and with it all checks of it. {error}")
        return one
    try:
        one.data = _read(one)
    except InputError as error:
        one.missing.append(
            f"The data are not at hand, and so symmetries, errors of the training and pictures of "
            f"samples are left out. {error}"
        )
    return one


def _read(one: OneRun) -> ExtensiveData:
    """Read the data of a run, which has to hold what it was tested on; nothing is made anew."""
    assert one.model is not None
    _, data = model_and_data(one.checkpoint, one.config.data)
    data.setup()
    if not one.is_training or one.config.get("ckpt_path"):
        data.orient(one.model.info)
    if one.predictions is not None:
        samples = one.predictions["sample"].to_numpy().copy()
        true = one.predictions[[f"{output.name}_true" for output in data.info.outputs]].to_numpy()
        known = len(data.dataset) > samples.max()
        if not known or not np.allclose(data.dataset.labels[samples].numpy(), true):
            raise InputError(
                f"{data.path} holds other samples or labels than those that this run was tested "
                f"on; put the file back as it was."
            )
    return data
