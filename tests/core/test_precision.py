"""Whether bfloat16 is worth it is measured, and told where it isn't."""

import pytest
import torch

from ednn.core import precision
from ednn.core.precision import gain_of_bfloat16, note_on_bfloat16

CPU = torch.device("cpu")


def test_note_is_given_where_bfloat16_is_slower(monkeypatch: pytest.MonkeyPatch) -> None:
    assert note_on_bfloat16(torch.device("meta"), "bfloat16=false") is None
    monkeypatch.setattr(precision, "WORTH", 0.0)
    assert note_on_bfloat16(CPU, "bfloat16=false") is None
    monkeypatch.setattr(precision, "WORTH", 1e9)
    note = note_on_bfloat16(CPU, "bfloat16=false")
    assert note is not None
    assert "times as long as single precision" in note
    assert "bfloat16=false is faster here." in note


def test_measuring_leaves_the_number_of_threads() -> None:
    before = torch.get_num_threads()
    assert gain_of_bfloat16() > 0
    assert torch.get_num_threads() == before
