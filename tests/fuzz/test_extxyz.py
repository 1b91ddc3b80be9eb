"""Random extxyz files: energies, forces and positions are read right, or refused in a sentence."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from ednn.data.structures.atoms import AtomsData
from tests.fuzz.running import few, many, right_or_refused

pytest.importorskip("ase", reason='structures need `pip install -e ".[dft]"`')

SHARED: dict[str, Any] = {
    "dims": 2,
    **{"grid": 32, "gamma": 0.4, "augment": False, "val": 0.2, "test": 0.2},
    **{"batch_size": 1, "workers": 0, "seed": 0, "cache": "data/cache"},
}
SIDES = (12.0, 10.0, 15.0)  # Å
PARALLEL = "12 0 0 24 0 0 0 0 15"
CELLS = {
    "12 0 0 0 10 0 0 0 15": True,  # whether it is right
    "12.0000001 1e-7 0 0 10 0 0 0 15": True,
    "12 0 0 -5 10 0 0 0 15": None,
    PARALLEL: None,  # wrong where both vectors repeat
    "12 0 0 0 10 0 0 0 0": None,  # either
    "-12 0 0 0 10 0 0 0 15": None,
    "0 0 0 0 0 0 0 0 0": None,
    "12 0 0 0 10": False,
    "a b c": False,
}
ENERGIES = {  # how a number may be written, and whether it is a number
    "{e:.6f}": True,
    "{e:.8e}": True,
    '"{e:.6f}"': True,
    "{d}": None,  # Fortran's exponent
    '"{e:.6f} eV"': None,
    "{c}": False,  # decimal comma
    "None": False,
    "T": False,
    "nan": False,
    "inf": False,
    '""': False,
    '"1 2 3"': False,
}


@dataclass
class Written:
    """A file of structures: its text, and what it means."""

    text: str
    energies: list[float]
    positions: list[np.ndarray]
    right: bool | None  # whether it must be read; None for either
    told: dict[str, Any]


@st.composite
def written(draw: st.DrawFn) -> Written:
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    cell = draw(st.sampled_from([*CELLS, *[next(iter(CELLS))] * 6]))
    energy = draw(st.sampled_from([*ENERGIES, *["{e:.6f}"] * 6]))
    key = draw(st.sampled_from(["energy", "energy", "REF_energy", "free_energy", "Energy"]))
    column = draw(st.sampled_from(["", "forces", "REF_forces", "force", "gradient"]))
    pbc = draw(st.sampled_from(['pbc="T T F"', 'pbc="T T T"', "", 'pbc="F F F"', 'pbc="T F T"']))
    species = draw(st.sampled_from(["CBN", "CBN", "CBN", "XCC", "cbn", "C1N"]))
    place = draw(st.sampled_from(["inside", "inside", "wrapped", "close", "thick", "nan", "edge"]))
    extra = draw(st.sampled_from(["", "", "units=eV", "energy_unit=kcal/mol", 'note="a b"']))
    told = {
        "energy": draw(st.sampled_from([None, None, "REF_energy"])),
        "forces": draw(st.sampled_from([None, None, "REF_forces", "forces"])),
    }
    frames = [_frame(rng, place) for _ in range(draw(st.integers(1, 3)))]
    energies = [float(np.round(rng.normal(-3000, 1), 6)) for _ in frames]
    text = "".join(
        _text(frame, cell, _spelt(energy, e), key, column, pbc, species, extra)
        for frame, e in zip(frames, energies, strict=True)
    )
    wrong = [
        CELLS[cell] is False,
        cell == PARALLEL and pbc[5:8] in ("T T", ""),
        ENERGIES[energy] is False,
        species == "XCC",
        place in ("close", "thick", "nan"),
        extra == "energy_unit=kcal/mol",
    ]
    plain = energy in ("{e:.6f}", "{e:.8e}") and cell == next(iter(CELLS)) and species == "CBN"
    named = told == {"energy": None, "forces": None} and key == "energy" and pbc[5:8] == "T T"
    right = False if any(wrong) else True if plain and named and place == "inside" else None
    return Written(text, energies, frames, right, told)


def _frame(rng: np.random.Generator, place: str) -> np.ndarray:
    """Return positions of six atoms, far from each other unless they are to be close."""
    spots = np.stack(np.meshgrid([1.0, 5.0, 9.0], [2.0, 7.0]), -1).reshape(-1, 2)
    flat = np.column_stack([spots + rng.uniform(-0.5, 0.5, spots.shape), np.full(6, 7.5)])
    if place == "wrapped":
        flat[0, :2] += SIDES[:2]
    elif place == "close":
        flat[1] = flat[0] + 0.01
    elif place == "thick":
        flat[0, 2] += 3.0
    elif place == "nan":
        flat[2, 1] = np.nan
    elif place == "edge":
        flat[0, 0], flat[1, 1] = SIDES[0], -1e-7
    return flat


def _spelt(form: str, energy: float) -> str:
    fortran = f"{energy:.8e}".replace("e", "D")
    return form.format(e=energy, d=fortran, c=f"{energy:.6f}".replace(".", ","))


def _text(
    frame: np.ndarray, cell: str, e: str, key: str, column: str, pbc: str, species: str, extra: str
) -> str:
    forces = f":{column}:R:3" if column else ""
    head = f'Lattice="{cell}" Properties=species:S:1:pos:R:3{forces} {key}={e} {pbc} {extra}'
    rows = [
        f"{species[i % 3]} {x:.8f} {y:.8f} {z:.8f}{' 0.1 -0.2 0.0' * bool(column)}"
        for i, (x, y, z) in enumerate(frame)
    ]
    return "\n".join([str(len(frame)), head.rstrip(), *rows, ""])


def check(case: Written, folder: Path) -> None:
    path = folder / "a.extxyz"
    path.write_text(case.text)
    with right_or_refused():
        data = AtomsData(str(path), **case.told, **SHARED)
        data.setup()
        labels = data.labels
        assert case.right is not False, "what is wrong was read"
        np.testing.assert_allclose(labels.energy, case.energies, rtol=0, atol=1e-4)
        for i, frame in enumerate(case.positions):
            structure = labels.structure(i)
            away = structure.positions - frame[:, :2]
            off = away - np.round(away @ np.linalg.pinv(structure.cell)) @ structure.cell
            np.testing.assert_allclose(off, 0, atol=2e-3)
        return
    assert case.right is not True, "what is right was refused"


@few(60)
@given(written())
def test_a_few_files(tmp_path_factory: Any, case: Written) -> None:
    check(case, tmp_path_factory.getbasetemp())


@many(30_000)
@given(written())
def test_many_files(tmp_path_factory: Any, case: Written) -> None:
    check(case, tmp_path_factory.getbasetemp())
