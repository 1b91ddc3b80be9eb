"""Run folders: where a run lives, what it records of itself, and how it is found again."""

import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from omegaconf import DictConfig, OmegaConf

from ednn.core.errors import InputError
from ednn.core.files import atomic
from ednn.core.pretrained import located
from ednn.core.terminal import columns
from ednn.plots.outputs_picture import MANY
from ednn.runs.naming import OUTPUTS as OUTPUTS

RECORDED_PACKAGES = ("ednn", "torch", "lightning", "hydra-core", "numpy", "h5py")


class Run:
    """One run folder.

    A run is finished when `summary.json` stands in its folder: it is written last.

    Example:
        >>> Run("outputs/runs/my_run").best.as_posix()
        'outputs/runs/my_run/checkpoints/best.ckpt'
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.last = self.folder / "checkpoints" / "last.ckpt"
        self.best = self.folder / "checkpoints" / "best.ckpt"
        self.config = self.folder / "config.yaml"
        self.summary = self.folder / "summary.json"
        self.metrics = self.folder / "metrics.csv"
        self.splits = self.folder / "splits.npz"
        self.predictions = self.folder / "predictions.csv"

    @property
    def finished(self) -> bool:
        return self.summary.exists()

    @property
    def tested(self) -> Path | None:
        """The checkpoint that is tested, if there is one yet."""
        path = located(self.folder)
        return None if path == self.folder else path

    def open(self, cfg: DictConfig, first: bool = True) -> None:
        """Record the resolved config and the environment of this sitting.

        The summary of a finished run that goes on is kept under another name.

        Args:
            cfg: the config of the command.
            first: whether this process is the one that writes for all.

        Raises:
            InputError: the folder holds another run and this one doesn't resume it.
        """
        if cfg.resume not in (None, "auto"):
            raise InputError(f"resume={cfg.resume} is not known; give resume=auto or leave it out.")
        if cfg.resume is None and (self.finished or self.last.exists()):
            raise InputError(
                f"The run folder {self.folder} already holds a run; add resume=auto to go on "
                f"with it, or give another name with run=NAME."
            )
        if not first:
            return
        with atomic(self.config) as path:
            OmegaConf.save(cfg, path, resolve=True)
        sitting = len(list(self.folder.glob("environment*.json"))) + 1
        if self.finished:
            self.summary.rename(self.folder / f"summary_{sitting - 1}.json")
        name = "environment.json" if sitting == 1 else f"environment_{sitting}.json"
        write_json(self.folder / name, environment())

    def read_config(self) -> DictConfig:
        cfg = OmegaConf.load(self.config)
        assert isinstance(cfg, DictConfig)
        return cfg

    def read_environment(self) -> dict[str, Any]:
        """Return what the last sitting recorded of its command, code and device."""
        last = max(self.folder.glob("environment*.json"), key=_sitting)
        environment: dict[str, Any] = json.loads(last.read_text())
        return environment

    def read_summary(self) -> dict[str, Any]:
        """Return the figures of a finished run."""
        summary: dict[str, Any] = json.loads(self.summary.read_text())
        return summary

    def read_predictions(self, output: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return predicted and true values and the sites of every test sample, (N,) each."""
        table = pd.read_csv(self.predictions)
        columns = (f"{output}_predicted", f"{output}_true", "sites")
        predicted, true, sites = (table[column].to_numpy() for column in columns)
        return predicted, true, sites

    def write_splits(self, splits: Mapping[str, np.ndarray]) -> None:
        with atomic(self.splits) as path, path.open("wb") as file:
            np.savez_compressed(file, **splits)  # type: ignore[arg-type]

    def finish(self, summary: Mapping[str, Any], paper: Mapping[str, float] | None = None) -> None:
        """Write `summary.json`, which marks the run as finished, and print a short table.

        Args:
            summary: figures under flat keys.
            paper: published values to print beside ours, under the summary's keys.
        """
        write_json(self.summary, {**summary, "finished": datetime.now().isoformat("T", "seconds")})
        errors = {key: value for key, value in summary.items() if "_error" in key}
        table = pd.DataFrame({"here": shortened(errors)})
        if paper:
            table["paper"] = pd.Series(paper)
        table.index = [_words(key, summary) for key in table.index]
        if errors:  # none where nothing was tested
            shown = table.map(lambda value: "" if pd.isna(value) else f"{value:.3g}")
            print(shown.to_string(line_width=columns(sys.stdout)))
        print(f"Run folder: {self.folder}")

    def history(self) -> pd.DataFrame:
        """Join the metrics of every sitting of this run: a resumed one replaces what it redid."""
        logs = self.folder / "logs" / "csv"
        sittings = sorted(logs.glob("version_*"), key=lambda path: int(path.name.split("_")[1]))
        files = [path for s in sittings if (path := s / "metrics.csv").exists()]
        tables = [pd.read_csv(path) for path in files if path.stat().st_size]  # a kill may empty it
        history = pd.DataFrame()
        for table in tables:
            if len(history):
                history = history[history["step"] < table["step"].min()]
            history = pd.concat([history, table], ignore_index=True)
        return history


