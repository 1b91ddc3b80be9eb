"""Predict fields of any size, or structures, with a trained model."""

import shutil
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import torch
from h5py import is_hdf5
from omegaconf import DictConfig

import ednn
from ednn.core.errors import InputError
from ednn.core.files import beside
from ednn.core.info import DatasetInfo
from ednn.core.interface import ExtensiveModel, FieldModel
from ednn.core.loading import as_paths, load_models
from ednn.core.precision import note_on_bfloat16
from ednn.core.shifts import check_shifts
from ednn.core.structure_model import StructureModel
from ednn.core.terminal import say
from ednn.data.fields.layout import require_first, require_sides
from ednn.data.formats.opening import KNOWN, format_of, open_source
from ednn.data.hdf5_file import require_closed
from ednn.data.structures.sorted_file import is_sorted, open_sorted
from ednn.inference.field_job import FieldJob
from ednn.inference.field_output import FORMATS as FIELDS
from ednn.inference.field_output import TABLE, write_fields, write_table
from ednn.inference.outputs import held, require_free, require_output
from ednn.inference.pieces import RESERVE, evaluate_all, finished, sites_at_once
from ednn.inference.processes import Processes, processes
from ednn.inference.reading import read_stored, read_structures
from ednn.inference.settings import digests, require_switches
from ednn.inference.stored_structure import StoredStructure
from ednn.inference.structure_job import StructureJob
from ednn.inference.structure_output import FORMATS as STRUCTURES
from ednn.inference.structure_output import STORED, is_half_written, write_structures
from ednn.physics.structure import Structure
from ednn.plots.outputs_picture import MANY

SLOPES = ("forces", "stress", "derivative")
DETERMINE = ("input_key", *SLOPES, "memory", "bfloat16", "shifts")  # what is finished

Write = Callable[[Path, np.ndarray], None]  # from the folder of finished pieces and the sums


def predict(cfg: DictConfig) -> None:
    """Predict what the model of `ckpt_path` takes: structures, or fields from a file.

    Example:
        ednn predict ckpt_path=RUN input=fields.h5 output=predictions.h5
    """
    model: Any = load_models(cfg.ckpt_path)
    _check(cfg, model)
    with processes() as group:
        run: Any = _fields
        if model.info.takes == "structures":
            run = _stored if is_sorted(cfg.input) else _structures
        run(cfg, model.to(group.device), group)


def _structures(cfg: DictConfig, model: StructureModel, group: Processes) -> None:
    frames, structures = read_structures(model, Path(cfg.input), cfg.extrapolate)
    loaded = sum(6 * s.positions.nbytes for s in structures)  # frames, structures, and in order
    if loaded > (cfg.memory - RESERVE) * 1e9:
        raise InputError(
            f"The atoms of input={cfg.input} take {loaded / 1e9:.2g} GB of memory={cfg.memory}; "
            f"give more, or convert the file with `ednn convert` into one that is read in parts."
        )
    _predict_structures(cfg, model, group, frames, structures, loaded)


def _stored(cfg: DictConfig, model: StructureModel, group: Processes) -> None:
    with open_sorted(cfg.input) as file:
        structure = read_stored(model, file, cfg.extrapolate)
        _predict_structures(cfg, model, group, [], [structure], loaded=0)


def _predict_structures(
    cfg: DictConfig,
    model: StructureModel,
    group: Processes,
    frames: Sequence[Any],
    structures: Sequence[Structure | StoredStructure],
    loaded: int,
) -> None:
    """Predict structures, whose atoms take so many bytes of the memory all the time."""
    sites = sites_at_once(cfg.memory, 1, _contributions_per_site(model.field_model), loaded)
    if cfg.stress:
        _require_volumes(cfg.input, structures)
    job = StructureJob(model, structures, sites, cfg.forces, cfg.shifts, cfg.stress)

    def write(folder: Path, total: np.ndarray) -> None:
        name = f"predicted_{model.info.names[0]}"
        about = _about(cfg, model) | {"shifts": cfg.shifts}
        maps = write_structures(Path(cfg.output), frames, name, job, folder, total, about)
        also = [name for name in ("forces", "stress") if cfg[name]]
        print(f"{' and '.join(['Contribution maps', *also])}: {maps}")

    _run(cfg, job, group, write)


def _fields(cfg: DictConfig, model: FieldModel, group: Processes) -> None:
    if cfg.extrapolate:
        model.values_seen = None
    sides = require_sides(cfg.sides, "sides")
    if sides and len(sides) != model.info.dims:
        raise InputError(
            f"sides={list(sides)} are {len(sides)}, but the model's fields have "
            f"{model.info.dims}; give as many."
        )
    require_closed(cfg.input)
    with open_source(cfg.input) as source:
        labels = [output.name for output in model.info.outputs]
        key = source.choose(cfg.input_key, "input_key", besides=labels)
        numbers = source.find(key, "input_key")
        contributions = _contributions_per_site(model)
        sites = sites_at_once(cfg.memory, model.info.channels, contributions, numbers.loaded)
        first = require_first(cfg.channels_first, "channels_first")
        table = Path(cfg.output).suffix == TABLE
        job = FieldJob(model, numbers, sites, first, sides, cfg.derivative, sums=table)
        if group.first:
            say(job.reading)

        def write(folder: Path, total: np.ndarray) -> None:
            if table:
                write_table(Path(cfg.output), job, folder, total)
            else:
                write_fields(Path(cfg.output), job, folder, total, _about(cfg, model))

        _run(cfg, job, group, write)


