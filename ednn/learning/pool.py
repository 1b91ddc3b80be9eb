"""The candidates of a round, of all kinds, and what the network says of them."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from omegaconf import DictConfig
from torch import Tensor

from ednn.calculator import EDNNCalculator
from ednn.core.errors import InputError
from ednn.core.structure_model import StructureModel
from ednn.data.splits import by_share
from ednn.data.structures.as_structure import EDGE
from ednn.data.structures.dft import DFTData
from ednn.data.structures.file import LabelledSet
from ednn.data.structures.module import split_position
from ednn.inference.places import batch
from ednn.learning.dynamics import Dynamics
from ednn.learning.propose import Candidate, Change, Generator, Mover, is_physical, propose
from ednn.physics.labels import resolve
from ednn.physics.neighbours import nearest_distances, span
from ednn.physics.orientation import oriented, trained_orientation
from ednn.physics.recipes import recipe_of
from ednn.physics.structure import Structure

NEW = (10**9, 2**31)  # seeds of new structures, far from those of files


class Pool:
    """Makes the candidates of one round.

    Args:
        cfg: of the learning.
        number: of the round, from 0.
        calculator: the network of the round.
        data: of the theory and the recipe.
        started: how many of the labels are the starting set.

    Attributes:
        temperature: of the dynamics, in K.

    Example:
        ednn learn learn.candidates.larger=20  # cells of twice the size among the candidates
    """

    def __init__(
        self,
        cfg: DictConfig,
        number: int,
        calculator: EDNNCalculator,
        data: DFTData,
        started: int,
    ) -> None:
        self.learn, self.data, self.started = cfg.learn, data, started
        self.calculator, self.model = calculator, calculator.model
        self.seed = [cfg.seed, number]
        low, high = cfg.learn.temperatures
        self.temperature = low + (high - low) * number / max(1, cfg.learn.rounds - 1)

    def candidates(self, labels: LabelledSet) -> list[Candidate]:
        """Return candidates made of labelled structures that are trained on.

        What is made of a test structure might be trained on, and nearly be that structure.

        Raises:
            InputError: all are refused.
        """
        known = [labels.structure(i) for i in range(len(labels))]
        seen = span(nearest_distances(own, "a label") for own in known[: self.started])
        places = np.array([split_position(own, self.data.seed) for own in known])
        parents = [known[i] for i in by_share(places, self.data.shares)["train"]]

        def fits(structure: Structure) -> bool:
            return is_physical(structure, seen) and self._takes(structure)

        # Models without stress take cells of whole tiles alone.
        strain = self.learn.strain if self.model.has_slope("stress") else 0.0
        mover = Mover(self.learn.displacement, strain)
        theory = resolve(self.data.wanted)
        hot = Dynamics(self.calculator, theory, self.temperature, self.learn.steps, fits)
        changes: dict[str, Change] = {
            "dynamics": hot.frames,
            "moved": mover.moved,
            "larger": mover.larger,
            "new": self._new,
        }
        found = []
        for stream, (kind, change) in enumerate(changes.items()):
            rng, count = np.random.default_rng([*self.seed, stream]), self.learn.candidates[kind]
            found += propose(parents, kind, change, count, fits, rng)
        if not found:
            raise InputError(
                "No candidate has atoms at distances like those of the starting set, in a cell "
                "that the network takes; lower learn.temperatures and learn.displacement."
            )
        return found

    def _new(self, structure: Structure, rng: Generator) -> Iterator[Structure]:
        yield recipe_of(self.data.recipe).make(int(rng.integers(*NEW)), self.data.repeat)

    def _takes(self, structure: Structure) -> bool:
        try:
            self.model.check(batch(structure, self.model))
        except InputError:
            return False
        return True


def features_of(model: StructureModel, structures: Sequence[Structure]) -> tuple[Tensor, Tensor]:
    """Return features (n, features) and atoms (n,) of structures, flat ones turned if need be.

    Example:
        >>> from ednn.core.checkpoint import pretrained
        >>> from ednn.physics.sheets import sheet
        >>> [t.shape for t in features_of(pretrained("graphene-hbn-gfn1"), [sheet(0)])]
        [torch.Size([1, 65]), torch.Size([1])]
    """
    outputs, known = len(model.info.outputs), trained_orientation(model.info.traits)
    if known is not None:
        structures = [oriented(structure, known, EDGE) for structure in structures]
    with torch.no_grad():
        totals = [model.with_features("forward", batch(s, model)).cpu() for s in structures]
    sites = torch.tensor([len(s.numbers) for s in structures])
    return torch.cat(totals)[:, outputs:].double(), sites
