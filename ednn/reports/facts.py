"""What a run is and which pictures it left, for the first part of its report."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ednn import plots
from ednn.core.info import in_words
from ednn.core.loading import as_paths
from ednn.plots.style import png
from ednn.reports.one_run import OneRun
from ednn.reports.page import Picture
from ednn.runs.about import about_checkpoint

# What the pictures of a run folder show, and how they are read; {of} is which of several.
PICTURES = {
    "loss": (
        "The loss against the epoch",
        "Loss of the training and of the validation, and errors of the validation, at the end of "
        "each epoch.",
    ),
    "parity": (
        "Predicted against true values{of}",
        "Test samples; those on the dashed line are predicted exactly.",
    ),
    "error": (
        "Errors against true values{of}",
        "Errors of the test samples, and how many have each.",
    ),
    "reliability": (
        "Errors against predicted standard deviations{of}",
        "On the dashed line, errors are as large as the predictions say that they are.",
    ),
    "derivative": ("A field with its true and its predicted derivative", "A test sample."),
    "tiles": ("A structure cut into tiles", "A test sample and some of its tiles."),
    "branches": ("A field as each branch of the network sees it", "A test sample."),
}


def about(one: OneRun) -> dict[str, str]:
    """Return what a run is: its network, its data, when and with what it ran.

    Example:
        about(open_run(Run("outputs/runs/mine")))["tiles"]  # f = 1, c = 1: a tile sees 3 × 3 sites
    """
    environment, summary = one.run.read_environment(), one.summary
    paths = as_paths(one.checkpoint) if one.model else []
    found = about_checkpoint(paths[0]) if paths else {}
    if len(paths) > 1:
        found["network"] = f"the mean of {len(paths)}, the first of which is {found['network']}"
    lines = {name: line for name, line in found.items() if name != "errors"}
    path = one.data.path if one.data else summary.get("data", {}).get("path")
    lines["data"] = str(path or one.config.data.get("path") or one.config.data._target_)
    if one.run.splits.exists():
        with np.load(one.run.splits) as splits:
            sizes = {name: len(splits[name]) for name in ("train", "val", "test")}
        words = {"train": "for training", "val": "for validation", "test": "for the test"}
        lines["samples"] = ", ".join(f"{sizes[name]:,} {word}" for name, word in words.items())
    elif one.predictions is not None:
        lines["samples"] = f"{len(one.predictions):,} for the test"
    lines["seed"] = str(one.config.seed)
    lines["time"] = f"started {_moment(environment['started'])}"
    if summary:
        lines["time"] += f", finished {_moment(summary.get('finished', ''))}; {_duration(one)}"
    lines["device"] = summary.get("device") or environment["gpu"] or environment["cpu"]
    versions = ", ".join(f"{name} {number}" for name, number in environment["versions"].items())
    commit = environment["git_commit"]
    return lines | {"version": versions + (f"; commit {commit[:12]}" if commit else "")}


def _moment(stamp: str) -> str:
    return stamp.replace("T", " ")


def _duration(one: OneRun) -> str:
    seconds, epochs = one.summary.get("train/seconds"), one.summary.get("train/epochs")
    if seconds is None:
        return f"{one.summary.get('test/seconds', 0):.3g} s of test"
    shown = f"{seconds:,.0f}" if seconds >= 100 else f"{seconds:.3g}"
    return f"{shown} s of training in {epochs} epochs"


def pictures(one: OneRun) -> list[Picture]:
    """Return the pictures of a run, of an unfinished one the loss so far.

    Example:
        [picture.alt for picture in pictures(open_run(Run("outputs/runs/mine")))]
    """
    found = left_pictures(one.run.folder)
    history = one.history
    if not any(picture.alt.startswith("The loss") for picture in found) and "epoch" in history:
        unit = one.outputs[0].unit
        curve = plots.loss_curve(history, unit, f"{unit}²" if unit.isalpha() else "")
        found.insert(0, Picture(png(curve), *PICTURES["loss"]))
    return found


def left_pictures(folder: Path, kinds: Iterable[str] = PICTURES) -> list[Picture]:
    """Return the pictures of some kinds that a run left in its folder.

    Example:
        >>> left_pictures(Path("nowhere"))
        []
    """
    found = []
    for kind in kinds:
        alt, caption = PICTURES[kind]
        for path in sorted(folder.glob(f"{kind}.png")) + sorted(folder.glob(f"{kind}_*.png")):
            which = in_words(path.stem.removeprefix(kind).strip("_"))
            of, start = (f" of {which}", f"{which}: ") if which else ("", "")
            found.append(Picture(path.read_bytes(), alt.format(of=of), start + caption))
    return found
