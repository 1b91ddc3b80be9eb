"""Read the structures of a file as a model sees them."""

from pathlib import Path
from typing import Any

from ednn.core.errors import InputError
from ednn.core.structure_model import StructureModel
from ednn.core.terminal import say
from ednn.data.structures.as_structure import EDGE
from ednn.data.structures.frames import note_on_open, read_frames, structures_of
from ednn.data.structures.sorted_file import SortedFile
from ednn.data.structures.units import require_units
from ednn.inference.places import batch
from ednn.inference.stored_structure import StoredStructure
from ednn.physics.neighbours import ANYWAY, TRAIN, nearest_distances, require_seen
from ednn.physics.orientation import note_on_turned, oriented, trained_orientation
from ednn.physics.structure import Structure
from ednn.physics.traits import warn_of_unlike


def read_structures(
    model: StructureModel, source: Path, extrapolate: bool | None = None
) -> tuple[list[Any], list[Structure]]:
    r"""Read the frames of a file and what the model sees of them, flat ones turned if need be.

    Args:
        model: what shall predict.
        source: the file.
        extrapolate: takes structures unlike those that the model was trained on, too; None where
            the user has no such choice.

    Raises:
        InputError: ASE can't read it, or a structure doesn't fit the model.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from ednn.core.atomistic import AtomisticEDNN
        >>> from ednn.core.model import EDNN
        >>> from ednn.core.subnets import ANN
        >>> model = AtomisticEDNN(EDNN(ANN, 4, 2), [6], pixel=[0.25, 0.25], gamma=0.4)
        >>> with TemporaryDirectory() as folder:
        ...     source = Path(folder, "own.extxyz")
        ...     _ = source.write_text('1\nLattice="4 0 0 0 3 0 0 0 9"\nC 1 1 1\n')
        ...     frames, structures = read_structures(model, source)
        >>> structures[0].positions.tolist()
        [[1.0, 1.0]]
    """
    frames = read_frames(source)
    require_units(frames, source, ("length",))
    structures = structures_of(frames, source, model.info.dims)
    if note := note_on_open(structures, source):
        say(note)
    for i, structure in enumerate(structures):
        name = f"{source}: structure {i}"
        structure.require_finite(name)
        distances = nearest_distances(structure, name)
        if not extrapolate:
            cure = TRAIN if extrapolate is None else ANYWAY
            require_seen(distances, model.info.nearest, name, cure)
    structures = _oriented(structures, model, source)
    for i, structure in enumerate(structures):
        model.check(batch(structure, model), first=i)
    warn_of_unlike(structures, model.info.traits, str(source))
    return frames, structures


def _oriented(structures: list[Structure], model: StructureModel, source: Path) -> list[Structure]:
    """Turn flat structures into the orientation of the training, and say how many."""
    known = trained_orientation(model.info.traits)
    if known is None:
        return structures
    found = [oriented(own, known, EDGE) for own in structures]
    if note := note_on_turned(found, str(source)):
        say(note)
    return found


def read_stored(model: StructureModel, file: SortedFile, extrapolate: bool) -> StoredStructure:
    """Return the structure of a file of sorted atoms as the model sees it, after the same checks.

    What asks for the neighbours of all atoms is asked of a sample of them.

    Args:
        model: what shall predict.
        file: an open one.
        extrapolate: takes structures unlike those that the model was trained on, too.

    Raises:
        InputError: it doesn't fit the model.

    Example:
        ednn predict ckpt_path=RUN input=sheet.h5 output=energy.csv
    """
    name, dims = file.name, len(file.cell)
    if dims != model.info.dims:
        raise InputError(
            f"{name} holds a structure along {dims} axes, and the model's have {model.info.dims}; "
            f"give one of such structures."
        )
    sample, atoms = StoredStructure(file).sample()
    distances = nearest_distances(sample, name, lambda i: int(file.index[atoms[i]]))
    if not extrapolate:
        require_seen(distances, model.info.nearest, name, ANYWAY)
    if (known := trained_orientation(model.info.traits)) is not None:
        sample = oriented(sample, known, EDGE)
        if note := note_on_turned([sample], name):
            say(note)
    warn_of_unlike([sample], model.info.traits, name, share=len(sample.numbers) / file.count)
    structure = StoredStructure(file, sample.turned_by)
    model.check(batch(structure.outline, model))
    return structure
