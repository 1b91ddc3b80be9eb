"""Blocks of a lattice: together they are the lattice, and each gives what the lattice gives."""

import warnings
from collections.abc import Callable, Iterator
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from ednn.core.errors import InputError
from ednn.core.model import EDNN
from ednn.core.seen import SeenValues
from ednn.core.subnets import ANN
from ednn.core.subnets.fcn import FCN
from ednn.core.tiling import PADDINGS, Tiling
from ednn.data.formats.hdf5 import HDF5Numbers
from ednn.data.hdf5_file import create_hdf5
from ednn.inference import blocks as blocks_module
from ednn.inference.blocks import cut
from ednn.inference.field_job import FieldJob
from ednn.inference.pieces import Piece

Stored = Callable[..., HDF5Numbers]

CASES = {  # lattice, f, c
    "1d": ((24,), 2, 3),
    "2d, no whole number of blocks": ((20, 12), 4, 2),
    "one tile": ((4, 4), 4, 1),
    "a context longer than the lattice": ((6, 9), 3, 10),
    "3d": ((6, 4, 8), 2, 1),
}


@pytest.mark.parametrize("sites", [400, 900, 10**6])
def test_blocks_are_the_lattice_and_fit(sites: int) -> None:
    tiling = Tiling(2, (3, 5), (2, 4))
    lattice = (33, 65)
    blocks = cut(tiling, lattice, sites)
    seen = np.zeros(tiling.grid(lattice), int)
    for block in blocks:
        seen[block] += 1
        assert prod(tiling.padded([s.stop - s.start for s in block])) <= sites
    assert (seen == 1).all()
    assert (len(blocks) == 1) == (sites == 10**6)


def test_pieces_are_bounded_and_hold_a_tile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks_module, "PIECE_SITES", 100)
    assert len(cut(Tiling(2, 2, 1), (16, 16), 10**6)) == 4  # 10 × 10 sites with their context
    assert len(cut(Tiling(2, 8, 4), (16, 16), 10**6)) == 4  # a tile has 256


def test_a_tile_that_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="memory="):
        cut(Tiling(2, 4, 30), (8, 8), 1000)


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[Stored]:
    """A dataset of fields in a file, by their shape."""
    files: list[h5py.File] = []

    def make(values: np.ndarray, **options: Any) -> HDF5Numbers:
        path = tmp_path / f"{len(files)}.h5"
        with create_hdf5(path) as file:
            file.create_dataset("fields", data=values, **options)
        files.append(h5py.File(path))
        return HDF5Numbers(files[-1]["fields"])

    yield make
    for file in files:
        file.close()


def assembled(work: FieldJob) -> torch.Tensor:
    """The contributions of all pieces."""
    grid = work.model.tiling.grid(work.lattice)
    shares = np.full((work.shape[0], *grid, work.shape[1]), np.nan)
    for piece in work.pieces:
        shares[piece.position()] = work.evaluate(piece)["contributions"]
    return torch.from_numpy(shares)


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize(("lattice", "f", "c"), CASES.values(), ids=CASES)
def test_blocks_from_disk_give_the_contributions_of_the_field(
    stored: Stored, lattice: tuple[int, ...], f: int, c: int, padding: str
) -> None:
    torch.manual_seed(0)
    net = EDNN(ANN, f, c, len(lattice), outputs=2, padding=padding).double()
    fields = torch.randn(2, *lattice, dtype=torch.float64)
    work = FieldJob(net, stored(fields.numpy()), prod(net.tiling.window))
    assert len(work.pieces) >= 2
    expected = net.contributions(fields[:, None])
    torch.testing.assert_close(assembled(work), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("layout", ["first", "last"])
def test_channels_stand_where_the_file_has_them(stored: Stored, layout: str) -> None:
    net = EDNN(ANN, 2, 1, 2, channels=3).double()
    fields = torch.randn(2, 3, 8, 12, dtype=torch.float64)
    values = fields if layout == "first" else fields.movedim(1, -1)
    work = FieldJob(net, stored(values.numpy()), 60)
    assert work.pieces[0].block is not None
    torch.testing.assert_close(assembled(work), net.contributions(fields), rtol=1e-12, atol=1e-12)


def test_distinct_tiles_and_whole_fields_are_the_same_in_blocks(stored: Stored) -> None:
    spins = torch.from_numpy(np.random.default_rng(0).choice([-1, 1], (1, 40, 36)).astype("int8"))
    for net in (EDNN(ANN, 1, 1, alphabet=[-1.0, 1.0]), EDNN(FCN, 2, 4)):
        work = FieldJob(net, stored(spins.numpy()), 300)
        assert len(work.pieces) > 4
        torch.testing.assert_close(
            assembled(work), net.contributions(spins[:, None]), rtol=1e-5, atol=1e-6
        )


def test_a_zero_field_has_the_contribution_of_zeros(stored: Stored) -> None:
    net = EDNN(ANN, 4, 2).double()
    work = FieldJob(net, stored(np.zeros((1, 16, 16))), 300)
    assert len(work.pieces) > 1
    shares = assembled(work)
    assert (shares == shares[0, 0, 0]).all()


def test_a_value_that_is_not_finite_is_found_where_it_is(stored: Stored) -> None:
    values = np.zeros((3, 16, 20), "float32")
    values[2, 13, 7] = np.nan
    work = FieldJob(EDNN(ANN, 4, 2), stored(values), 150)
    with pytest.raises(InputError, match=r"position \(2, 13, 7\)"):
        assembled(work)


def test_whole_fields_name_the_sample_too(stored: Stored) -> None:
    values = np.zeros((3, 16, 20), "float32")
    values[2, 13, 7] = np.inf
    work = FieldJob(EDNN(ANN, 4, 2), stored(values), 1000)
    assert work.pieces == [Piece(slice(i, i + 2)) for i in (0, 2)]
    with pytest.raises(InputError, match=r"sample 2 .*position \(2, 13, 7\)"):
        assembled(work)


def test_chunks_larger_than_the_memory_are_refused(stored: Stored) -> None:
    values = stored(np.zeros((1, 64, 64)), chunks=(1, 64, 64))
    with pytest.raises(InputError, match="chunks of"):
        FieldJob(EDNN(ANN, 4, 2), values, 1000)


def test_values_that_were_never_trained_on_are_found_in_blocks(stored: Stored) -> None:
    net = EDNN(ANN, 4, 2, padding="zeros")
    spins = np.random.default_rng(0).choice([-1.0, 1.0], (1, 16, 20))
    net.values_seen = SeenValues.of(torch.from_numpy(np.tile(spins, (1, 5, 1)))[:, None])
    assembled(FieldJob(net, stored(spins), 150))  # the zeros around it are no values of its own
    with pytest.raises(InputError, match="of -1 and 1 alone"):
        assembled(FieldJob(net, stored((spins + 1) / 2), 150))


def test_unusual_values_are_warned_of_once_and_calm_blocks_not_at_all(stored: Stored) -> None:
    net = EDNN(ANN, 4, 2)
    noise = np.random.default_rng(0).random((1, 16, 20))
    net.values_seen = SeenValues.of(torch.from_numpy(noise)[:, None])
    calm = noise.copy()
    calm[:, :8] = 0.5 + 1e-5 * noise[:, :8]
    for values, count in ((noise * 1.5, 1), (calm, 0)):
        work = FieldJob(net, stored(values), 150)
        assert len(work.pieces) > 1
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            assembled(work)
        assert len(found) == count
