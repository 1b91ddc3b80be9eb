"""Energies and forces as people name and write them: right, or refused by name."""

from pathlib import Path
from typing import Any

import ase
import ase.db
import ase.io
import numpy as np
import pytest

from ednn.core.errors import InputError
from ednn.data.structures.atoms import AtomsData
from tests.data.structures.sheets import as_frames, some

DRAWN: dict[str, Any] = {"grid": 32, "gamma": 0.4, "augment": False, "val": 0.1, "test": 0.2}
SHARED: dict[str, Any] = {"batch_size": 1, "workers": 0, "seed": 0, "cache": "data/cache"}


def read(path: Path, **names: Any) -> AtomsData:
    data = AtomsData(str(path), **names, **DRAWN, **SHARED)
    data.setup()
    return data


def written(path: Path, energy: str, forces: str = "forces") -> Path:
    """Two structures of two atoms as text."""
    ase_text = ""
    for i in range(2):
        ase_text += (
            f'2\nLattice="9 0 0 0 9 0 0 0 9" Properties=species:S:1:pos:R:3:{forces}:R:3 '
            f"charge=2 {energy}\nC 1 {i} 1 0.1 0.2 0\nB 3 3 1 -0.1 -0.2 0\n"
        )
    path.write_text(ase_text)
    return path


@pytest.mark.parametrize("text", ["energy=-10", "energy=-1.0D+01", "energy=-1e1", "energy={-10.0}"])
def test_a_number_is_read_however_it_is_written(tmp_path: Path, text: str) -> None:
    assert read(written(tmp_path / "own.xyz", text)).labels.energy.tolist() == [-10.0, -10.0]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("energy=None", "energy=None"),
        ('energy="-10.0 eV"', r"energy=-10\.0 eV"),
        ("energy=-10,5", r"energy=\[-10 +5\]"),
        ("energy=T", "energy=True"),
        ("energy", "energy=True"),
        ("energy=", r"energy=\[\]"),
        ("energy=nan", "energy=nan"),
        ("energy=inf", "energy=inf"),
        ("energy=1+2j", r"energy=1\+2j"),
        ("free_energy=None energy=-1", "free_energy=None"),
    ],
)
def test_what_is_no_number_is_named(tmp_path: Path, text: str, shown: str) -> None:
    words = rf"structure 0 has {shown}, which is no finite energy; .*data\.energy=…: .*charge"
    with pytest.raises(InputError, match=words):
        read(written(tmp_path / "own.xyz", text))


def test_energies_and_forces_under_other_names(tmp_path: Path) -> None:
    path = written(tmp_path / "own.xyz", "REF_energy=-7", forces="REF_forces")
    named = read(path, energy="REF_energy", forces="REF_forces")
    labels = named.labels
    assert labels.energy.tolist() == [-7, -7]
    np.testing.assert_allclose(labels.forces, [[0.1, 0.2], [-0.1, -0.2]] * 2, rtol=1e-6)
    assert "data.forces" not in named.reading
    unnamed = read(path, energy="REF_energy")
    assert not len(unnamed.labels.forces)
    assert "REF_forces holds forces in eV/Å, add data.forces=REF_forces" in unnamed.reading


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ({}, r"no finite energy; .* in data\.energy=…: charge, REF_energy"),
        ({"energy": "E"}, r"no number 'E'; .* in data\.energy=…: charge, REF_energy"),
        ({"energy": "REF_energy", "forces": "F"}, "no column 'F' for data.forces; .*are: force"),
        ({"energy": "REF_energy", "forces": "charge"}, r"has charge of shape \(\)"),
        ({"energy": "REF_energy", "forces": "Gradient"}, "gradients, whose sign is opposite"),
    ],
)
def test_a_name_that_is_not_there(tmp_path: Path, names: dict[str, str], words: str) -> None:
    path = written(tmp_path / "own.xyz", "REF_energy=-7", forces="force")
    with pytest.raises(InputError, match=words):
        read(path, **names)


def test_forces_of_some_or_of_another_shape(tmp_path: Path) -> None:
    frames = as_frames(some(range(3)))
    del frames[1].calc.results["forces"]
    ase.io.write(tmp_path / "some.traj", frames)
    data = read(tmp_path / "some.traj")
    assert not len(data.labels.forces)
    assert "1 of 3 structures have no forces (1); all forces are left out" in data.reading
    frames[1].calc.results["forces"] = np.zeros(len(frames[1]))
    ase.io.write(tmp_path / "odd.traj", frames)
    with pytest.raises(InputError, match=r"structure 1 has forces of shape \(59,\).*three real"):
        read(tmp_path / "odd.traj")


@pytest.mark.parametrize("unit", ["eV", "kcal/mol"])
def test_a_database_keeps_labels_and_units_beside_the_structures(tmp_path: Path, unit: str) -> None:
    path = tmp_path / "own.db"
    with ase.db.connect(path) as database:
        database.metadata = {"_distance_unit": "Ang", "_property_unit_dict": {"energy": unit}}
        for frame in as_frames(some(range(2))):
            bare = frame.copy()
            labels = {"energy": np.array([-4.0]), "forces": np.ones((len(bare), 3))}
            database.write(bare, REF_energy=-3.5, data=labels)
    if unit != "eV":
        with pytest.raises(InputError, match=r"units\.energy=kcal/mol; expected eV"):
            read(path)
        return
    named = read(path, energy="energy", forces="forces").labels
    assert named.energy.tolist() == [-4, -4]
    assert (named.forces == 1).all()
    assert read(path, energy="REF_energy").labels.energy.tolist() == [-3.5, -3.5]
