"""What a run, a folder of runs or a checkpoint is, in a few lines."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ednn.core.checkpoint import KEY, POSTERIOR, build_from, read_checkpoint
from ednn.core.elements import symbols
from ednn.core.info import DatasetInfo
from ednn.core.interface import ExtensiveModel
from ednn.core.model import EDNN, networks_of
from ednn.core.pretrained import located
from ednn.data.about import about_data
from ednn.runs.folder import Run

SHOWN = 20  # runs of a folder, at most


def about(path: str | Path) -> dict[str, str]:
    """Return what there is to say of a run, a folder of runs, a checkpoint or a file of data.

    Raises:
        InputError: it is none of these.

    Example:
        >>> about("data/dft/gfn1_120.h5")["theory"]
        'gfn1'
    """
    path = Path(path)
    if (path / "config.yaml").is_file():
        return about_run(Run(path))
    if path.suffix == ".ckpt" or located(path) != path:
        return about_checkpoint(path)
    folders = sorted({record.parent for record in path.glob("**/environment.json")})
    return about_runs(path, [Run(folder) for folder in folders]) if folders else about_data(path)


def about_run(run: Run) -> dict[str, str]:
    """Return what a run is, how far it is, and what its network is.

    Example:
        about_run(Run("outputs/ising/2026-11-22_15-34-47_5f8d02_028e"))["run"]  # … finished
    """
    state = "finished" if run.finished else "not finished"
    lines = {"run": f"{run.folder}, {state}", "command": run.read_environment()["command"]}
    if run.tested:
        return lines | about_checkpoint(run.tested)
    return lines | ({"errors": errors} if (errors := _errors(run)) else {})


def about_runs(folder: Path, runs: Sequence[Run]) -> dict[str, str]:
    """Return how many runs there are in a folder, such as that of a sweep, and their errors.

    Example:
        about_runs(Path("outputs/ising"), [Run("outputs/ising/mine")])["mine"]
    """
    finished = sum(run.finished for run in runs)
    lines = {"runs": f"{folder}: {len(runs)}, of which {finished} finished"}
    for run in runs[-SHOWN:]:  # by name: of those named after their time, the newest
        state = "finished" if run.finished else "not finished"
        lines[str(run.folder.relative_to(folder))] = _errors(run) or state
    return lines | ({"…": f"and {len(runs) - SHOWN} more"} if len(runs) > SHOWN else {})


def about_checkpoint(path: str | Path) -> dict[str, str]:
    """Return what a network is, what it was trained on and how well it does.

    Example:
        >>> about_checkpoint("pretrained/graphene-hbn-gfn1")["predicts"]
        'gfn1_energy in eV, and its forces and stress'
    """
    checkpoint = read_checkpoint(path)
    model, about = build_from(checkpoint), checkpoint[KEY]
    weights = f"{sum(parameter.numel() for parameter in model.parameters()):,} weights"
    subnet = about["config"].get("subnet", {}).get("_target_", "several scales")
    file = located(path)
    lines = {
        "network": f"{file.name}, {file.stat().st_size / 1e6:.2g} MB: {subnet}, {weights}",
        "takes": _takes(model.info),
        "predicts": _predicts(model),
        "tiles": _tiles(model),
        "trained on": _trained_on(about["trained_on"]),
    }
    if errors := _errors(Run(file.parent.parent)):
        lines["errors"] = errors
    lines["uncertainty"] = "of every prediction" if POSTERIOR in about else "not known"
    return lines | {"format": f"version {about['version']} of checkpoints"}


def _takes(info: DatasetInfo) -> str:
    if info.takes == "structures":
        channels = "a channel for each element" if info.per_element else "one channel, Z"
        return (
            f"structures of {symbols(info.species)} along {info.dims} axes, rendered as "
            f"Gaussians of {info.gamma:g} Å on pixels of {_by(info.pixel)} Å, {channels}"
        )
    channels = f"{info.channels} channel{'s' * (info.channels != 1)}"
    values = f", values {_list(info.alphabet)}" if info.alphabet else ""
    spacing = f", a spacing of {_by(info.spacing)}" if info.spacing else ""
    return f"fields of {info.dims} dimensions, {channels}{values}{spacing}"


def _predicts(model: ExtensiveModel) -> str:
    outputs = [f"{output.name} in {output.unit or 'its own unit'}" for output in model.info.outputs]
    slopes = [name for name, hindrance in model.slopes.items() if not hindrance]
    return ", and its ".join(filter(None, [", ".join(outputs), " and ".join(slopes)]))


def _tiles(model: ExtensiveModel) -> str:
    return "; ".join(_tile(network, model.info) for network in networks_of(model))


def _tile(network: EDNN, info: DatasetInfo) -> str:
    tiling = network.tiling
    f, c, window = tiling.focus, tiling.context, tiling.window
    lengths = info.pixel or info.spacing
    if not lengths:
        return f"f = {_by(f)}, c = {_by(c)}: a tile sees {' × '.join(map(str, window))} sites"
    unit = " Å" if info.pixel else ""
    seen = _by(side * length for side, length in zip(window, lengths, strict=True))
    far = _by(side * length for side, length in zip(c, lengths, strict=True))
    return f"f = {_by(f)}, c = {_by(c)} ({far}{unit}): a tile sees {seen}{unit}"


def _trained_on(trained_on: Mapping[str, Any]) -> str:
    settings = trained_on.get("settings", {})
    file = trained_on.get("file") or settings.get("path")  # older checkpoints have none
    return ", ".join(map(str, filter(None, [trained_on["data"], settings.get("theory"), file])))


def _errors(run: Run) -> str:
    """Return the errors of a run's test; empty if there was none."""
    summary = run.read_summary() if run.finished else {}
    kinds = {
        kind: summary.get(f"test/{kind}_absolute_error_per_site") for kind in ("median", "mean")
    }
    errors = [f"{kind} {error:.3g}" for kind, error in kinds.items() if error is not None]
    if not errors:
        return ""
    unit = summary.get("unit_per_site") or "per site"  # older runs have none
    samples = f"({summary['test/samples']} test samples)"
    return f"absolute, {' and '.join(errors)} {unit} {samples}"


def _by(values: Iterable[float]) -> str:
    """Return one number if all are alike, and otherwise all, as 0.39 × 0.41."""
    texts = [f"{value:.3g}" for value in values]
    return texts[0] if len(set(texts)) == 1 else " × ".join(texts)


def _list(values: Iterable[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)
