"""A trained network as an ASE calculator, for relaxation, dynamics and whatever else ASE does."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from ase import Atoms
from ase.calculators.calculator import Calculator, PropertyNotImplementedError, all_changes
from ase.stress import full_3x3_to_voigt_6_stress

from ednn.core.loading import load_structure_model
from ednn.core.shifts import ShiftMean, check_shifts
from ednn.core.structure_batch import StructureBatch
from ednn.core.structure_model import StructureModel
from ednn.data.structures.as_structure import as_structure
from ednn.inference.deviations import warn_of_extrapolation
from ednn.inference.places import batch
from ednn.physics.neighbours import nearest_distances, require_seen
from ednn.physics.orientation import turned, turned_rows, turned_tensor
from ednn.physics.structure import Structure
from ednn.physics.traits import warn_of_unlike
from ednn.physics.turns import Turns

EXACT = 1e-6  # relative; a cell that is whole tiles to this is evaluated as a periodic field
ROUNDING = 1e-9  # Å
NAME = Path("the calculator's atoms")


class EDNNCalculator(Calculator):
    """Energy, forces and stress of atoms by a trained network.

    Energies are smooth in positions and cell. Flat atoms are turned into the orientation of the
    training, by one angle all along a trajectory (`ednn.physics.turns.Turns`), and have to
    stay flat: in dynamics, hold them in their plane by `ase.constraints.FixCartesian`. `results`
    has the `energy_uncertainty` too, a standard deviation in eV, where the network knows it;
    structures that are unlike those of the training are warned of, all along a strain once.

    Args:
        checkpoint: a path, `pretrained/NAME`, several for an ensemble, or a model, which is moved
            to the device and, if that is wanted, into double precision.
        device: where to compute; None for a GPU if there is one.
        float64: computes in double precision, as finite differences of forces ask for.
        shifts: over how many shifts of the atoms against the pixels everything is averaged: less
            noise from the pixels, at so many times the cost.

    Attributes:
        checked: whether its atoms were compared with the training's already, so that it does not.

    Raises:
        InputError: no such checkpoint, or a network of fields; when it computes, atoms that the
            network doesn't take.

    Example:
        >>> from ase.build import graphene
        >>> sheet = graphene(a=2.47, vacuum=5)
        >>> sheet.calc = EDNNCalculator("pretrained/graphene-hbn-gfn1")
        >>> sheet.get_forces().shape
        (2, 3)

        The images of a nudged elastic band share one; each asks for itself, so that they are
        evaluated one by one:

        >>> from ase.mep import NEB
        >>> images = [sheet.copy() for _ in range(3)]
        >>> for image in images:
        ...     image.calc = sheet.calc
        >>> band = NEB(images, allow_shared_calculator=True, method="improvedtangent")
        >>> band.get_forces().shape  # of the image between the ends
        (2, 3)
    """

    implemented_properties = ["energy", "free_energy", "forces", "stress"]  # noqa: RUF012
    ignored_changes = {"initial_magmoms", "initial_charges"}  # noqa: RUF012

    def __init__(
        self,
        checkpoint: str | Path | Sequence[str | Path] | StructureModel,
        device: str | None = None,
        float64: bool = False,
        shifts: int = 1,
    ) -> None:
        super().__init__()
        check_shifts(shifts, takes="structures")
        place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        if not isinstance(checkpoint, StructureModel):
            checkpoint = load_structure_model(checkpoint)
        self.model = checkpoint.to(place, torch.double if float64 else None)
        self.predict = ShiftMean(self.model, shifts)
        self.turns = Turns(self.model.info.traits)
        self.checked, self._warned, self._unlike = False, False, False

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Fill `results` with what was asked for, and with whatever else costs nothing more."""
        super().calculate(atoms, properties, system_changes)
        structure = self._structure(self.atoms)
        degrees = self.turns(structure)
        structure = turned(structure, degrees, ROUNDING)
        if is_new := not {"numbers", "pbc"}.isdisjoint(system_changes):
            self._warned = self._unlike = False
        inputs = self._inputs(structure, is_new or "cell" in system_changes)
        stress = self._with_stress(inputs, properties)
        found = self.predict(inputs, "forces", *["stress"] * stress)
        totals, forces, *rest = (kind.detach().cpu() for kind in found)
        energy, deviation = self.model.split(totals)
        self.results = {
            "energy": energy[0, 0].item(),
            "free_energy": energy[0, 0].item(),
            "forces": _in_space(turned_rows(forces[0].numpy(), -degrees)),
        }
        if stress and (height := self._height()):
            flat = turned_tensor(rest[0][0].numpy(), -degrees)
            full = _in_space(_in_space(flat).T)  # (3, 3)
            self.results["stress"] = full_3x3_to_voigt_6_stress(full / height)
        if deviation.shape[1]:
            self.results["energy_uncertainty"] = deviation[0, 0].item()
            if not self._warned:
                sites = np.array([len(self.atoms)])
                self._warned = warn_of_extrapolation(self.model, deviation.numpy(), sites)

    def hold(self, atoms: Atoms) -> None:
        """Turn all that follows by the angle of these atoms, as one trajectory asks for."""
        self.turns.hold(self._structure(atoms))

    def _structure(self, atoms: Atoms) -> Structure:
        dims = self.model.info.dims
        structure = as_structure(0, atoms, NAME, dims, edge=ROUNDING)  # smooth under a shear
        structure.require_finite(str(NAME))
        return structure

    def _inputs(self, structure: Structure, in_other_cell: bool) -> StructureBatch:
        """Return a structure as the network takes it.

        Distances are looked at every time, as other atoms may have the numbers of those before.
        """
        inputs = batch(structure, self.model)
        if not self.checked:
            distances = nearest_distances(structure, str(NAME))
            require_seen(distances, self.model.info.nearest, str(NAME))
            if in_other_cell and not self._unlike:
                self._unlike = warn_of_unlike([structure], self.model.info.traits, str(NAME))
        self.model.check(inputs)
        return inputs

    def _with_stress(self, inputs: StructureBatch, properties: Sequence[str]) -> bool:
        """Tell whether stress is computed, and with it energies that are smooth in the cell."""
        wanted, tiling = "stress" in properties, self.model.field_model.tiling
        if wanted and not self._height():
            raise PropertyNotImplementedError(
                "The cell has no height, and ASE's stress refers to a volume; give it a third "
                "vector (atoms.center(vacuum=5, axis=2))."
            )
        if inputs.cell.any(-1).all():
            exact = self.model.renderer.fits(inputs, tiling, EXACT).all()
            return wanted or bool(self.model.has_slope("stress") and not exact)
        if wanted:
            raise PropertyNotImplementedError(
                "The atoms don't repeat in all directions, so there is no volume for a stress."
            )
        return False

    def _height(self) -> float:
        """Return by what an area has to be multiplied for the volume of the cell, in Å; or 0."""
        is_flat = self.model.info.dims == 2
        return float(abs(self.atoms.cell.array[:, 2]).max()) if is_flat else 1.0


def _in_space(rows: np.ndarray) -> np.ndarray:
    """Fill rows (n, D) up with zeros to the three axes of space."""
    return np.pad(rows.astype(float), ((0, 0), (0, 3 - rows.shape[1])))
