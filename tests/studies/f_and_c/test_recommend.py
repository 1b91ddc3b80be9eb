"""What is recommended for tables of errors whose answer is known."""

from collections.abc import Mapping, Sequence

import pytest

from ednn.studies.f_and_c.recommend import cheapest, felt_up_to, judge

CONSTANT = 6.0
TABLES: dict[str, tuple[Mapping[int, Sequence[float]], str, int]] = {
    "falls to where the training ends": ({0: [5.0], 1: [0.011], 2: [0.010]}, "found", 1),
    "falls in two steps": ({0: [5.0], 1: [0.3], 2: [0.006], 3: [0.008]}, "found", 2),
    "nothing before the last step": ({0: [6.0], 1: [6.1], 2: [0.05], 3: [0.06]}, "found", 2),
    "falls gently, then no more": (
        {2: [6.0], 4: [4.0], 6: [3.0], 8: [2.4], 12: [2.1], 16: [2.05], 24: [2.0]},
        "found",
        12,
    ),
    "wider ones are worse": ({0: [5.0], 1: [0.2], 2: [0.9], 3: [2.0]}, "found", 1),
    "falls throughout": ({0: [5.0], 2: [4.0], 4: [3.0], 8: [2.0]}, "still falls", 8),
    "is as small at once": ({0: [0.02], 1: [0.05], 2: [0.05]}, "does not matter", 0),
    "is less than half throughout": ({0: [2.2], 1: [2.1], 2: [2.1]}, "does not matter", 0),
    "is large throughout": ({0: [4.0], 1: [3.9], 2: [4.1]}, "does not matter", 0),
    "is that of a constant": ({0: [6.2], 1: [6.0], 2: [5.9]}, "nothing learnt", 0),
    "one context alone": ({3: [1.0]}, "does not matter", 3),
}


@pytest.mark.parametrize("name", TABLES)
def test_verdict(name: str) -> None:
    errors, state, enough = TABLES[name]
    verdict = judge(errors, CONSTANT)
    assert (verdict.state, verdict.enough) == (state, enough)
    least = CONSTANT / (10 if state == "does not matter" else 2)  # no context: more is claimed
    assert verdict.early == (min(each[0] for each in errors.values()) > least)
    assert verdict.best == min(errors, key=lambda c: errors[c][0])


def test_what_equal_trainings_differ_by_is_no_difference() -> None:
    calm = {0: [5.0, 5.0], 1: [3.0, 3.0], 2: [2.0, 2.0]}
    assert judge(calm, CONSTANT).state == "still falls"
    noisy = {0: [5.0, 5.0], 1: [3.0, 2.0], 2: [2.0, 3.0]}
    assert judge(noisy, CONSTANT).enough == 1
    assert judge(noisy, CONSTANT).factor == pytest.approx(1.5)


def test_of_focuses_with_the_least_error_the_fastest_is_taken_and_of_equal_ones_the_smallest() -> (
    None
):
    errors = {1: [1.0], 2: [1.02], 4: [1.05], 8: [3.0]}
    assert cheapest(errors, {1: 60.0, 2: 20.0, 4: 21.0, 8: 5.0}) == 2
    assert cheapest(errors, {1: 60.0, 2: 30.0, 4: 20.0, 8: 5.0}) == 4
    assert cheapest({1: [1.0], 2: [2.0]}, {1: 60.0, 2: 1.0}) == 1


def test_a_response_is_felt_where_it_is_large_beside_the_largest_and_beside_one() -> None:
    distances = [1, 2, 3, 4, 5, 6]
    assert felt_up_to(distances, [0.8, 0.05, 0.04, 0.7, 0.12, 0.11]) == 4  # noise below a fifth
    assert felt_up_to(distances, [0.03, 0.03, 0.02, 0.03, 0.02, 0.03]) == 0  # noise alone
    assert felt_up_to(distances, [0.5, 0.4, 0.3, 0.25, 0.2, 0.15]) == 6
