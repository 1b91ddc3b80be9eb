"""Flips change the property by what the model says of the fields before and after."""

from functools import partial

import pytest
import torch
from torch import Tensor, nn

from ednn.core.branch import Branch
from ednn.core.errors import InputError
from ednn.core.model import EDNN
from ednn.core.multiscale import MultiScale
from ednn.core.subnets import ANN
from ednn.core.tiling import Tiling
from ednn.physics.flips import Flips, sublattices
from tests.core.test_model import SPINS, Smooth, calls

Sides = int | tuple[int, ...]

# subnetwork, lattice, f, c: tables, a linear first layer, neither; windows wider than the lattice
CASES = [
    (ANN, (8, 8), 1, 1),
    (ANN, (4, 6), (1, 2), (1, 0)),
    (ANN, (2, 3), 1, 1),
    (ANN, (3, 3), 1, 2),
    (ANN, (16, 16), 8, 1),
    (ANN, (8, 8), 8, 1),
    (ANN, (4, 4), 4, 3),
    (ANN, (12,), 2, 1),
    (ANN, (4, 4, 2), 2, 1),
    (Smooth, (8, 12), 4, 1),
    (Smooth, (6, 8), (3, 2), (0, 3)),
]


def network(subnet: type[nn.Module], f: Sides, c: Sides, dims: int) -> EDNN:
    torch.manual_seed(0)
    net = EDNN(subnet, f, c, dims, alphabet=SPINS).double()
    net.scale.fill_(3.0)
    net.shift.fill_(-0.7)
    return net


def draw(replicas: int, lattice: tuple[int, ...], seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (2 * torch.randint(2, (replicas, *lattice), generator=generator) - 1).to(torch.int8)


def fields(flips: Flips, lattice: tuple[int, ...]) -> Tensor:
    return flips.spins.T.reshape(-1, 1, *lattice).double().clone()


@pytest.mark.parametrize(("subnet", "lattice", "f", "c"), CASES)
@torch.no_grad()
def test_a_change_is_the_difference_of_two_predictions(
    subnet: type[nn.Module],
    lattice: tuple[int, ...],
    f: Sides,
    c: Sides,
) -> None:
    net, replicas = network(subnet, f, c, len(lattice)), 3
    flips = Flips(net, draw(replicas, lattice))
    parts = sublattices(net.tiling, lattice)
    assert flips.sublattices == len(parts)
    for number, part in enumerate(parts):
        before = fields(flips, lattice)
        proposal = flips.propose(number)
        for site, change in zip(part.sites, proposal.change, strict=True):
            after = before.clone()
            after.view(replicas, -1)[:, site] *= -1
            expected = (net(after) - net(before))[:, 0]
            assert expected.abs().max() > 1e-3
            torch.testing.assert_close(change, expected, rtol=0, atol=1e-10)
        chosen = draw(len(proposal.change), proposal.change.shape[1:], seed=number) > 0
        flips.accept(proposal, chosen)
        turned = (fields(flips, lattice) != before).view(replicas, -1)[:, part.sites].T
        assert torch.equal(turned, chosen)
        now = net(fields(flips, lattice))[:, 0]
        torch.testing.assert_close(flips.total(), now, rtol=0, atol=1e-10)
        gained = (proposal.change * chosen).sum(0)
        torch.testing.assert_close(now, net(before)[:, 0] + gained, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("subnet", "lattice", "f", "c"), CASES)
def test_sublattices_hold_every_site_once_and_share_no_tile(
    subnet: type[nn.Module],
    lattice: tuple[int, ...],
    f: Sides,
    c: Sides,
) -> None:
    tiling = Tiling(len(lattice), f, c)
    parts = sublattices(tiling, lattice)
    sites = torch.cat([part.sites for part in parts])
    number = torch.arange(len(sites))
    assert torch.equal(sites.sort().values, number)
    held = tiling.tiles(number.reshape(1, 1, *lattice)).flatten(0, tiling.dims).flatten(1)
    for part in parts:
        assert len(part.tiles.unique()) == part.tiles.numel()
        for site, tiles in zip(part.sites, part.tiles, strict=True):
            assert set(tiles.tolist()) == set((held == site).any(1).nonzero()[:, 0].tolist())
            assert torch.equal(held[tiles] == site, part.positions)


def test_all_sites_that_may_flip_at_once_do() -> None:
    sizes = [len(part.sites) for part in sublattices(Tiling(2, 1, 1), (32, 32))]
    assert sizes == [64] * 16
    sizes = [len(part.sites) for part in sublattices(Tiling(2, 8, 1), (16, 16))]
    assert sorted(sizes) == [1] * 16 + [2] * 48 + [4] * 36


@torch.no_grad()
def test_only_touched_tiles_are_evaluated() -> None:
    net = network(Smooth, 4, 1, 2)
    flips = Flips(net, draw(3, (16, 16)))
    with calls(net) as seen:
        for part in range(flips.sublattices):
            flips.propose(part)
    # of the 16 sites of a focus 4 are in one tile alone, 8 in two and 4 in four
    assert sum(seen) == 3 * 16 * (4 * 1 + 8 * 2 + 4 * 4)


@torch.no_grad()
def test_rounding_does_not_grow_in_single_precision() -> None:
    net = network(ANN, 4, 1, 2).float()
    flips = Flips(net, draw(2, (8, 8)))
    for n in range(105 * flips.sublattices):  # five sweeps after the last fresh start
        proposal = flips.propose(n % flips.sublattices)
        flips.accept(proposal, torch.ones_like(proposal.change))
    now = net(flips.spins.T.reshape(-1, 1, 8, 8))[:, 0].double()
    torch.testing.assert_close(flips.total(), now, rtol=0, atol=1e-4)


def test_bad_requests_get_one_sentence() -> None:
    with pytest.raises(InputError, match="'zeros'"):
        Flips(EDNN(ANN, 2, 1, padding="zeros"), draw(1, (8, 8)))
    with pytest.raises(InputError, match="2 channels and 1 outputs"):
        Flips(EDNN(ANN, 2, 1, channels=2), draw(1, (8, 8)))
    one_branch = MultiScale({"real": partial(Branch, ANN, 2, 1)})
    with pytest.raises(InputError, match=r"a MultiScale of 1 channels .* learned by one EDNN"):
        Flips(one_branch, draw(1, (8, 8)))
    with pytest.raises(InputError, match="not a multiple"):
        Flips(EDNN(ANN, 3, 1), draw(1, (8, 8)))
