"""What was found, in words: why, and what to do about it."""

from math import ceil

import numpy as np

from ednn.physics.locality import locality_length, reach
from ednn.studies.base import Numbers, Row
from ednn.studies.f_and_c.recommend import felt_from, felt_up_to, logs
from ednn.studies.f_and_c.trainings import error_of, errors_by


def told(numbers: Numbers) -> str:
    """Return all that is printed at the end.

    Example:
        print(told(study.measure()))
    """
    return "\n\n".join([*reasons(numbers), advice(numbers)])


def advice(numbers: Numbers) -> str:
    """Return the recommendation, and the commands that it leads to.

    Example:
        advice(study.measure())  # 'Recommended: tile.f=1 tile.c=1 …'
    """
    found = f"Recommended: tile.f={numbers['f']} tile.c={numbers['c']}"
    parts = [found if numbers["c"] is not None else "No recommendation"]
    parts += [f"Measure next: {numbers['further']}"] * bool(numbers["further"])
    parts += [f"Train: {numbers['train']}"] * bool(numbers["train"])
    return "\n\n".join(parts)


def reasons(numbers: Numbers) -> list[str]:
    """Return why f and c are what they are: what errors say of c and f, and what responses say.

    Example:
        reasons(study.measure())[0]  # 'The error falls up to c = 1 …'
    """
    told = _of_errors(numbers), _of_length(numbers), _of_f(numbers), *_of_responses(numbers)
    return [*filter(None, told)]


def line(row: Numbers, constant: dict[str, float], unit: str) -> str:
    """Return what is said after a training.

    Example:
        >>> line({"errors": {"": 0.5}, "seconds": 7.1}, {"": 2.0}, "J per spin")
        'error on validation: 0.5 J per spin (that of a constant: 2 J per spin), 7 s'
    """
    error = quantity(error_of(row["errors"], constant), unit)
    least = quantity(error_of(constant, constant), unit)
    return f"error on validation: {error} (that of a constant: {least}), {row['seconds']:.0f} s"


def quantity(value: float, unit: str) -> str:
    """Return three digits and the unit, if there is one.

    Example:
        >>> quantity(0.12345, "eV"), quantity(2.0, "")
        ('0.123 eV', '2')
    """
    return f"{value:.3g} {unit}".rstrip()


def rows(numbers: Numbers) -> list[Row]:
    """Return a line for every tile of the table, and one for that of a constant.

    Example:
        rows(study.measure())[0].quantity  # 'error with f = 1, c = 0'
    """
    lines = []
    for f, c in dict.fromkeys((row["f"], row["c"]) for row in numbers["table"]):
        same = [row for row in numbers["table"] if (row["f"], row["c"]) == (f, c)]
        errors = [f"{error_of(row['errors'], numbers['constants']):.3g}" for row in same]
        seconds = np.mean([row["seconds"] for row in same])
        here = f"{', '.join(errors)} {numbers['unit']}".rstrip()
        how = f"{seconds:.0f} s a training"
        lines.append(Row(f"error with f = {f}, c = {c}", "", here, how))
    constant = quantity(error_of(numbers["constants"], numbers["constants"]), numbers["unit"])
    how = f"{name_of_error(numbers)}; of energies, what the composition explains is left out"
    return [*lines, Row("error of a constant per site", "", constant, how)]


def name_of_error(numbers: Numbers) -> str:
    """Return what the errors are called.

    Example:
        >>> name_of_error({"unit": "J per spin", "outputs": 1})
        'mean absolute error on validation'
    """
    if numbers["outputs"] == 1:
        return "mean absolute error on validation"
    return "mean error of the outputs on validation / that of a constant"


def context(c: int, numbers: Numbers) -> str:
    """Return a context, also as a length where that of a site is known.

    Example:
        >>> context(2, {"length": 0.4, "length_unit": "Å"}), context(1, {"length": None})
        ('c = 2 (0.8 Å)', 'c = 1')
    """
    if numbers["length"] is None:
        return f"c = {c}"
    length = quantity(c * numbers["length"], numbers["length_unit"])
    return f"c = {c} ({length if numbers['length_unit'] else f'a length of {length}'})"


def means_by(by: str, numbers: Numbers, other: int) -> dict[int, float]:
    """Return the mean errors of the trainings by c at one f, or by f at one c.

    They are geometric means, as errors of trainings differ by factors.

    Example:
        means_by("c", study.measure(), other=1)[0]  # with f = 1 and c = 0
    """
    held = "f" if by == "c" else "c"
    same = [row for row in numbers["table"] if row[held] == other]
    errors = errors_by(by, same, numbers["constants"])
    return {value: float(np.exp(logs(e).mean())) for value, e in sorted(errors.items())}


