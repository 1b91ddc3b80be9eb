"""How uncertain a prediction is, from the posterior of the last layer alone.

The property is linear in the features F of a whole system, so that Bayesian linear regression is
exact, whatever the size: the variance is α² Fᵀ (C + ς² I)⁻¹ F, where C = Σ F Fᵀ over the training
set (Bigi, Chong, Ceriotti and Grasselli, "A prediction rigidity formalism for low-cost
uncertainties in trained neural networks", arXiv:2403.02251). Features are not centred: m times a
system is exactly m times as uncertain.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ednn.core.errors import InputError

COVERED = 0.9  # share of the validation samples that lie in their intervals of this probability
REGULARISERS = torch.logspace(-12, 0, 25, dtype=torch.float64)  # ς² tried, in units of C's diagonal


def half_width(probability: float = COVERED) -> float:
    """Return the half width of a Gaussian's central interval, in standard deviations.

    Example:
        >>> round(half_width(0.9), 3)
        1.645
    """
    return float(torch.special.ndtri(torch.tensor(0.5 + probability / 2, dtype=torch.float64)))


@dataclass(frozen=True)
class Posterior:
    """The posterior of a model's last layer.

    Attributes:
        whitening: (features, features), with (C + ς² I)⁻¹ = whitening · whiteningᵀ, in units in
            which C's diagonal is 1.
        width: α of every output in its physical unit, (outputs,).
        usual: largest deviation per site of the samples that chose α, in units of α; 0 if it is not
            known.

    Example:
        >>> features = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
        >>> one = torch.ones(2, 1)
        >>> posterior = Posterior.fit(features.T @ features, features, one, sites=one[:, 0])
        >>> torch.allclose(posterior.deviation(3 * features), 3 * posterior.deviation(features))
        True
    """

    whitening: Tensor
    width: Tensor
    usual: float = 0.0

    @classmethod
    def fit(cls, moments: Tensor, features: Tensor, errors: Tensor, sites: Tensor) -> "Posterior":
        """Choose ς and α by samples that were not trained on.

        ς is the one of highest Gaussian likelihood; α makes 90 % of the samples lie in their
        intervals of 90 %.

        Args:
            moments: C, the sum of F Fᵀ over the training set, (features, features).
            features: of the validation samples, (n, features).
            errors: predicted less true values of these, (n, outputs).
            sites: what totals are divided by, (n,).

        Raises:
            InputError: all features are zero.
        """
        moments, features, errors, sites = (
            t.detach().cpu().double() for t in (moments, features, errors, sites)
        )
        size = moments.diagonal().sqrt()
        if not size.any():
            raise InputError("the inputs of the last layer are zero for all training samples.")
        # A unit that no training sample has woken has no size of its own.
        unit = torch.where(size > 0, size, size[size > 0].mean())
        variance, mode = torch.linalg.eigh(moments / unit / unit[:, None])
        mode = mode / unit[:, None]
        projected = (features @ mode) ** 2  # (n, features)
        weights = 1 / (variance.clamp(min=0) + REGULARISERS[:, None])  # (ς, features)
        rigid = (projected @ weights.T).clamp(min=torch.finfo(torch.float64).tiny)  # (n, ς)
        ratio = errors[..., None] ** 2 / rigid[:, None]  # (n, outputs, ς)
        likelihood = -ratio.mean(0).log().mean(0) - rigid.log().mean(0)  # α at its best, (ς,)
        best = int(likelihood.nan_to_num(-torch.inf).argmax())
        share = ratio[..., best].quantile(COVERED, dim=0, interpolation="higher")
        usual = float((rigid[:, best].sqrt() / sites).max())
        return cls(mode * weights[best].sqrt(), share.sqrt() / half_width(), usual)

    def deviation(self, features: Tensor) -> Tensor:
        """Map features (B, features) to standard deviations (B, outputs) in physical units."""
        given = features.detach().double()
        norm = (given @ self.whitening.to(given.device)).norm(dim=1)  # (B,)
        return norm[:, None] * self.width.to(given.device)

    def conditioned(self, features: Tensor) -> "Posterior":
        """Return the posterior after one more system of features (features,) is trained on.

        It is exact for a given ς and α, whatever the label will be. With u = whiteningᵀ · features,
        (C + ς² I + F Fᵀ)⁻¹ = whitening (I − u uᵀ / (1 + uᵀ u)) whiteningᵀ.

        Example:
            >>> posterior = Posterior(torch.eye(2, dtype=torch.float64), torch.ones(1))
            >>> known = torch.tensor([0.0, 3.0])
            >>> posterior.conditioned(known).deviation(torch.eye(2)).round(decimals=3).tolist()
            [[1.0], [0.316]]
        """
        u = features.detach().to(self.whitening) @ self.whitening  # (features,)
        squared = (u @ u).clamp(min=torch.finfo(torch.float64).tiny)
        share = (1 - (1 + squared).rsqrt()) / squared  # (I − share · u uᵀ)² is the bracket above
        whitening = self.whitening - share * torch.outer(self.whitening @ u, u)
        return replace(self, whitening=whitening)

    def extrapolation(self, deviation: Tensor, sites: Tensor) -> Tensor:
        """Tell how many times as uncertain systems are, per site, as any that chose α: (B,).

        Args:
            deviation: what `deviation` returns, (B, outputs).
            sites: what their totals are divided by, (B,).

        Returns:
            The ratio; zeros if it is not known.
        """
        if not self.usual:
            return torch.zeros(len(deviation))
        return deviation[:, 0] / self.width[0] / sites / self.usual

    def to_plain(self) -> dict[str, Any]:
        """Return the attributes as a checkpoint holds them."""
        return {"whitening": self.whitening, "width": self.width, "usual": self.usual}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Posterior":
        """Return the `Posterior` that `to_plain` was called on."""
        return cls(plain["whitening"], plain["width"], plain.get("usual", 0.0))
