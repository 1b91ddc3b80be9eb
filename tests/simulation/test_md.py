"""md.py: what it conserves, what it keeps, how it goes on, and what it refuses."""

from pathlib import Path

import ase
import ase.io
import numpy as np
import pytest
from ase import units
from ase.constraints import FixAtoms
from ase.io import Trajectory

from tests.conftest import run
from tests.core.test_checkpoint import made, save
from tests.simulation.conftest import NETWORK, done, hexagonal, refused

pytestmark = pytest.mark.filterwarnings("ignore:.*unlike those of the training")
WORDS = ["md.py", NETWORK, "input=one.extxyz", "output=md.traj", "every=2"]


def frames(path: Path) -> list[ase.Atoms]:
    with Trajectory(path) as trajectory:
        return list(trajectory)


def assert_same(one: list[ase.Atoms], other: list[ase.Atoms]) -> None:
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        assert a.info == b.info
        np.testing.assert_array_equal(a.positions, b.positions)
        np.testing.assert_array_equal(a.get_momenta(), b.get_momenta())
        assert a.get_potential_energy() == b.get_potential_energy()


def test_a_dynamics_conserves_energy_and_is_drawn(one: Path) -> None:
    ended = run(one, *WORDS, "steps=10", "temperature=300")
    assert ended.returncode == 0, ended.stderr
    said = ended.stdout
    assert "temperature=" in ended.stderr  # the progress bar
    assert "meV per atom per ps" in said
    assert "md.traj (10 steps)" in said
    assert (one / "md.png").stat().st_size > 10_000
    found = frames(one / "md.traj")
    assert [frame.info["step"] for frame in found] == [*range(0, 11, 2)]
    assert [frame.info["time"] for frame in found] == [*np.arange(0, 11, 2.0)]
    totals = np.array([frame.get_total_energy() for frame in found]) / len(found[0])
    assert np.ptp(totals) < 1e-3 < np.ptp([frame.get_kinetic_energy() for frame in found])
    assert found[0].get_temperature() == pytest.approx(300, rel=0.3)  # of 120 degrees of freedom
    assert found[0].get_number_of_degrees_of_freedom() == 2 * len(found[0])
    assert found[0].info["energy_uncertainty"] > 0
    for frame in found:
        assert np.ptp(frame.positions[:, 2]) == 0
        assert not frame.get_momenta()[:, 2].any()


@pytest.mark.parametrize("thermostat", ["none", "langevin"])
def test_a_dynamics_in_parts_is_that_in_one(one: Path, thermostat: str) -> None:
    words = [*WORDS, f"thermostat={thermostat}", "seed=3"]
    done(one, *words, "steps=12")
    whole = frames(one / "md.traj")
    (one / "md.traj").rename(one / "whole.traj")
    (one / "md.png").unlink()
    done(one, *words, "steps=6")
    path = one / "md.traj"
    ended = run(one, *words, "steps=12")
    assert ended.returncode == 0, ended.stderr
    assert_same(whole, frames(path))
    before = path.read_bytes()
    assert "(12 steps)" in done(one, *words, "steps=8")  # there are as many already
    assert path.read_bytes() == before
    said = refused(one, *words, "steps=12", "timestep=0.5")
    assert said.startswith("md.traj was made with timestep=1.0; repeat that command to go on with")
    assert path.read_bytes() == before
    done(one, *words, "steps=2", "timestep=0.5", "overwrite=true")
    assert len(frames(path)) == 2
    other = done(one, *words, "steps=2", "timestep=0.5", "overwrite=true")  # goes on
    assert "(2 steps)" in other


def test_a_thermostat_keeps_the_temperature_and_its_noise_is_of_the_seed(one: Path) -> None:
    words = [*WORDS, "thermostat=langevin", "friction=0.2", "steps=60", "temperature=500"]
    said = done(one, *words)
    mean = float(said.partition("Temperature: ")[2].split()[0])
    assert mean == pytest.approx(500, rel=0.3)
    last = frames(one / "md.traj")[-1]
    done(one, *words, "seed=1", "overwrite=true")
    assert not np.allclose(last.positions, frames(one / "md.traj")[-1].positions)