def _run(cfg: DictConfig, job: FieldJob | StructureJob, group: Processes, write: Write) -> None:
    """Evaluate all pieces, in a folder beside the output, and let the first process write it."""
    output, source = Path(cfg.output), Path(cfg.input)
    folder = _unfinished(output)
    settings = {
        "model": digests(cfg.ckpt_path),
        "input": [str(source.resolve()), *_state(source)],
        **{key: cfg[key] for key in DETERMINE},
        "layout": [str(cfg.sides), cfg.channels_first],
    }
    if cfg.bfloat16 and group.first and (note := note_on_bfloat16(group.device, "bfloat16=false")):
        say(note)
    with held(output) if group.first else nullcontext():
        try:
            with torch.autocast(group.device.type, torch.bfloat16, enabled=cfg.bfloat16):
                total = evaluate_all(job, folder, settings, group)
            if group.first:
                write(folder, total)
                shutil.rmtree(folder)
                print(_first(job.model.info, total))
                print(f"Predictions: {output}")
        finally:
            if group.first and folder.exists() and not any(True for _ in finished(folder)):
                shutil.rmtree(folder)  # nothing to go on with


def _first(info: DatasetInfo, total: np.ndarray) -> str:
    """Return a line about the first prediction of (N, outputs), to see that it is sane."""
    pairs = zip(info.outputs, total[0], strict=True)
    values = [f"{output.name} {value:.8g} {output.unit}".rstrip() for output, value in pairs]
    if len(values) > MANY:
        values[MANY:] = [f"and {len(values) - MANY} more"]
    head = f"The first of {len(total)}" if len(total) > 1 else "Predicted"
    return f"{head}: {', '.join(values)}"


def _state(source: Path) -> list[int]:
    """Return what changes if a file, or one in a folder, does: last change, and size."""
    files = [source, *source.rglob("*")] if source.is_dir() else [source]
    states = [file.stat() for file in files]
    return [max(state.st_mtime_ns for state in states), sum(state.st_size for state in states)]


def _unfinished(output: Path) -> Path:
    """Return the folder of what is finished of an output."""
    return beside(output, ".unfinished")


def _contributions_per_site(model: FieldModel) -> float:
    """Count the contributions per site of the field."""
    return len(model.info.outputs) / model.tiling.sites


def _check(cfg: DictConfig, model: ExtensiveModel) -> None:
    """Make sure that the settings suit the model, and that nothing is overwritten unasked."""
    require_switches(cfg, (*SLOPES, "overwrite", "bfloat16", "extrapolate"))
    if cfg.bfloat16 and model.precision == torch.double:
        raise InputError(
            "bfloat16=true is for models trained in single or mixed precision, and this one was "
            "trained in double precision (trainer.precision=64-true); leave it out."
        )
    if isinstance(cfg.memory, bool) or not (
        isinstance(cfg.memory, int | float) and isfinite(cfg.memory)
    ):
        raise InputError(f"memory={cfg.memory} is not possible; give a number of GB.")
    check_shifts(cfg.shifts, model.info.takes)
    model.require_slopes([name for name in SLOPES if cfg[name]])
    output = Path(cfg.output)
    _check_kind(cfg, model)
    if model.info.takes == "structures":
        half = is_half_written(output, _unfinished(output))  # then the maps are of this prediction
        written = [output] if half else [output, output.with_suffix(".h5")]
        require_output(cfg, STORED if is_sorted(cfg.input) else STRUCTURES, written)
        require_free(cfg, written)
        return
    require_output(cfg, FIELDS, [output])
    require_free(cfg, [output])
    if cfg.derivative and output.suffix == TABLE:
        raise InputError(
            f"derivative=true has a value at every site, and output={output} is a table of sums; "
            f"give an output that ends in .h5."
        )


def _require_volumes(source: str, structures: Sequence[Structure | StoredStructure]) -> None:
    """Make sure that structures have a stress.

    Raises:
        InputError: one doesn't repeat in all directions.
    """
    for number, structure in enumerate(structures):
        if structure.is_open:
            raise InputError(
                f"{source}: structure {number} doesn't repeat in all directions, so it has no "
                f"volume that a stress refers to; leave it, or stress=true, out."
            )


def _check_kind(cfg: DictConfig, model: ExtensiveModel) -> None:
    """Make sure that the input is of the kind that the model takes, if there is one.

    Raises:
        InputError: structures for a model of fields, or fields for one of structures.
    """
    source, takes = Path(cfg.input), model.info.takes
    if not source.is_file():
        return  # a folder, or nothing: which is told where it is opened
    if takes == "fields" and format_of(source) is None:
        raise InputError(
            f"The model of ckpt_path={cfg.ckpt_path} takes fields, and input={source} is no file "
            f"of fields that is known here ({KNOWN}); give one, or a model of structures."
        )
    if takes == "structures" and is_hdf5(source) and not is_sorted(source):
        raise InputError(
            f"The model of ckpt_path={cfg.ckpt_path} takes structures, and input={source} is an "
            f"HDF5 file that `ednn convert` didn't make; give such a file, or one that ASE reads, "
            f"such as extxyz, or a model of fields."
        )


def _about(cfg: DictConfig, model: ExtensiveModel) -> dict[str, Any]:
    """Tell what is predicted, and where the predictions come from."""
    return {
        "outputs": list(model.info.names),
        "units": [output.unit for output in model.info.outputs],
        "model": ", ".join(map(str, as_paths(cfg.ckpt_path))),
        "input": str(cfg.input),
        "code_version": ednn.__version__,
    }
