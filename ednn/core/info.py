"""What a data set is, as plain values: all that a model has to know of the data it learns."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

Takes = Literal["fields", "structures"]


SPELT = {name.lower(): name for name in ("DFT", "EMT", "GFN1", "GFN2", "LDA", "Laplacian", "PBE")}


def in_words(name: str) -> str:
    """Return the words for a name of files and tables, as a picture or a sentence has them.

    Example:
        >>> in_words("gfn1_energy"), in_words("ase.calculators.lj.LennardJones_energy")
        ('GFN1 energy', 'LennardJones energy')
    """
    return " ".join(SPELT.get(word, word) for word in name.rpartition(".")[2].split("_"))


@dataclass(frozen=True)
class Output:
    """An extensive property and its units.

    Attributes:
        name: the property's name in tables and files.
        unit: unit of the totals; empty if they have none.
        unit_per_site: unit of the errors per site, such as "meV per atom".
        per_unit: how many units of the errors per site make one `unit`: 1000 for eV and meV.

    Example:
        >>> Output("energy", "J", "J per spin").unit_per_site
        'J per spin'
    """

    name: str
    unit: str = ""
    unit_per_site: str = ""
    per_unit: float = 1.0


@dataclass(frozen=True)
class DatasetInfo:
    """What a model has to know of its data, and what its checkpoint stores about them.

    Attributes:
        outputs: the extensive properties, in the order of the columns of the labels.
        dims: dimension of the fields, or of the fields on which structures are rendered.
        channels: number of field components.
        channels_first: whether channels stand before the sides in files; None if the shape of the
            fields decides.
        alphabet: the values of a discrete field, ascending; None for a continuous one.
        site: what the totals are divided by: "site", "spin", "pixel" or "atom".
        relative: whether errors relative to the labels are meaningful, as no label is near zero.
        flat_is_zero: whether a constant field has the value zero, so that no shift per site is
            fitted.
        spacing: distance of neighbouring sites along each axis, which makes derivatives by the
            field ones per volume; empty if it is not known.
        species: atomic numbers of the elements of structures; empty for fields.
        pixel: sides of a pixel in Å, one per axis, on which structures are rendered.
        grid: number of pixels along each side of the first structure's cell.
        gamma: width in Å of the Gaussians with which structures are rendered.
        per_element: whether these have the height 1 and a channel for each element, in place of the
            height Z and one channel for all.
        nearest: smallest and largest distance in Å of an atom of the data to its nearest neighbour;
            None for fields, and where it is not known.
        traits: smallest and largest density and directions of bonds of the structures
            (`ednn.physics.traits`); None for fields, and where they are not known.

    Example:
        >>> info = DatasetInfo((Output("energy", "J", "J per spin"),), alphabet=(-1.0, 1.0))
        >>> info.takes, info.names
        ('fields', ('energy',))
        >>> DatasetInfo.from_plain(info.to_plain()) == info
        True
    """

    outputs: tuple[Output, ...]
    dims: int = 2
    channels: int = 1
    channels_first: bool | None = None
    alphabet: tuple[float, ...] | None = None
    site: str = "site"
    relative: bool = False
    flat_is_zero: bool = False
    spacing: tuple[float, ...] = ()
    species: tuple[int, ...] = ()
    pixel: tuple[float, ...] = ()
    grid: tuple[int, ...] = ()
    gamma: float = 0.0
    per_element: bool = False
    nearest: tuple[float, float] | None = None
    traits: tuple[tuple[float, ...], tuple[float, ...]] | None = None

    @property
    def takes(self) -> Takes:
        """What a model of these data takes: fields, or structures that it renders."""
        return "structures" if self.species else "fields"

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return tuple(output.name for output in self.outputs)

    def to_plain(self) -> dict[str, Any]:
        """Return the attributes as dictionaries, lists and numbers, which a checkpoint can hold."""
        plain = asdict(self)
        return {key: _thawed(value) for key, value in plain.items()}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "DatasetInfo":
        """Return the `DatasetInfo` that `to_plain` was called on; unknown keys are ignored."""
        known = {field.name for field in fields(cls)}
        values = {key: _frozen(value) for key, value in plain.items() if key in known}
        return cls(**values | {"outputs": tuple(Output(**o) for o in plain["outputs"])})


def unnamed_outputs(count: int) -> tuple[Output, ...]:
    """Return the outputs of a model that was made without data, named output_0, output_1 and so on.

    Example:
        >>> [output.name for output in unnamed_outputs(2)]
        ['output_0', 'output_1']
    """
    return tuple(Output(f"output_{i}") for i in range(count))


def _thawed(value: Any) -> Any:
    return [*map(_thawed, value)] if isinstance(value, tuple) else value


def _frozen(value: Any) -> Any:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(map(_frozen, value))
    return value
