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
        rows = [_row(path) for path in sorted(folder.glob("**/summary.json"))]
        if not rows:
            return
        table = pd.DataFrame(rows)
        with atomic(folder / "sweep.csv") as path:
            table.to_csv(path, index=False)
        shown = table[
            [c for c in map(str, table) if not c.startswith(("train/", "data", "test/s"))]
        ]
        print(shown.to_string(index=False, float_format="{:.3g}".format))
        print(f"Sweep: {folder}")


def _row(summary: Path) -> dict[str, Any]:
    """One job: its own overrides first, then its figures."""
    overrides = OmegaConf.load(summary.parent / ".hydra" / "overrides.yaml")
    settings = dict(str(item).lstrip("+").split("=", 1) for item in overrides)
    figures = json.loads(summary.read_text())
    return {**settings, **{k: v for k, v in figures.items() if not isinstance(v, dict)}}
