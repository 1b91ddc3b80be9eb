"""What the errors of short trainings say of f and c, and what the responses say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

NOISE = 0.1  # relative difference of errors that is none, however alike the repeats are
LEFT = 0.1  # share of the whole fall, on a logarithmic scale, that is left to the training
LEARNT = 0.9  # of the error of a constant: what has a larger one has learnt nothing
HALF = 0.5  # of it: what has a larger one has hardly begun
EXPLAINED = 0.1  # of it: what has a larger one says little of contexts if it is the same with all
FELT = 0.1  # least response that counts
OF_MOST = 0.2  # share of the largest response that counts
ALIKE = 0.1  # relative difference of times that counts as none

State = Literal["nothing learnt", "still falls", "does not matter", "found"]


@dataclass(frozen=True)
class Verdict:
    """What errors by context say.

    Attributes:
        state: "nothing learnt": no context explains the labels; "still falls": the widest is the
            best by more than the noise; "does not matter": the narrowest is as good as any;
            "found": the error falls up to a context, and then no more.
        enough: the narrowest context that is as good as the best.
        best: the one of the least error.
        factor: by which errors may differ that count as equal.
        early: whether the trainings are too short to judge by: even the least error is above half
            of a constant's, or a tenth where no context brings anything.

    Example:
        >>> judge({0: [5.0], 1: [0.05], 2: [0.06]}, constant=6.0).enough
        1
    """

    state: State
    enough: int
    best: int
    factor: float
    early: bool


def logs(errors: Sequence[float]) -> NDArray[np.float64]:
    """Return the logarithms of errors, by whose differences they are compared; zero has one, too.

    Example:
        >>> logs([1.0]).tolist()
        [0.0]
    """
    return np.log(np.maximum(errors, np.finfo(float).tiny))


def judge(errors: Mapping[int, Sequence[float]], constant: float) -> Verdict:
    """Say from which context on errors are as small as they get.

    Two errors count as equal up to the largest of three differences: a tenth; what equal trainings
    differ by; and a tenth of the whole fall on a logarithmic scale, as errors that fell a
    hundredfold are those of the training, which a wider context may make faster or slower.

    Args:
        errors: of every context, of each of its trainings.
        constant: error of a prediction that is the same per site for all samples.

    Example:
        >>> judge({0: [5.0, 5.1], 1: [2.0, 2.1], 2: [1.0, 1.1]}, constant=6.0).state
        'still falls'
    """
    values = {c: logs(each) for c, each in sorted(errors.items())}
    means = {c: float(each.mean()) for c, each in values.items()}
    best = min(means, key=lambda c: means[c])
    fall = max(means.values()) - means[best]

    def within(c: int) -> float:
        noise = max(float(np.ptp(values[c])), float(np.ptp(values[best])))
        return max(np.log1p(NOISE), noise, LEFT * fall)

    enough = next(c for c in means if means[c] - means[best] <= within(c))
    state: State = "found"
    if np.exp(means[best]) > LEARNT * constant:
        state = "nothing learnt"
    elif enough == min(means):
        state = "does not matter"
    elif enough == max(means):
        state = "still falls"
    most = EXPLAINED if state == "does not matter" else HALF
    early = bool(np.exp(means[best]) > most * constant)
    return Verdict(state, enough, best, float(np.exp(within(enough))), early)


def cheapest(errors: Mapping[int, Sequence[float]], seconds: Mapping[int, float]) -> int:
    """Return the focus of the fastest training among those of the least error.

    Of those that take the same time it is the smallest, as more lattices are multiples of it.

    Args:
        errors: of every focus, of each of its trainings.
        seconds: of a training with it.

    Example:
        >>> cheapest({1: [1.0], 2: [1.05], 4: [3.0]}, {1: 60.0, 2: 20.0, 4: 10.0})
        2
    """
    best = judge(errors, constant=np.inf).best
    good = [f for f in errors if f == best or _as_good(errors, f, best)]
    fastest = min(seconds[f] for f in good)
    return min(f for f in good if seconds[f] <= (1 + ALIKE) * fastest)


def _as_good(errors: Mapping[int, Sequence[float]], one: int, best: int) -> bool:
    return judge({0: errors[one], 1: errors[best]}, constant=np.inf).state == "does not matter"


def felt_from(responses: Sequence[float]) -> float:
    """Return the least response that counts: a fifth of the largest, and a tenth at least.

    Example:
        >>> felt_from([0.8, 0.1]), felt_from([0.02, 0.03])
        (0.16..., 0.1)
    """
    return max(FELT, OF_MOST * max(responses))


def felt_up_to(distances: Sequence[float], responses: Sequence[float]) -> float:
    """Return the greatest distance at which a response counts; 0 if none does.

    Example:
        >>> felt_up_to([1, 2, 3], [0.5, 0.2, 0.03])
        2
    """
    least = felt_from(responses)
    return max((d for d, r in zip(distances, responses, strict=False) if r > least), default=0)
