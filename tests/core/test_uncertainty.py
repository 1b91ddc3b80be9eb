"""The posterior of the last layer: exact, calibrated, extensive, and kept in checkpoints."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import ednn
from ednn.core.checkpoint import KEY, POSTERIOR, read_checkpoint
from ednn.core.errors import InputError
from ednn.core.uncertainty import REGULARISERS, Posterior, half_width
from tests.core.test_checkpoint import CHECKPOINTS, made, save


def draw(count: int, width: int = 12, seed: int = 0) -> Tensor:
    """Features of a linear problem, of very different sizes, as sums over 4 to 64 sites."""
    generator = torch.Generator().manual_seed(seed)
    sites = torch.randint(4, 65, (count, 1), generator=generator).double()
    noise = torch.randn(count, width, generator=generator, dtype=torch.float64)
    sizes = torch.logspace(-3, 3, width, dtype=torch.float64)
    return (sites * (1 + 0.1 * torch.arange(width)) + sites.sqrt() * noise) * sizes


def regression(count: int, seed: int = 0) -> tuple[Posterior, Tensor, Tensor]:
    """Fit `count` noisy samples by least squares; return features and errors of 4,000 others."""
    generator = torch.Generator().manual_seed(seed + 1)
    true = torch.randn(12, 1, generator=generator, dtype=torch.float64)
    features = draw(count, seed=seed)
    noise = torch.randn(count, 1, generator=generator, dtype=torch.float64)
    found = torch.linalg.lstsq(features, features @ true + noise).solution
    seen, new = draw(2000, seed=seed + 2), draw(4000, seed=seed + 3)
    posterior = Posterior.fit(features.T @ features, seen, seen @ (found - true), torch.ones(1))
    return posterior, new, new @ (found - true)


def test_it_is_bayesian_linear_regression() -> None:
    """Against numpy's dense solution, with the regulariser that the posterior has chosen."""
    posterior, new, _ = regression(40)
    features = draw(40).numpy()
    moments = features.T @ features
    unit = np.sqrt(np.diag(moments))
    closest = np.inf
    for ridge in REGULARISERS.numpy():
        inverse = np.linalg.inv(moments + ridge * np.diag(unit**2))
        variance = np.einsum("bi,ij,bj->b", new.numpy(), inverse, new.numpy())
        ratio = posterior.deviation(new)[:, 0].numpy() / np.sqrt(variance)
        closest = min(closest, float(np.ptp(ratio) / ratio.mean()))
    assert closest < 1e-6


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_one_more_sample_is_that_of_a_fit_with_it(size: float) -> None:
    """Against numpy's dense solution, for samples that teach nothing, something and all."""
    posterior, new, _ = regression(40)
    added = size * new[0]
    found = posterior.conditioned(added).deviation(new)[:, 0].numpy()
    unit = posterior.deviation(new).abs().max() / posterior.width
    scale = torch.diag(1 / draw(40).norm(dim=0))  # features are of very different sizes
    inverse = posterior.whitening @ posterior.whitening.T
    precision = np.linalg.inv((torch.linalg.inv(scale) @ inverse @ torch.linalg.inv(scale)).numpy())
    one, others = ((scale @ rows.T).T.numpy() for rows in (added[None], new))
    after = np.linalg.inv(precision + one.T @ one)
    expected = np.sqrt(np.einsum("bi,ij,bj->b", others, after, others)) * posterior.width.item()
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9 * float(unit))


def test_the_order_of_samples_is_no_matter() -> None:
    posterior, new, _ = regression(40)
    one = posterior.conditioned(new[0]).conditioned(new[1]).deviation(new)
    other = posterior.conditioned(new[1]).conditioned(new[0]).deviation(new)
    torch.testing.assert_close(one, other, rtol=1e-8, atol=0)


def test_intervals_cover_what_they_say_where_the_model_is_linear() -> None:
    covered, ranks = [], []
    for seed in range(0, 50, 10):
        posterior, new, error = regression(40, seed)
        deviation = posterior.deviation(new)
        covered.append((error.abs() <= half_width() * deviation).double().mean().item())
        ranks.append(np.corrcoef(deviation[:, 0].argsort().argsort(),
                                 error[:, 0].abs().argsort().argsort())[0, 1])  # fmt: skip
    assert all(0.85 < share < 0.95 for share in covered), covered
    assert min(ranks) > 0.2, ranks


