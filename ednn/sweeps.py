"""The table of a sweep: one row per job, written and printed when a Hydra multirun ends."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from ednn.files import atomic


class SweepTable(Callback):
    """Gather every finished job's overrides and test errors into `sweep.csv`."""

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        folder = Path(config.hydra.sweep.dir)
        paths = sorted(folder.glob("**/summary.json"), key=lambda path: path.stat().st_mtime)
        if not paths:
            return
        settings = pd.DataFrame([_overrides(path.parent) for path in paths])
        figures = pd.DataFrame([_figures(path) for path in paths])
        with atomic(folder / "sweep.csv") as temporary:
            settings.join(figures, rsuffix="_result").to_csv(temporary, index=False)
        errors = figures[[name for name in figures if "absolute_error" in str(name)]]
        swept = settings.loc[:, settings.nunique(dropna=False) > 1]
        print(swept.join(errors).to_string(index=False, float_format="{:.3g}".format))
        print(f"Sweep: {folder}")


def _overrides(job: Path) -> dict[str, str]:
    overrides = OmegaConf.load(job / ".hydra" / "overrides.yaml")
    return dict(str(item).lstrip("+").split("=", 1) for item in overrides)


def _figures(summary: Path) -> dict[str, Any]:
    figures = json.loads(summary.read_text())
    return {key: value for key, value in figures.items() if not isinstance(value, dict)}
