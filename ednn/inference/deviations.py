"""How uncertain the predictions of a job are, put together from its pieces."""

import warnings
from typing import Any

import numpy as np
import torch

from ednn.core.features import Shares
from ednn.core.interface import ExtensiveModel
from ednn.inference.pieces import Arrays, Job, Piece

EXTRAPOLATED = 3.0  # times the largest uncertainty per site of the validation samples


def kept(shares: Shares) -> Arrays:
    """Return what is kept of a piece: its contributions, and features where there are any.

    Example:
        >>> list(kept(Shares(torch.zeros(3, 4, 4, 1), torch.zeros(3, 0))))
        ['contributions']
    """
    arrays = {"contributions": shares.tiles.detach().cpu().numpy()}
    if shares.features.shape[1]:
        arrays["features"] = shares.features.detach().cpu().numpy()
    return arrays


def settled(model: ExtensiveModel, piece: Piece, arrays: Arrays) -> Arrays:
    """Replace the features of whole samples by the standard deviations of their predictions.

    There may be a million of them; those of a block have to be added to those of the others.

    Example:
        >>> from ednn.core.ensemble import Spread
        >>> from ednn.core.model import EDNN
        >>> from ednn.core.subnets import ANN
        >>> model = EDNN(ANN, 2, 1)
        >>> model.posterior = Spread(outputs=1)
        >>> settled(model, Piece(slice(0, 1)), {"features": np.array([[1.0, 2.0, 3.0]])})
        {'deviation': array([[1.]])}
    """
    if piece.block is not None or "features" not in arrays:
        return arrays
    features = arrays.pop("features")
    return {**arrays, "deviation": deviation(model, features)}


def deviation(model: ExtensiveModel, features: np.ndarray) -> np.ndarray:
    """Map features (B, features) to standard deviations (B, outputs).

    Example:
        >>> from ednn.core.ensemble import Spread
        >>> from ednn.core.model import EDNN
        >>> from ednn.core.subnets import ANN
        >>> model = EDNN(ANN, 2, 1)
        >>> model.posterior = Spread(outputs=1)
        >>> deviation(model, np.array([[1.0, 2.0, 3.0]])).tolist()
        [[1.0]]
    """
    assert model.posterior is not None  # or there would be no features
    return model.posterior.deviation(torch.from_numpy(features)).numpy()


def warn_of_extrapolation(model: ExtensiveModel, deviation: np.ndarray, sites: np.ndarray) -> bool:
    """Warn of samples that are unlike those that a model knows, and tell whether there are any.

    Args:
        model: what predicted.
        deviation: standard deviations of the predictions, (N, outputs).
        sites: what their totals are divided by, (N,).

    Example:
        >>> from ednn.core.model import EDNN
        >>> from ednn.core.subnets import ANN
        >>> from ednn.core.uncertainty import Posterior
        >>> model = EDNN(ANN, 2, 1)
        >>> model.posterior = Posterior(torch.eye(1), torch.ones(1), usual=0.1)
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always")
        ...     warn_of_extrapolation(model, np.array([[1.0], [80.0]]), np.array([10, 10]))
        True
        >>> str(caught[0].message)[:46]
        '1 of 2 samples are unlike those of the trainin'
    """
    assert model.posterior is not None
    ratio = model.posterior.extrapolation(torch.from_numpy(deviation), torch.from_numpy(sites))
    if count := int((ratio > EXTRAPOLATED).sum()):
        worst = int(ratio.argmax())
        warnings.warn(
            f"{count} of {len(ratio)} samples are unlike those of the training: number {worst} "
            f"is {ratio[worst]:.0f} times as uncertain per {model.info.site} as any validation "
            f"sample. Don't rely on these predictions; train on such samples.",
            stacklevel=2,
        )
    return count > 0


class Deviations:
    """The standard deviations of all samples of a job.

    Args:
        model: what predicted.
        job: what was predicted.

    Example:
        >>> from ednn.core.ensemble import Spread
        >>> from ednn.core.model import EDNN
        >>> from ednn.core.subnets import ANN
        >>> class Halves(Job):
        ...     pieces, shape = [Piece(slice(0, 1), (slice(i, i + 1),)) for i in (0, 1)], (1, 1)
        ...     def evaluate(self, piece): ...
        >>> model = EDNN(ANN, 2, 1)
        >>> model.posterior, job = Spread(outputs=1), Halves()
        >>> deviations = Deviations(model, job)
        >>> for piece in job.pieces:
        ...     deviations.add(piece, {"features": np.array([[1.0, 2.0, 3.0]])})
        >>> deviations.values().tolist()
        [[2.0]]
    """

    def __init__(self, model: ExtensiveModel, job: Job) -> None:
        self.model = model
        self._values = np.zeros(job.shape)  # (N, outputs)
        self._features: dict[int, Any] = {}  # of samples in blocks, each (1, features)

    def add(self, piece: Piece, arrays: Arrays) -> None:
        """Add what is kept of a piece."""
        if "deviation" in arrays:
            self._values[piece.samples] = arrays["deviation"]
        if "features" in arrays:
            sample = piece.samples.start
            self._features[sample] = self._features.get(sample, 0.0) + arrays["features"]

    def values(self) -> np.ndarray | None:
        """Return them, (N, outputs); None if the model doesn't know them."""
        if self.model.posterior is None:
            return None
        for sample, features in self._features.items():
            self._values[sample] = deviation(self.model, features)[0]
        return self._values
