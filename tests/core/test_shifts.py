"""Shifts of atoms against the pixels: evenly spread, over the period of every kind of model."""

from functools import partial

import pytest
import torch

from ednn.core.atomistic import AtomisticEDNN
from ednn.core.branch import Branch
from ednn.core.multiscale import MultiScale
from ednn.core.shifts import even_shifts, moved, over_shifts, shift_lattice
from ednn.core.subnets import ANN, DNN
from ednn.core.subnets.fcn import FCN
from tests.core.test_atomistic import FOCUS, GRID, SPECIES, batched, model

STRIDE = model(partial(FCN, stride=2))


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 8, 12, 13, 16])
def test_every_row_and_column_holds_one_shift(count: int) -> None:
    points = shift_lattice(count)
    assert points[0].tolist() == [0, 0]
    for axis in (0, 1):
        cells = (points[:, axis] * count).round().long()
        assert sorted(cells.tolist()) == list(range(count))


def test_eight_shifts_remove_all_long_waves() -> None:
    points = shift_lattice(8)
    for wave in ((1, 0), (0, 1), (1, 1), (1, -1), (2, 0), (2, 1), (1, 2), (-1, 2)):
        phase = 2 * torch.pi * points @ torch.tensor(wave).double()
        torch.testing.assert_close(torch.cos(phase).sum(), torch.tensor(0.0).double())


def test_eight_shifts_in_space_remove_the_longest_waves() -> None:
    points = shift_lattice(8, 3)
    assert len({tuple(point) for point in points.tolist()}) == 8
    for wave in ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 0, 1), (0, 1, 1), (1, -1, 0)):
        phase = 2 * torch.pi * points @ torch.tensor(wave).double()
        torch.testing.assert_close(torch.cos(phase).sum(), torch.tensor(0.0).double())


def several_scales() -> AtomisticEDNN:
    branches = {
        "fine": partial(Branch, partial(FCN, widths=[8, 8], stride=2), f=4, c=4),
        "coarse": partial(Branch, partial(FCN, widths=[8, 8], stride=1), f=1, c=2, coarse=4),
    }
    torch.manual_seed(0)
    pixel = (batched(0).cell[0].diag() / GRID).tolist()
    return AtomisticEDNN(MultiScale(branches), SPECIES, pixel, gamma=0.4).double()


@pytest.mark.parametrize(
    ("net", "pixels"),
    [
        (model(FCN), 1),
        (STRIDE, 2),
        (model(DNN), FOCUS),
        (several_scales(), 4),
    ],
    ids=["fcn", "stride", "dnn", "scales"],
)
def test_a_shift_by_the_period_changes_nothing_and_by_less_does(
    net: AtomisticEDNN, pixels: int
) -> None:
    structures = batched(4)
    assert net.field_model.period == (pixels, pixels)
    once = net(structures)
    for axis in (0, 1):
        shift = torch.zeros(2, dtype=torch.float64)
        shift[axis] = net.translation_period[axis]
        torch.testing.assert_close(net(moved(structures, shift)), once, rtol=0, atol=1e-8)
        assert (net(moved(structures, shift / 2)) - once).abs() > 1e-6


@pytest.mark.parametrize("net", [STRIDE, model(ANN)], ids=["stride", "ann"])
def test_the_mean_over_shifts_hardly_moves(net: AtomisticEDNN) -> None:
    structures = batched(4, 5)

    def spread(shifts: int) -> float:
        drawn = torch.rand(6, 2, generator=torch.Generator().manual_seed(0))
        energies = [
            over_shifts(lambda s: [net(s)], moved(structures, by), even_shifts(net, shifts))[0]
            for by in drawn * net.translation_period
        ]
        return float(torch.stack(energies).mean(1).std(0).max())

    with torch.no_grad():
        assert spread(8) < 0.3 * spread(1)