def test_validation_samples_are_covered_exactly() -> None:
    features, errors = draw(100, 5), torch.linspace(-3, 2, 100, dtype=torch.float64)[:, None]
    both = torch.cat([errors, 7 * errors.abs()], 1)
    posterior = Posterior.fit(features.T @ features, features, both, torch.ones(1))
    deviation = posterior.deviation(features)
    inside = both.abs() <= half_width() * (1 + 1e-12) * deviation
    assert (inside.sum(0) >= 90).all()
    assert (inside.sum(0) <= 92).all()
    torch.testing.assert_close(deviation[:, 1], 7 * deviation[:, 0], rtol=1e-12, atol=0)


def test_m_times_a_system_is_m_times_as_uncertain() -> None:
    posterior, new, _ = regression(40)
    torch.testing.assert_close(
        posterior.deviation(37 * new), 37 * posterior.deviation(new), rtol=1e-13, atol=0
    )


def test_units_of_features_are_no_matter() -> None:
    features, errors = draw(300), torch.randn(300, 1).double()
    units = torch.logspace(-20, 20, 12, dtype=torch.float64)
    one = Posterior.fit(features.T @ features, features, errors, torch.ones(1))
    scaled = features * units
    other = Posterior.fit(scaled.T @ scaled, scaled, errors, torch.ones(1))
    torch.testing.assert_close(
        other.deviation(scaled), one.deviation(features), rtol=1e-3, atol=1e-12
    )


@pytest.mark.parametrize("count", [1, 3])
def test_fewer_samples_than_features_and_features_that_are_never_seen(count: int) -> None:
    features = torch.cat([draw(count), torch.zeros(count, 2)], 1)
    posterior = Posterior.fit(features.T @ features, features[:1], torch.ones(1, 1), torch.ones(1))
    woken = features[:1].clone()
    woken[:, -1] = features.norm()
    asleep, awake = posterior.deviation(features[:1]), posterior.deviation(woken)
    assert torch.isfinite(awake).all()
    assert (awake > asleep).all()


def test_features_that_are_all_zero_are_refused() -> None:
    nothing, one = torch.zeros(5, 3), torch.ones(5, 1)
    with pytest.raises(InputError, match="are zero for all training samples"):
        Posterior.fit(torch.zeros(3, 3), nothing, one, sites=one[:, 0])


def test_a_perfect_model_is_certain() -> None:
    features = draw(20, 3)
    posterior = Posterior.fit(features.T @ features, features, torch.zeros(20, 1), torch.ones(1))
    assert (posterior.deviation(features) == 0).all()


def test_it_travels_in_a_checkpoint(tmp_path: Path) -> None:
    path, model = save(tmp_path / "best.ckpt", made()), made()
    with pytest.raises(InputError, match="doesn't know how uncertain"):
        ednn.load_model(path).uncertainty(torch.ones(1, 1, 4, 4))
    width = model.with_features("forward", torch.ones(1, 1, 4, 4)).shape[1] - 1
    features = torch.randn(50, width, dtype=torch.float64)
    posterior = Posterior.fit(features.T @ features, features, torch.randn(50, 1), torch.ones(1))
    checkpoint = read_checkpoint(path)
    checkpoint[KEY][POSTERIOR] = posterior.to_plain()
    torch.save(checkpoint, path)
    torch.load(path, weights_only=True)
    loaded, field = ednn.load_model(path), torch.randn(3, 1, 6, 4)
    expected = posterior.deviation(loaded.with_features("forward", field)[:, 1:])
    torch.testing.assert_close(loaded.uncertainty(field), expected, rtol=0, atol=0)
    assert loaded(field).shape == (3, 1)


def test_an_old_checkpoint_predicts_without_it() -> None:
    model = ednn.load_model(CHECKPOINTS / "v2_ising_ann.ckpt")
    spins = torch.ones(2, 1, 8, 8)
    assert model.posterior is None
    assert model.call("forward", spins).shape == (2, 1)
    assert model.split(model.call("forward", spins))[1].shape == (2, 0)


def test_extrapolation_is_the_same_at_any_size() -> None:
    torch.manual_seed(0)
    features, sites = torch.randn(50, 3).double() * torch.tensor([1.0, 1.0, 0.01]), torch.ones(50)
    posterior = Posterior.fit(features.T @ features, features, torch.randn(50, 1), sites)
    usual = posterior.extrapolation(posterior.deviation(features), sites)
    assert usual.max() == pytest.approx(1)
    unlike = torch.tensor([[0.0, 0.0, 2.0]]).double()
    one = posterior.extrapolation(posterior.deviation(unlike), torch.ones(1))
    many = posterior.extrapolation(posterior.deviation(70 * unlike), torch.full((1,), 70.0))
    torch.testing.assert_close(many, one)
    assert one > 10
    plain = posterior.to_plain()
    del plain["usual"]  # as older checkpoints have it
    assert not Posterior.from_plain(plain).extrapolation(torch.ones(1, 1), torch.ones(1)).any()
