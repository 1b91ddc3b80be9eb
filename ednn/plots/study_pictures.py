"""Optuna's own pictures of a search."""

import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from ednn.plots.style import save

if TYPE_CHECKING:
    from optuna import Study

PICTURES = {  # by the functions of optuna.visualization.matplotlib
    "history": "plot_optimization_history",
    "importances": "plot_param_importances",
    "slices": "plot_slice",
}


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
    from optuna.visualization import matplotlib as pictures

    matplotlib.use("agg")
    logging.getLogger("matplotlib").setLevel(logging.WARNING)  # names may look like numbers
    found = []
    complete = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    for name, function in PICTURES.items():
        if name == "importances" and len(complete) < 2:
            continue
        with matplotlib.rc_context(), warnings.catch_warnings():  # Optuna sets a style for good
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            axes = getattr(pictures, function)(study, target_name="val/loss")
            figure = _legible(np.ravel(axes), log=name != "importances")
            save(figure, folder / f"{name}.png")
        matplotlib.pyplot.close(figure)
        found.append(folder / f"{name}.png")
    return found


def _legible(panels: np.ndarray, log: bool) -> Figure:
    """Give long names their room, and losses of many sizes a logarithmic axis."""
    figure: Figure = panels[0].figure
    figure.set_layout_engine("constrained")
    figure.set_size_inches(max(7.0, 3.5 * len(panels)), 5.25)
    for axes in panels if log else ():
        axes.set_yscale("log")
    for axes in panels if len(panels) > 1 else ():
        axes.tick_params("x", rotation=45)
    return figure
