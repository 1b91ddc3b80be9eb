"""The layers of a fully convolutional subnetwork: shares of the context, and what is refused."""

from itertools import product
from typing import Any

import pytest

from ednn.core.errors import InputError
from ednn.core.subnets.fcn import FCN, reaches


@pytest.mark.parametrize(
    ("c", "layers", "shares"),
    [
        (8, 5, [1, 2, 2, 2, 1]),
        (32, 5, [1, 3, 9, 10, 9]),
        (4, 4, [1, 1, 1, 1]),
        (2, 5, [1, 1, 0, 0, 0]),
        (0, 3, [0, 0, 0]),
    ],
)
def test_shares_of_the_context(c: int, layers: int, shares: list[int]) -> None:
    assert reaches(c, layers) == shares


@pytest.mark.parametrize("layers", [1, 2, 3, 4, 5])
def test_shares_sum_to_the_context_and_leave_no_gap(layers: int) -> None:
    furthest = (3**layers - 1) // 2
    for c in range(furthest + 1):
        shares = reaches(c, layers)
        assert len(shares) == layers
        assert {sum(s) for s in product(*[(-r, 0, r) for r in shares])} == set(range(-c, c + 1))
    with pytest.raises(InputError, match=rf"c={furthest + 1}; give more layers"):
        reaches(furthest + 1, layers)


def test_a_focus_of_part_blocks_is_refused() -> None:
    with pytest.raises(InputError, match=r"focus \(6, 8\).*stride=4"):
        FCN((6, 8), (3, 3), stride=4)


def test_residual_blocks_of_several_widths_are_refused() -> None:
    with pytest.raises(InputError, match=r"widths=\[8, 8, 4\].*such as \[8, 8, 8\]"):
        FCN((2, 2), (1, 1), widths=(8, 8, 4), residual=True)
    no: Any = "no"  # as a command line may have it
    with pytest.raises(InputError, match=r"residual=no is not possible; give true or false"):
        FCN((2, 2), (1, 1), residual=no)
