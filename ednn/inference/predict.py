"""Predict fields of any size, or structures, with a trained model."""

import hashlib
import shutil
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout
from omegaconf import DictConfig

import ednn
from ednn.atomistic import AtomisticEDNN
from ednn.data.fields import dataset, open_hdf5
from ednn.errors import InputError
from ednn.inference.fields import StoredFields, write_fields
from ednn.inference.pieces import Work, evaluate_all, finished, sites_at_once
from ednn.inference.processes import Processes, processes
from ednn.inference.structures import FORMATS as STRUCTURES
from ednn.inference.structures import Sheets, read_structures, write_structures
from ednn.model import EDNN
from ednn.multiscale import MultiScale
from ednn.spec import load_model, read_checkpoint

FIELDS = (".h5", ".hdf5")

Write = Callable[[Path, np.ndarray], None]  # from the room of the pieces and the sums


def predict(cfg: DictConfig) -> None:
    """Predict what the model of `ckpt_path` takes: structures, or fields from an HDF5 file."""
    model = load_model(cfg.ckpt_path)
    _check(cfg, model)
    with processes() as group:
        model.to(group.device)
        if isinstance(model, AtomisticEDNN):
            _structures(cfg, model, group)
        else:
            assert isinstance(model, EDNN | MultiScale)
            _fields(cfg, model, group)


def _structures(cfg: DictConfig, model: AtomisticEDNN, group: Processes) -> None:
    frames, structures = read_structures(model, Path(cfg.input))
    loaded = sum(6 * s.positions.nbytes for s in structures)  # frames, structures, and in order
    sites = sites_at_once(cfg.memory, 1, _shares(model.field_model), loaded)
    work = Sheets(model, structures, sites, cfg.forces)

    def write(room: Path, total: np.ndarray) -> None:
        name = f"predicted_{_names(cfg)[0]}"
        maps = write_structures(Path(cfg.output), frames, name, work, room, total, _about(cfg))
        print(f"Contribution maps: {maps}")

    _run(cfg, work, group, write)


def _fields(cfg: DictConfig, model: EDNN | MultiScale, group: Processes) -> None:
    with open_hdf5(cfg.input) as file:
        stored = dataset(file, str(cfg.input_key), "input_key")
        sites = sites_at_once(cfg.memory, model.channels, _shares(model))
        work = StoredFields(model, stored, sites)

        def write(room: Path, total: np.ndarray) -> None:
            attributes = _about(cfg) | {"outputs": _names(cfg)}
            write_fields(Path(cfg.output), work, room, total, attributes)

        _run(cfg, work, group, write)


def _run(cfg: DictConfig, work: Work, group: Processes, write: Write) -> None:
    """Evaluate all pieces, in a room beside the output, and let the first process write it.

    Raises:
        InputError: another run is writing the same output.
    """
    output, source = Path(cfg.output), Path(cfg.input)
    room = output.with_name(f".{output.name}.unfinished")
    settings = {
        "model": hashlib.sha256(Path(cfg.ckpt_path).read_bytes()).hexdigest(),
        "input": [str(source.resolve()), source.stat().st_mtime_ns, source.stat().st_size],
        **{key: cfg[key] for key in ("input_key", "forces", "memory", "bfloat16")},
    }
    lock = FileLock(output.with_name(f".{output.name}.lock"))
    try:
        if group.first:
            lock.acquire(timeout=0)
        with torch.autocast(group.device.type, torch.bfloat16, enabled=cfg.bfloat16):
            total = evaluate_all(work, room, settings, group)
        if group.first:
            write(room, total)
            shutil.rmtree(room)
            print(f"Predictions: {output}")
    except Timeout:
        raise InputError(
            f"output={output} is being written by another run; wait for its end or give another "
            f"name."
        ) from None
    finally:
        if lock.is_locked:
            if room.exists() and not any(True for _ in finished(room)):
                shutil.rmtree(room)  # nothing to go on with
            Path(lock.lock_file).unlink(missing_ok=True)
            lock.release()


def _shares(model: EDNN | MultiScale) -> float:
    """Contributions per site of the field."""
    return len(model.shift) / model.tiling.sites


def _check(cfg: DictConfig, model: torch.nn.Module) -> None:
    """Make sure that the settings suit the model, and that nothing is overwritten unasked."""
    for name in ("forces", "overwrite", "bfloat16"):
        if not isinstance(cfg[name], bool):
            raise InputError(f"{name}={cfg[name]} is not possible; give true or false.")
    if cfg.bfloat16 and any(weight.dtype == torch.double for weight in model.parameters()):
        raise InputError(
            "bfloat16=true is for models trained in single or mixed precision, and this one was "
            "trained in double precision (trainer.precision=64-true); leave it out."
        )
    if isinstance(cfg.memory, bool) or not (
        isinstance(cfg.memory, int | float) and isfinite(cfg.memory)
    ):
        raise InputError(f"memory={cfg.memory} is not possible; give a number of GB.")
    output = Path(cfg.output)
    if isinstance(model, AtomisticEDNN):
        _check_output(output, STRUCTURES, [output, output.with_suffix(".h5")], cfg)
        return
    _check_output(output, FIELDS, [output], cfg)
    if cfg.forces:
        raise InputError(
            "forces=true is for models of structures, and this one takes fields; leave it out."
        )


def _check_output(
    output: Path, endings: tuple[str, ...], written: list[Path], cfg: DictConfig
) -> None:
    """Make sure that nothing is overwritten which the user did not give up.

    Raises:
        InputError: a file of the name stands there, or the ending is of another kind of file.
    """
    if output.suffix not in endings:
        raise InputError(f"output={output} has no known ending; use {' or '.join(endings)}.")
    precious = [Path(cfg.input).resolve(), Path(cfg.ckpt_path).resolve()]
    for path in written:
        if path.resolve() in precious or (path.exists() and not cfg.overwrite):
            raise InputError(
                f"output={output} would overwrite {path}; give another name, or overwrite=true "
                f"unless that is the input or the checkpoint."
            )


def _names(cfg: DictConfig) -> list[str]:
    """Name what the model predicts."""
    return read_checkpoint(cfg.ckpt_path)["hyper_parameters"]["errors"]["names"]


def _about(cfg: DictConfig) -> dict[str, Any]:
    """Tell where predictions come from."""
    return {
        "model": str(cfg.ckpt_path),
        "input": str(cfg.input),
        "code_version": ednn.__version__,
    }