def _of_errors(numbers: Numbers) -> str:
    verdict, unit = numbers["verdict"], numbers["unit"]
    means = means_by("c", numbers, other=numbers["table"][0]["f"])
    constant = error_of(numbers["constants"], numbers["constants"])
    enough, best = verdict["enough"], verdict["best"]
    here, least, none = (quantity(e, unit) for e in (means[enough], means[best], constant))
    alike = f"errors within a factor of {verdict['factor']:.2g} count as equal"
    if verdict["state"] == "nothing learnt":
        return (
            f"No context up to {context(max(means), numbers)} explains the labels: the least "
            f"error, {least} (c = {best}), is nearly that of a constant, {none}. The trainings are "
            f"too short, the network doesn't suit, or it would have to see farther."
        )
    if verdict["state"] == "does not matter":
        why = "the property is a sum over single sites" if enough == 0 else "less may do, too"
        why += ", as far as such errors tell" * verdict["early"]
        narrowest = context(enough, numbers)
        return f"With {narrowest} the error, {here}, is as small as any ({alike}): {why}."
    narrower = [c for c in means if c < enough][-1]
    before = f"{quantity(means[narrower], unit)} with c = {narrower}"
    if verdict["state"] == "still falls":
        widest = context(enough, numbers) + (numbers["ended"] and f", {numbers['ended']}")
        return (
            f"The error still falls at the widest context tried, {widest}: {here}, against "
            f"{before}. Wider ones may do better; if the error goes on falling, the property wants "
            f"several scales."
        )
    others = f"; the least, {least}, is that of c = {best}" if best != enough else ""
    return (
        f"The error falls up to {context(enough, numbers)}, to {here} from {before}, and no "
        f"further ({alike}{others})."
    )


def _of_length(numbers: Numbers) -> str:
    if numbers["c"] is None or not numbers["verdict"]["early"]:
        return ""
    constant = quantity(error_of(numbers["constants"], numbers["constants"]), numbers["unit"])
    share = "a tenth" if numbers["verdict"]["state"] == "does not matter" else "half"
    return (
        f"But all errors are above {share} of that of a constant, {constant}: longer trainings may "
        f"say otherwise, or another network (smooth fields want model=fcn)."
    )


def _of_f(numbers: Numbers) -> str:
    if numbers["f"] is None:
        return ""
    if numbers["site_wise"]:
        return "f hardly matters to this network, which has a value for every site."
    means = means_by("f", numbers, other=numbers["c"])
    seconds = {row["f"]: row["seconds"] for row in numbers["table"] if row["c"] == numbers["c"]}
    if len(means) == 1:
        return ""
    each = (
        f"f = {f}: {quantity(e, numbers['unit'])}, {seconds[f]:.0f} s" for f, e in means.items()
    )
    return (
        f"f = {numbers['f']} is the fastest of those with the least error ({'; '.join(each)} a "
        f"training)."
    )


def _of_responses(numbers: Numbers) -> list[str]:
    """Say how far a change is felt, in the network of the widest context and in the labels."""
    felt = numbers["responses"]
    if numbers["c"] is None:
        return []
    known = [_of_labels(felt["labels"])] if "labels" in felt else []
    return [_of_network(felt, numbers), *known]


def _of_network(felt: Numbers, numbers: Numbers) -> str:
    distances, atoms = felt["distances"], numbers["length_unit"] == "Å"
    far, least = felt_up_to(distances, felt["network"]), felt_from(felt["network"])
    what = "the move of an atom alters forces" if atoms else "a change of one site alters effects"
    begin = f"In the network with c = {numbers['widest']}, {what}"
    if not far:
        return f"{begin} of others by less than {100 * least:.0f} %."
    needed = ceil(round(far / numbers["length"] if atoms else far, 6) / 2)
    distance = f"{far:.2g} Å" if atoms else f"{far:g} {numbers['site']}{'s' * (far != 1)}"
    beyond = "at least " * (far == distances[-1])
    more = ", more than is recommended" * (needed > numbers["c"])
    return (
        f"{begin} by more than {100 * least:.0f} % up to {beyond}{distance} away, which takes "
        f"c = {needed}{more}."
    )


def _of_labels(responses: list[float]) -> str:
    """Say what exact labels say of the locality length, which no training does better."""
    far = reach(np.array(responses))
    if far == len(responses):
        return (
            f"In the labels, computed exactly, sites interact at {far} apart, and perhaps beyond."
        )
    apart = f"sites more than {far} apart don't" if far else "no two sites"
    return (
        f"In the labels, computed exactly, {apart} interact: c = {locality_length(far)} is enough "
        f"in trainings that are long enough."
    )
