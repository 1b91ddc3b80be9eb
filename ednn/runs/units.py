"""The units of what a run measures."""

from collections.abc import Iterator

from ednn.core.info import DatasetInfo, Output


def metric_units(info: DatasetInfo) -> dict[str, str]:
    """Return the units of a run's metrics, by their names without the split.

    What has no unit, or not the same for all outputs that it is a mean of, is left out.

    Args:
        info: of the data.

    Example:
        >>> units = metric_units(DatasetInfo((Output("energy", "J", "J per spin"),)))
        >>> units["loss"], units["mean_absolute_error"], units["mean_absolute_error_per_site"]
        ('J²', 'J', 'J per spin')
    """
    first, *others = (dict(_units(output, info)) for output in info.outputs)
    shared = {name: u for name, u in first.items() if all(o.get(name) == u for o in others)}
    if not others:
        return shared
    each = zip(info.names, (first, *others), strict=True)
    own = {f"{output}/{name}": u for output, units in each for name, u in units.items()}
    return shared | {name: u for name, u in own.items() if not name.endswith("/loss")}


def _units(output: Output, info: DatasetInfo) -> Iterator[tuple[str, str]]:
    """Yield name and unit of the metrics of one output."""
    unit = output.unit
    units = {"absolute_error": unit, "absolute_error_per_site": output.unit_per_site}
    if info.takes == "structures":
        units["absolute_error_of_forces"] = f"{unit}/Å"
        units["absolute_error_of_stress"] = f"{unit}/Å{'²³'[info.dims == 3]}"
    for name, of_kind in units.items():
        if of_kind:
            yield from ((f"{average}_{name}", of_kind) for average in ("median", "mean"))
    if info.takes == "structures":
        yield "translation_error_per_site", output.unit_per_site
    if unit:
        yield "loss", f"{unit}²" if unit.isalpha() else f"{unit} squared"
