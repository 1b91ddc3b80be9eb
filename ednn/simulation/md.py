"""Molecular dynamics of one structure, at constant energy or at constant temperature."""

from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.constraints import FixAtoms, FixCartesian
from ase.md.langevin import Langevin
from ase.md.md import MolecularDynamics
from ase.md.velocitydistribution import thermalize_momenta
from ase.md.verlet import VelocityVerlet
from omegaconf import DictConfig

from ednn.calculator import EDNNCalculator
from ednn.core.errors import InputError
from ednn.core.terminal import Progress, say
from ednn.inference.outputs import held, require_free, require_output
from ednn.inference.reading import read_structures
from ednn.inference.settings import require_number, require_switches, require_whole
from ednn.plots.dynamics_picture import dynamics_picture
from ednn.plots.style import save
from ednn.simulation.common import recorded
from ednn.simulation.guard import Guard
from ednn.simulation.history import History
from ednn.simulation.trajectory import KeptTrajectory

THERMOSTATS = ("none", "langevin")
FARTHEST = 1.0  # Å in a step, a hundred times the usual way: the dynamics has come apart
HOTTEST = 1e4  # K, at which no solid or liquid is left; the limit is at least TIMES `temperature`
TIMES = 20.0
UP = (False, False, True)
VELOCITIES, NOISE = 0, 1  # random streams of a seed; each step's noise has one of its own


def md(cfg: DictConfig) -> None:
    """Move the atoms of the one structure of `input`, and draw how energy and temperature went.

    Example:
        ednn md ckpt_path=RUN input=start.extxyz output=md.traj
    """
    _check(cfg)
    output = Path(cfg.output)
    picture = output.with_suffix(".png")
    require_output(cfg, (".traj",), [output, picture])
    calculator = EDNNCalculator(cfg.ckpt_path, float64=cfg.float64, shifts=cfg.shifts)
    start = _start(cfg, calculator)
    names = ("float64", "shifts", "temperature", "thermostat", "friction", "timestep", "every")
    with held(output):
        settings = recorded(cfg, "md", (*names, "seed"))
        with KeptTrajectory(output, settings, cfg.overwrite) as trajectory:
            if not trajectory.exists:
                require_free(cfg, [picture])
            history = History(trajectory)
            _run(cfg, start, history)
        figure = dynamics_picture(
            history.times, history.energies, history.temperatures, history.deviations
        )
        save(figure, picture)
    say(f"Trajectory: {output} ({history.steps[-1]} steps), with a picture, {picture}")
    say(history.summary(conserved=cfg.thermostat == "none"))


def _check(cfg: DictConfig) -> None:
    """Make sure that the settings are possible."""
    require_switches(cfg, ("float64", "overwrite"))
    require_number(cfg, "temperature", "K", zero=True)
    require_number(cfg, "friction", "1/fs")
    require_number(cfg, "timestep", "fs")
    for name in ("steps", "every"):
        require_whole(cfg, name, least=1)
    if cfg.thermostat not in THERMOSTATS:
        raise InputError(
            f"thermostat={cfg.thermostat} is not possible; give {' or '.join(THERMOSTATS)}."
        )
    if cfg.steps % cfg.every:
        raise InputError(
            f"steps={cfg.steps} is no multiple of every={cfg.every}, so that the last step would "
            f"not be written; give one, such as steps={cfg.steps - cfg.steps % -cfg.every}."
        )


def _start(cfg: DictConfig, calculator: EDNNCalculator) -> Atoms:
    """Return the structure of the input with velocities, held in its plane.

    Raises:
        InputError: there are several structures, or no atom may move.
    """
    frames, _ = read_structures(calculator.model, Path(cfg.input))
    calculator.checked = True
    if len(frames) > 1:
        raise InputError(
            f"{cfg.input} holds {len(frames)} structures, and a dynamics starts from one; write "
            f"the one that you want into a file of its own."
        )
    atoms = frames[0]
    atoms.calc = calculator
    calculator.hold(atoms)  # also after a kill, when the dynamics goes on from another frame
    if calculator.model.info.dims == 2:
        _hold_in_plane(atoms)
    if atoms.get_number_of_degrees_of_freedom() <= 0:
        raise InputError(f"{cfg.input} has no atom that is free to move; fix fewer.")
    if atoms.get_momenta().any():
        atoms.set_momenta(atoms.get_momenta())  # without those out of the plane
    else:
        thermalize_momenta(atoms, cfg.temperature, rng=_random(cfg.seed, VELOCITIES))
    return atoms


def _hold_in_plane(atoms: Atoms) -> None:
    """Fix z of all atoms that aren't fixed already; what is fixed twice would count twice."""
    own = [c for c in atoms.constraints if not _is_of_plane(c)]
    fixed = [c.index for c in own if isinstance(c, FixAtoms)]
    free = np.setdiff1d(np.arange(len(atoms)), np.concatenate([[], *fixed]))
    atoms.set_constraint([*own, FixCartesian(free, UP)] if len(free) else own)


def _is_of_plane(constraint: Any) -> bool:
    return isinstance(constraint, FixCartesian) and tuple(constraint.mask) == UP


def _random(seed: int, *stream: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=stream))


def _run(cfg: DictConfig, atoms: Atoms, history: History) -> None:
    """Take the steps that are not in the history yet."""
    first = history.restore(atoms)
    dynamics = _dynamics(cfg, atoms)
    dynamics.nsteps = first
    hottest = max(HOTTEST, TIMES * cfg.temperature)
    guard = Guard(first if history.steps else -1, most=FARTHEST, hottest=hottest)
    told = {"desc": "Dynamics", "unit": "step", "total": cfg.steps, "initial": first}
    with guard, Progress(**told) as progress:

        def look() -> None:
            guard.look(atoms, dynamics.nsteps)
            progress.update(dynamics.nsteps - progress.n)

        def write() -> None:
            history.write(atoms, dynamics.nsteps, dynamics.nsteps * cfg.timestep)
            progress.set_postfix_str(history.words(), refresh=False)

        def draw() -> None:
            # anew after each frame, so that a run that goes on from it has the same noise
            if isinstance(dynamics, Langevin):
                noise: Any = _random(cfg.seed, NOISE, dynamics.nsteps)
                dynamics.rng = noise

        dynamics.attach(look)
        dynamics.attach(write, cfg.every)
        dynamics.attach(draw, cfg.every)
        draw()
        dynamics.run(max(cfg.steps - first, 0))


def _dynamics(cfg: DictConfig, atoms: Atoms) -> MolecularDynamics:
    step = cfg.timestep * units.fs
    if cfg.thermostat == "none":
        return VelocityVerlet(atoms, step)
    friction = cfg.friction / units.fs
    return Langevin(atoms, step, temperature_K=cfg.temperature, friction=friction, fixcm=False)
