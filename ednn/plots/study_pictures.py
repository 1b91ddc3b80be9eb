"""Optuna's own pictures of a search."""

import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from ednn.plots.style import log_ticks, save, ticks

if TYPE_CHECKING:
    from optuna import Study

PICTURES = {  # by the functions of optuna.visualization.matplotlib
    "history": "plot_optimization_history",
    "importances": "plot_param_importances",
    "slices": "plot_slice",
}
LAYOUT: dict[Any, Any] = {"figure.constrained_layout.use": True}  # room for long names


def draw(study: "Study", folder: Path) -> list[Path]:
    """Draw the best value against the trial, what each setting matters, and each against the value.

    Args:
        study: with a trial that is complete; the importances want two.
        folder: where the pictures go.

    Returns:
        The pictures.

    Example:
        draw(optuna.load_study(study_name="sweep", storage=storage), Path("outputs"))
    """
    import optuna
    from optuna.importance import PedAnovaImportanceEvaluator
    from optuna.visualization import matplotlib as pictures

    matplotlib.use("agg")
    logging.getLogger("matplotlib").setLevel(logging.WARNING)  # names may look like numbers
    found = []
    complete = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    losses = np.array([trial.value for trial in complete])
    decades = 0 < 10 * losses.min() < losses.max()
    for name, function in PICTURES.items():
        if name == "importances" and len(complete) < 2:
            continue
        with (
            matplotlib.rc_context(LAYOUT),
            warnings.catch_warnings(),
        ):  # Optuna sets a style for good
            warnings.simplefilter("ignore")  # that they are experimental, since version 2.2
            more = {"evaluator": PedAnovaImportanceEvaluator()} if name == "importances" else {}
            axes = getattr(pictures, function)(study, target_name="validation loss", **more)
            figure = _legible(np.ravel(axes), log=decades and name != "importances")
            save(figure, folder / f"{name}.png")
        matplotlib.pyplot.close(figure)
        found.append(folder / f"{name}.png")
    return found


def _legible(panels: np.ndarray, log: bool) -> Figure:
    """Give names their room, trials whole numbers, and losses a logarithmic axis if need be."""
    figure: Figure = panels[0].figure
    figure.set_size_inches(max(7.0, 3.5 * len(panels)), 5.25)
    for axes in panels:
        if log:
            axes.set_yscale("log")
            log_ticks(axes.yaxis)
        if len(panels) > 1:
            axes.tick_params("x", rotation=45)
            axes.xaxis.set_minor_formatter(NullFormatter())
        if axes.containers:  # bars, with their values at their ends
            axes.margins(x=0.15)
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if axis.get_label_text() == "Trial":
                axis.set_major_locator(ticks(8, integer=True))
    return figure
