"""Relaxation of structures, and of their cells if wanted."""

import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import ase.io
from ase import Atoms
from ase.calculators.calculator import PropertyNotImplementedError
from ase.calculators.singlepoint import SinglePointCalculator
from ase.filters import FrechetCellFilter
from ase.optimize import LBFGS
from omegaconf import DictConfig

from ednn.core.errors import InputError
from ednn.core.files import atomic
from ednn.core.terminal import Progress, say
from ednn.inference.outputs import held, require_free, require_output
from ednn.inference.reading import read_structures
from ednn.inference.settings import require_number, require_switches, require_whole
from ednn.simulation.common import recorded
from ednn.simulation.guard import Guard
from ednn.simulation.replay import ReplayCalculator
from ednn.simulation.steps import Steps
from ednn.simulation.trajectory import KeptTrajectory

IN_PLANE = (True, True, False, False, False, True)  # of xx, yy, zz, yz, xz, xy


def relax(cfg: DictConfig) -> None:
    """Relax the structures of `input`, and write their last steps to `output`.

    Example:
        ednn relax ckpt_path=RUN input=start.extxyz output=relaxed.extxyz
    """
    _check(cfg)
    output = Path(cfg.output)
    path = output.with_suffix(".traj")
    require_output(cfg, (".extxyz",), [output, path])
    calculator = ReplayCalculator(cfg.ckpt_path, float64=cfg.float64, shifts=cfg.shifts)
    frames = _read(cfg, calculator)
    with held(output):
        settings = recorded(cfg, "relax", ("float64", "shifts", "cell"))
        with KeptTrajectory(path, settings, cfg.overwrite) as trajectory:
            if not trajectory.exists:
                require_free(cfg, [output])
            steps = Steps(trajectory)
            with Progress(desc="Relaxing", unit="step") as progress:
                for number, atoms in enumerate(frames):
                    if not steps.finished(number, cfg.steps, cfg.fmax):
                        _relax(cfg, atoms, calculator, steps, number, progress)
        relaxed = [_written(steps, n, calculator, cfg.fmax) for n in range(len(frames))]
        with atomic(output) as temporary:
            ase.io.write(temporary, relaxed, format="extxyz")
    say(f"Relaxed structures: {output}; all steps: {path}")
    if words := steps.unconverged(cfg.fmax):
        say(f"{words}; a larger steps=… goes on with them.")


def _check(cfg: DictConfig) -> None:
    """Make sure that the settings are possible."""
    require_switches(cfg, ("float64", "overwrite", "cell"))
    require_number(cfg, "fmax", "eV/Å")
    require_whole(cfg, "steps", least=1)


def _read(cfg: DictConfig, calculator: ReplayCalculator) -> list[Atoms]:
    """Return the structures of the input.

    Raises:
        InputError: one has no cell that could be relaxed.
    """
    frames, structures = read_structures(calculator.model, Path(cfg.input))
    calculator.checked = True
    for i, (frame, structure) in enumerate(zip(frames, structures, strict=True)):
        frame.arrays.pop("momenta", None)
        if not cfg.cell:
            continue
        lacks, mend = "", ""
        if structure.is_open:
            lacks, mend = "doesn't repeat in all directions", "give its cell and pbc"
        elif calculator.model.info.dims == 2 and not frame.cell.array[:, 2].any():
            lacks, mend = "has a cell without height", "give a third vector, such as 0 0 15"
        if lacks:
            raise InputError(
                f"{cfg.input}: structure {i} {lacks}, which cell=true needs; {mend}, or leave "
                f"cell=true out."
            )
    return frames


def _relax(
    cfg: DictConfig,
    atoms: Atoms,
    calculator: ReplayCalculator,
    steps: Steps,
    number: int,
    progress: Progress,
) -> None:
    """Relax one structure, from its last known step."""
    calculator.replay(steps.frames(number))
    calculator.hold(atoms)
    atoms.calc = calculator
    # L-BFGS is what converges: to 0.01 eV/Å for sheets of graphene and hBN, displaced, with
    # vacancies, with their cells or without (14 of 14), in a half to a fifth of the steps of FIRE
    # (12 of 14). Its steps cost nothing, where BFGS takes the cube of the number of atoms.
    mask = IN_PLANE if calculator.model.info.dims == 2 else None
    target: Any = FrechetCellFilter(atoms, mask) if cfg.cell else atoms
    optimizer = LBFGS(target, logfile=None)  # type: ignore[arg-type]
    last, guard = steps.last(number), Guard(what=f" of structure {number}")

    def look() -> None:
        step, gradient = optimizer.nsteps, optimizer.optimizable.get_gradient()
        guard.look(atoms, step)
        force = float(optimizer.optimizable.gradient_norm(gradient))
        if step > last:
            steps.write(atoms, number, step, force)
        energy = atoms.get_potential_energy()
        words = f"structure={number}, energy={energy:.3f} eV, largest force={force:.3f} eV/Å"
        progress.set_postfix_str(words, refresh=False)
        progress.update()

    optimizer.attach(look)
    with guard, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "logm result")  # whose error is 1e-12
        optimizer.run(cfg.fmax, cfg.steps)


def _written(steps: Steps, number: int, calculator: ReplayCalculator, fmax: float) -> Atoms:
    """Return the last step of a structure as it is written, with the stress if it has one."""
    frames = [*steps.frames(number)]
    frame = frames[-1]
    results = frame.calc.results
    if "stress" not in results:
        calculator.replay(())
        calculator.hold(frames[0])
        frame.calc = calculator
        with suppress(PropertyNotImplementedError):  # there may be no volume that it refers to
            results = results | {"stress": frame.get_stress()}
    frame.calc = SinglePointCalculator(frame, **results)
    frame.info["converged"] = frame.info["largest_force"] < fmax
    del frame.info["settings"]
    return frame