def _sitting(path: Path) -> int:
    return int(path.stem.partition("_")[2] or 1)


def plain(cfg: DictConfig, resolve: bool = True) -> dict[str, Any]:
    """Return a config as plain dictionaries, lists and values.

    Example:
        >>> plain(OmegaConf.create({"a": 1, "b": "${a}"}))
        {'a': 1, 'b': 1}
    """
    container = OmegaConf.to_container(cfg, resolve=resolve)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}


def environment() -> dict[str, Any]:
    """Describe what produced a result: command, code, versions and device.

    Example:
        >>> sorted(environment())[:3]
        ['command', 'cpu', 'git_commit']
    """
    return {
        "command": f"{Path(sys.argv[0]).name} {shlex.join(sys.argv[1:])}".rstrip(),
        "git_commit": _git_commit(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in RECORDED_PACKAGES},
        "cpu": f"{platform.machine()}, {os.cpu_count()} cores",
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "torch_threads": torch.get_num_threads(),
        "started": datetime.now().isoformat(timespec="seconds"),
    }


def device_name(device: torch.device) -> str:
    """Name a device as a reader of a benchmark would want it.

    Example:
        >>> device_name(torch.device("cpu"))[:4]
        'CPU '
    """
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU ({platform.machine()}, {os.cpu_count()} cores)"


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write values to a file, whole or not at all.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     write_json(Path(folder, "a.json"), {"unit": "J"})
        ...     json.loads(Path(folder, "a.json").read_text())
        {'unit': 'J'}
    """
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(values, indent=2) + "\n")


def shortened(errors: Mapping[str, float]) -> Mapping[str, float]:
    """Return the errors to show: of many outputs, the means over all and the worst three.

    Example:
        >>> errors = {f"test/{i}/mean_absolute_error": float(i) for i in range(20)}
        >>> shortened(errors)["test/mean over 20 outputs:/mean_absolute_error"]
        9.5
    """
    table = pd.DataFrame([(*key.split("/"), value) for key, value in errors.items()])
    if table.shape[1] != 4 or table[1].nunique() <= MANY:  # test/OUTPUT/error
        return errors
    table.columns = ["split", "output", "kind", "value"]
    split, count = table["split"][0], table["output"].nunique()
    means = table.groupby("kind", sort=False)["value"].mean()
    worst = table[table["kind"] == "mean_absolute_error"].nlargest(3, "value")
    return {f"{split}/mean over {count} outputs:/{kind}": v for kind, v in means.items()} | {
        f"{split}/among the worst: {output}/mean_absolute_error": value
        for output, value in zip(worst["output"], worst["value"], strict=True)
    }


def unit_of(key: str, summary: Mapping[str, Any]) -> str:
    """Return the unit of a figure; empty for those that have none.

    Args:
        key: of the summary.
        summary: of the run; that of an older version has the unit of the labels alone.

    Example:
        >>> old = {"unit": "eV", "unit_per_site": "meV per atom", "dims": 2}
        >>> unit_of("test/mean_absolute_error_of_forces", old)
        'eV/Å'
    """
    _, *names, kind = key.split("/")  # the split and, of several, the output
    if "units" in summary:
        units: Mapping[str, str] = summary["units"]
        own = "/".join([*(name.rpartition(": ")[2] for name in names), kind])
        return units.get(own, units.get(kind, ""))
    if "relative" in kind:
        return ""
    unit: str = summary["unit_per_site" if kind.endswith("_per_site") else "unit"]
    if kind.endswith("_of_forces"):
        return f"{unit}/Å"
    if kind.endswith("_of_stress"):
        return f"{unit}/Å{'²³'[summary['dims'] - 2]}"
    return unit


def _words(key: str, summary: Mapping[str, Any]) -> str:
    """Spell a summary key out: test/mean_absolute_error_per_site → test mean … (J per spin)."""
    *names, kind = key.split("/")
    words = " ".join([*names, kind.removesuffix("_per_site").replace("_", " ")])
    unit = unit_of(key, summary)
    return f"{words} ({unit})" if unit else words


def _git_commit() -> str | None:
    folder = Path(__file__).parents[2]
    if not (folder / ".git").exists():  # installed; an environment may lie in another repository
        return None
    try:
        command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
