"""Units that a file names: eV and Å pass in any spelling, others are refused with their factor."""

from pathlib import Path
from typing import Any

import ase
import pytest

from ednn.core.errors import InputError
from ednn.data.structures.units import require_units

ALL = ("energy", "force", "length")


def check(info: dict[str, Any], *quantities: str) -> None:
    frames = [ase.Atoms("C"), ase.Atoms("C", info=info)]
    require_units(frames, Path("own.xyz"), quantities or ALL)


@pytest.mark.parametrize(
    "info",
    [
        {"energy_unit": "eV", "length_unit": "Angstrom", "forces_unit": "eV/Angstrom"},
        {"energy_units": "EV", "units": "eV, Å", "force_unit": "eV / Ang", "unit_force": "eV*Å^-1"},
        {"units": {"energy": "electronvolt", "positions": "ang", "forces": "eV/\u212b"}},
        {"unit": "metal", "stress_unit": "GPa", "time_units": "fs", "unit_cell": "hexagonal"},
        {"units": ["eV", "Ang"], "force_units": "eV \u00c5^-1", "energy_unit": "electron volt"},
        {"units": "eV Angstrom", "length_units": "angstroms"},
        {"composition_unit": "at%", "cell_angle_unit": "degree", "about": {"units": "eV"}},
        {"community": "kcal/mol", "n_units": 4, "energy": "Hartree"},
    ],
)
def test_what_is_ev_and_angstrom_passes(info: dict[str, Any]) -> None:
    check(info)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("energy_unit", "kcal/mol", r"has energy_unit=kcal/mol; expected eV: multiply by 0\.04336"),
        ("energy_units", "Hartree", r"multiply by 27\.2113"),
        ("units", "Ry", r"units=Ry; expected eV and Å: multiply by 13\.6"),
        ("EnergyUnit", "a.u.", r"expected eV: multiply by 27\.2113"),
        ("unit_energy", "meV", r"multiply by 0\.001"),
        ("energy_unit", "eV/atom", "expected eV: convert them"),
        ("length_unit", "bohr", r"expected Å: multiply by 0\.52917"),
        ("atom_positions_unit", "nm", "expected Å: multiply by 10 "),
        ("forces_unit", "hartree/bohr", r"expected eV/Å: multiply by 51\.42"),
        ("forces_unit", "kcal/mol/A", r"expected eV/Å: multiply by 0\.043364"),
        ("about", {"units": {"energy": "kJ/mol"}}, r"about\.units\.energy=kJ/mol; .* 0\.010364"),
        ("units", {"energy": "eV", "length": "au"}, r"units\.length=au; expected Å: .*0\.529"),
        ("units", ["eV", "bohr"], r"has units=bohr; expected eV and Å: multiply by 0\.529"),
        ("units", "real", "expected eV and Å: convert"),
    ],
)
def test_others_are_refused_with_their_factor(key: str, value: Any, words: str) -> None:
    with pytest.raises(InputError, match=rf"^own\.xyz: structure 1 .*{words}"):
        check({key: value})


def test_units_of_what_is_not_used_are_no_matter() -> None:
    check({"energy_unit": "kcal/mol", "units": {"force": "Ha/Bohr"}}, "length")
    with pytest.raises(InputError, match="length_unit=nm"):
        check({"length_unit": "nm"}, "length")
