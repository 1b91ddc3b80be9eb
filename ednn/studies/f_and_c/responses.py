"""How far a change of one site, or of one atom, is felt: by a trained network and by the labels."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ednn.core.checkpoint import load_model
from ednn.core.interface import FieldModel
from ednn.core.structure_batch import StructureBatch
from ednn.core.structure_model import StructureModel
from ednn.data.fields.generated import Labelling
from ednn.data.module import ExtensiveData
from ednn.physics.locality import response
from ednn.runs.folder import Run
from ednn.training.train import make_data

FAR = 6  # sites, of changes that are made in pairs
MOVE = 0.05  # Å by which an atom moves along each axis
BIN = 0.5  # Å, of distances of atoms
Floats = NDArray[np.float64]


def responses(folder: str, samples: int) -> dict[str, Any]:
    """Measure by distance what a change of one site, or one atom, does to the effect of another.

    Args:
        folder: of a training.
        samples: how many validation samples are changed, each in one random place.

    Returns:
        `distances`, in sites or Å, and by names the responses there: of the `network`, and of the
        `labels` where they can be computed. Of fields: what the change does to the effect of
        another change at that distance, relative to an effect. Of structures: what it does to the
        force on an atom at that distance, relative to what it does to the force on its own.

    Example:
        responses("outputs/locality/mine/f=1,c=3,repeat=1", samples=32)
    """
    run = Run(folder)
    data = make_data(run.read_config())
    assert run.tested  # as a finished training has one
    model = load_model(run.tested).double()
    numbers = torch.from_numpy(data.splits["val"])[:samples]
    if data.info.takes == "structures":
        assert isinstance(model, StructureModel)
        each = of_forces(model, [data.dataset.inputs(n[None]) for n in numbers])
        return dict(zip(("distances", "network"), (part.tolist() for part in each), strict=True))
    fields = data.dataset.inputs(numbers).double()  # (N, C, *L)
    assert isinstance(model, FieldModel)
    return _of_fields(model, fields, data)


def _of_fields(model: FieldModel, fields: Tensor, data: ExtensiveData) -> dict[str, list[float]]:
    """Measure at distances up to where no tile reaches, or to where the lattice repeats."""
    most, outputs = (
        min(max(model.tiling.window), min(fields.shape[2:]) // 2),
        len(model.info.outputs),
    )
    found = {}
    if model.values_seen is None or model.values_seen.values is None:
        found["network"] = of_derivatives(model, fields, most).tolist()
    else:  # fields of single values, like spins, by which nothing has a derivative
        network = torch.inference_mode()(lambda x: model(x).numpy())
        found["network"] = of_changes(network, fields, min(most, FAR), outputs).tolist()
    if isinstance(data, Labelling):
        known = data
        labels = of_changes(lambda x: known.label(x[:, 0].numpy()), fields, min(most, FAR), outputs)
        found["labels"] = labels.tolist()
    return {"distances": [*range(1, len(found["network"]) + 1)], **found}


def of_changes(
    function: Callable[[Tensor], Floats], fields: Tensor, distance: int, outputs: int
) -> Floats:
    """Return the response of a function at distances 1, 2, …, by changes of two sites at once.

    A site changes to the values of some other one, so that fields keep to the values they have.

    Args:
        function: (B, C, *L) → (B, outputs).
        fields: (N, C, *L).
        distance: the largest.
        outputs: over which the mean is taken.

    Example:
        >>> def pairs(x):  # of nearest neighbours on a line
        ...     return (x * x.roll(1, 2)).sum(2).numpy()
        >>> of_changes(pairs, torch.randn(4, 1, 8), distance=3, outputs=1).round(9) > 0
        array([ True, False, False])
    """
    vectors = fields.double().movedim(1, -1)  # (N, *L, C)
    kinds, code = vectors.flatten(0, -2).unique(dim=0, return_inverse=True)
    codes = code.view(vectors.shape[:-1]).double().numpy()  # (N, *L)
    others = np.random.default_rng(0).integers(1, max(2, len(kinds)), codes.shape)

    def one(codes: Floats, i: int) -> Floats:
        return function(kinds[torch.from_numpy(codes).long()].movedim(-1, 1))[:, i]

    each = [
        response(
            partial(one, i=i),
            codes,
            (codes + others) % len(kinds),
            distance,
            np.random.default_rng(0),
        )
        for i in range(outputs)
    ]
    mean: Floats = np.sqrt(np.square(each).mean(0))
    return mean


def of_derivatives(model: FieldModel, fields: Tensor, distance: int) -> Floats:
    """Return the response of a model of continuous fields by the change of its derivatives.

    A site of each field changes, and the derivatives by all others do; times what two values differ
    by, they are effects as in `of_changes`, without a prediction for each pair of sites.

    Args:
        model: in double precision.
        fields: (N, C, *L).
        distance: the largest.

    Example:
        >>> from ednn.core.model import EDNN
        >>> from ednn.core.subnets import FCN
        >>> model = EDNN(FCN, focus=4, context=1).double()  # two sites in the same 3 × 3
        >>> of_derivatives(model, torch.randn(2, 1, 8, 8).double(), distance=4) > 1e-9
        array([ True,  True, False, False])
    """
    rng = np.random.default_rng(0)
    differ = fields.transpose(0, 1).flatten(1).std(1) * 2**0.5  # (C,)
    first, second = [], []  # squares of each field: (outputs,), (outputs, distances)
    for field in fields:
        sides = field.shape[1:]
        site, other = (tuple(rng.integers(sides).tolist()) for _ in range(2))
        changed, values = field.clone(), fields[rng.integers(len(fields))]
        changed[(slice(None), *site)] = values[(slice(None), *other)]
        (total, slope), (total2, slope2) = (_slopes(model, x[None]) for x in (field, changed))
        felt = (slope2 - slope) * differ.view(-1, *[1] * len(sides))  # (outputs, C, *L)
        squares = felt.square().sum(1).numpy()  # (outputs, *L)
        apart = _apart(site, sides, periodic=model.tiling.padding == "periodic")
        shells = [squares[:, apart == d].mean(1) for d in range(1, distance + 1)]
        first.append((total2 - total).square().numpy())
        second.append(np.stack(shells, 1))
    of_one = np.mean(first, 0)[:, None]  # (outputs, 1); zero if the network learnt nothing
    relative = np.mean(second, 0) / np.maximum(of_one, np.finfo(float).tiny)
    mean: Floats = np.sqrt(relative.mean(0))
    return mean


def _slopes(model: FieldModel, field: Tensor) -> tuple[Tensor, Tensor]:
    """Return the properties of one field (1, C, *L), (outputs,), and their derivatives by it."""
    field = field.detach().requires_grad_()
    with torch.enable_grad():
        totals = model(field)[0, : len(model.info.outputs)]
        slopes = [torch.autograd.grad(total, field, retain_graph=True)[0][0] for total in totals]
    return totals.detach(), torch.stack(slopes)


def _apart(site: tuple[int, ...], sides: tuple[int, ...], periodic: bool) -> NDArray[np.int64]:
    """Return the distance max(|Δx|, |Δy|, …) of every site of a lattice from one, (*L)."""
    along = []
    for i, side in zip(site, sides, strict=True):
        far = np.abs(np.arange(side) - i)
        along.append(np.minimum(far, side - far) if periodic else far)
    apart: NDArray[np.int64] = np.max(np.meshgrid(*along, indexing="ij"), axis=0)
    return apart


def of_forces(model: StructureModel, structures: Sequence[StructureBatch]) -> tuple[Floats, Floats]:
    """Return distances in Å, and what the move of one atom does to the forces on others there.

    It is relative to what the move does to the force on the atom itself.

    Args:
        model: in double precision.
        structures: one at a time.

    Returns:
        The middles of bins of distances, and the root mean square in each.

    Example:
        of_forces(pretrained("graphene-hbn-gfn1").double(), [structure])
    """
    rng = np.random.default_rng(0)
    own, others = [], []  # squares of changes of forces; of others with their distances
    for structure in structures:
        at = structure.positions.double()  # (1, A, D)
        atom, moved = int(rng.integers(at.shape[1])), at.clone()
        moved[0, atom] += MOVE * torch.from_numpy(rng.standard_normal(at.shape[2]))
        before, after = (
            model.energy_and_forces(structure._replace(positions=x))[1][0] for x in (at, moved)
        )
        felt = (after - before).detach().square().sum(1).numpy()  # (A,)
        apart = _nearest_image(at[0] - at[0, atom], structure.cell[0].double())
        rest = np.arange(len(felt)) != atom
        own.append(felt[atom])
        others.append(np.stack([apart[rest], felt[rest]]))
    distance, squares = np.concatenate(others, 1)
    number = (distance / BIN).astype(int)
    bins = np.unique(number)
    means = np.array([squares[number == n].mean() for n in bins])
    return (bins + 0.5) * BIN, np.sqrt(means / np.mean(own))


def _nearest_image(apart: Tensor, cell: Tensor) -> Floats:
    """Return the lengths of vectors (A, D) in Å to the nearest images in a cell (D, D)."""
    images = torch.tensor([*product((-1, 0, 1), repeat=len(cell))]).double() @ cell
    lengths: Floats = (apart[:, None] + images).norm(dim=2).amin(1).numpy()
    return lengths