def test_velocities_of_the_input_are_taken_and_fixed_atoms_stay(tmp_path: Path) -> None:
    start = hexagonal()
    momenta = np.zeros((len(start), 3))
    momenta[3] = [2.0, 1.0, 5.0]
    start.set_constraint(FixAtoms([0, 1]))
    start.set_momenta(momenta)
    ase.io.write(tmp_path / "start.traj", start)
    done(tmp_path, "md.py", NETWORK, "input=start.traj", "output=md.traj", "steps=4", "every=2")
    first, *_, last = frames(tmp_path / "md.traj")
    momenta[3, 2] = 0
    np.testing.assert_array_equal(first.get_momenta(), momenta)
    np.testing.assert_array_equal(last.positions[:2], start.positions[:2])
    assert first.get_number_of_degrees_of_freedom() == 2 * (len(start) - 2)
    moved = (last.positions[3] - start.positions[3]) * start.get_masses()[3] / (4 * units.fs)
    assert moved[0] == pytest.approx(2, abs=1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["timestep=0"], "timestep=0 is not possible; give a number above 0 (fs)."),
        (["timestep=-1.0"], "timestep=-1.0 is not possible"),
        (["steps=1.5"], "steps=1.5 is not possible; give a whole number of at least 1."),
        (["steps=15", "every=10"], "steps=15 is no multiple of every=10"),
        (["temperature=-1"], "temperature=-1 is not possible; give a number of at least 0 (K)."),
        (["temperature=warm"], "temperature=warm is not possible"),
        (["friction=0"], "friction=0 is not possible"),
        (["thermostat=nose"], "thermostat=nose is not possible; give none or langevin."),
        (["float64=1"], "float64=1 is not possible; give true or false."),
        (["shifts=0"], "shifts=0 is not possible"),
        (["output=md.extxyz"], "output=md.extxyz has no known ending; use .traj."),
        (["input=none.extxyz"], "There is no file none.extxyz"),
        (["input=two.extxyz"], "two.extxyz holds 2 structures, and a dynamics starts from one"),
        (["input=empty.extxyz"], "empty.extxyz holds no structures"),
        (["input=bent.extxyz"], "Å thick"),
        (["input=fixed.traj"], "fixed.traj has no atom that is free to move; fix fewer."),
        (["timestep=1e300"], "Stopped in step 1 (what was written before is kept): the calculator"),
        (["timestep=100"], "Å in this step alone; take a shorter timestep"),
        (["input=squeezed.extxyz", "steps=100"], "K, more than 10,000; start with atoms nearer"),
        (["ckpt_path=fields.ckpt"], "fields.ckpt takes fields, not structures"),
        (["ckpt_path=none.ckpt"], "There is no checkpoint none.ckpt"),
        (["output=foreign.traj"], "foreign.traj can't be read as a trajectory of this command"),
        (["output=drawn.traj"], "output=drawn.traj would overwrite drawn.png"),
        (["output=start.traj", "input=start.traj"], "would overwrite start.traj, which is the"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_bad_input_is_told(bad: Path, words: list[str], said: str) -> None:
    before = {path: path.read_bytes() for path in bad.iterdir()}
    sentence = refused(bad, *WORDS, "steps=4", *words)
    assert said in sentence
    assert "\n" not in sentence
    kept = bad / "md.traj"
    if "Stopped" in sentence:
        assert frames(kept)[0].info["step"] == 0
        kept.unlink()
    assert {path: path.read_bytes() for path in bad.iterdir()} == before


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bad")
    good, bent = hexagonal(), hexagonal()
    bent.positions[0, 2] += 1
    squeezed = hexagonal()
    squeezed.set_cell(squeezed.cell * (0.75, 0.75, 1), scale_atoms=True)
    ase.io.write(folder / "one.extxyz", good)
    fixed = good.copy()
    fixed.set_constraint(FixAtoms(range(len(good))))
    ase.io.write(folder / "fixed.traj", fixed)
    ase.io.write(folder / "two.extxyz", [good, good])
    ase.io.write(folder / "bent.extxyz", bent)
    ase.io.write(folder / "squeezed.extxyz", squeezed)
    for name in ("start", "foreign"):
        ase.io.write(folder / f"{name}.traj", good)
    (folder / "empty.extxyz").touch()
    (folder / "drawn.png").write_text("mine")
    save(folder / "fields.ckpt", made("spins"))
    return folder


def test_an_ensemble_moves_atoms_too(tmp_path: Path) -> None:
    ase.io.write(tmp_path / "one.extxyz", hexagonal("C2"))
    both = "ckpt_path=[pretrained/graphene-hbn-gfn1,pretrained/graphene-hbn-gfn1]"
    done(tmp_path, "md.py", both, *WORDS[2:], "steps=2", "float64=true", "shifts=2")
    assert frames(tmp_path / "md.traj")[0].info["energy_uncertainty"] == pytest.approx(0, abs=1e-6)


def test_a_refusal_is_the_end_of_the_command(bad: Path) -> None:
    ended = run(bad, *WORDS, "steps=4", "timestep=0")
    assert ended.returncode == 1
    assert ended.stderr == "error: timestep=0 is not possible; give a number above 0 (fs).\n"
