"""Units that a file of structures names, where they are others than eV and Å."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ednn.core.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

EV = r"(ev|electron_?volts?)"
ANGSTROM = r"(å|a|angs?|[aå]ngstr[oö]ms?)"
FORCE = rf"{EV}((/|_?per_?){ANGSTROM}|{ANGSTROM}-1)"
STRESS = rf"{EV}((/|_?per_?){ANGSTROM}3|{ANGSTROM}-3)"
EXPECTED = {
    "energy": ("eV", EV),
    "force": ("eV/Å", FORCE),
    "stress": ("eV/Å³", STRESS),
    "length": ("Å", ANGSTROM),
}
ANY = ("eV and Å", rf"({EV}|{ANGSTROM}|{FORCE}|metal|ase)")  # LAMMPS calls eV and Å metal units
WORDS = {  # what a key has units of, by a part of its name
    "energy": "energ",
    "force": "forc|grad",
    "stress": "stress|virial",
    "length": r"^(?!.*angle).*(length|dist|(^|_)pos|coord|lattice|cell)",
}
# energy_unit, unit_energy, units.energy and units alone; unit_cell is none
KEY = re.compile(r"(?:.*\.)?(?P<of>[^.]*?)[_-]?units?(?:[._-](?!cell)(?P<behind>.+))?")
ATOMIC = {"energy": "hartree", "force": "hartree/bohr", "length": "bohr"}


def require_units(frames: Iterable["Atoms"], path: Path, quantities: Iterable[str]) -> None:
    """Refuse a file that names other units than eV and Å, in `info` or in dictionaries there.

    Args:
        frames: as ASE has read them.
        path: of the file.
        quantities: those of "energy", "force", "stress" and "length" that are used.

    Raises:
        InputError: names the unit, and the factor where ASE knows it.

    Example:
        >>> from ase import Atoms
        >>> require_units([Atoms("C", info={"energy_unit": "Ha"})], Path("own.xyz"), ["energy"])
        Traceback (most recent call last):
        ednn.core.errors.InputError: own.xyz: structure 0 has energy_unit=Ha; expected eV: ...
    """
    used = set(quantities)
    for i, frame in enumerate(frames):
        for key, value in _entries(frame.info):
            if not isinstance(value, str) or (quantity := _quantity(key)) not in {"", *used}:
                continue
            unit, good = EXPECTED.get(quantity, ANY)
            plain = unicodedata.normalize("NFKC", value).lower()
            if any(_all_match(good, parts) for parts in ([plain], re.split(r"[,;\s]+", plain))):
                continue
            factor = _factor(plain, quantity)
            times = f"multiply by {factor:.10g}" if factor else "convert them"
            raise InputError(
                f"{path}: structure {i} has {key}={value}; expected {unit}: {times} and leave that "
                f"entry out."
            )


def _all_match(good: str, units: Iterable[str]) -> bool:
    return all(re.fullmatch(good, re.sub(r"[\s*^()]", "", unit)) for unit in units)


def _entries(info: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what `info` and dictionaries in it hold, under keys such as units.energy."""
    for key, value in info.items():
        if isinstance(value, Mapping):
            yield from _entries(value, f"{above}{key}.")
        elif isinstance(value, list | tuple):
            yield from ((f"{above}{key}", own) for own in value)
        else:
            yield f"{above}{key}", value


def _quantity(key: str) -> str | None:
    """Tell what a key names the unit of; empty if it doesn't say, None if of nothing used here."""
    match = KEY.fullmatch(key.lower())
    if match is None:
        return None
    of = match["behind"] or match["of"]
    return next((name for name, words in WORDS.items() if re.search(words, of)), None if of else "")


def _factor(unit: str, quantity: str) -> float | None:
    """Return the factor from a unit, such as kcal/mol, to eV and Å; None if ASE doesn't know it."""
    from ase import units

    known = {name.lower(): v for name, v in vars(units).items() if isinstance(v, float)}
    known |= {"mev": units.eV / 1000, "pm": units.nm / 1000, "å": units.Ang, "a": units.Ang}
    if re.fullmatch(r"a\.?u\.?|atomic([ _]units?)?", unit.strip()):
        unit = ATOMIC.get(quantity, "")
    first, *others = [re.sub(r"(hartree|bohr)s", r"\1", part.strip()) for part in unit.split("/")]
    if first not in known or not all(known.get(part) for part in others):
        return None
    factor: float = known[first]
    for part in others:
        factor /= known[part]
    return factor
