"""What is finished is kept and not done again; sums don't depend on how it was cut."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ednn.core.errors import InputError
from ednn.inference.pieces import Arrays, Job, Piece, evaluate_all, finished, sites_at_once
from ednn.inference.processes import processes

SHARES = np.random.default_rng(0).normal(1e6, 1, (1, 64, 64, 1))


class Squares(Job):
    """Blocks of side `side` of given contributions; it fails at piece `end`."""

    def __init__(self, side: int, end: int | None = None) -> None:
        spans = [slice(i, i + side) for i in range(0, 64, side)]
        self.pieces = [Piece(slice(0, 1), (a, b)) for a in spans for b in spans]
        self.shape, self.end = (1, 1), end
        self.done: list[Piece] = []

    def evaluate(self, piece: Piece) -> Arrays:
        if len(self.done) == self.end:
            raise KeyboardInterrupt
        self.done.append(piece)
        return {"contributions": SHARES[piece.position()]}


def total(work: Job, room: Path, **settings: Any) -> np.ndarray:
    with processes() as group:
        return evaluate_all(work, room, settings, group)


def test_what_is_finished_is_not_done_again(tmp_path: Path) -> None:
    room = tmp_path / "room"
    with pytest.raises(KeyboardInterrupt):
        total(Squares(16, end=5), room)
    with open(room / "journal.0", "ab") as journal:
        journal.write(b"0badc0de {half a li")
    work = Squares(16)
    value = total(work, room)
    assert work.done == work.pieces[5:]
    assert value == pytest.approx(SHARES.sum(), rel=1e-14)
    whole = np.zeros_like(SHARES)
    for number, arrays in finished(room):
        whole[work.pieces[number].position()] += arrays["contributions"]
    np.testing.assert_array_equal(whole, SHARES)


def test_what_is_finished_is_not_thrown_away_for_other_settings(tmp_path: Path) -> None:
    total(Squares(32), tmp_path / "room", memory=1)
    with pytest.raises(InputError, match=r"holds 4 finished piece\(s\) of another"):
        total(Squares(32), tmp_path / "room", memory=2)
    assert len(list(finished(tmp_path / "room"))) == 4


def test_sums_lose_nothing_in_any_cut(tmp_path: Path) -> None:
    exact = sum(round(x * 2**40) for x in SHARES.ravel().tolist())  # integers: nothing is lost
    for side in (1, 4, 64):
        value = total(Squares(side), tmp_path / str(side))[0, 0]
        assert abs(value * 2**40 / exact - 1) < 1e-15


def test_memory_without_room_is_refused() -> None:
    one = sites_at_once(2.0, 1, 0)
    assert one > 10**6
    assert sites_at_once(2.0, 4, 0) == pytest.approx(one / 4, abs=1)
    assert sites_at_once(2.0, 1, 8) < one / 3
    with pytest.raises(InputError, match=r"memory=0.5 .*give more"):
        sites_at_once(0.5, 1, 0)
