"""The commands that repeat a run, test its network again and use it."""

import shlex
from collections.abc import Mapping
from typing import Any

from omegaconf import OmegaConf

from ednn.core.info import Takes
from ednn.runs.folder import Run

# of the folder of this run, where no other run may be
OWN = ("run=", "resume=", "run_dir=", "hydra.run.dir=")
AGAIN = "Test its network again; data.KEY=… or data=… tests it on other data"
HYDRA = ".hydra"  # Hydra's record of a run


def commands(run: Run, takes: Takes | None) -> dict[str, str]:
    """Return command lines by what they do.

    Args:
        run: whose config is written.
        takes: what its network takes; None where it has no network of its own.

    Example:
        commands(Run("outputs/runs/mine"), "fields")["Train it again"]  # ednn train data=ising …
    """
    words = repeated(run)
    does = "Test again" if "evaluate" in words[:2] else "Train it again"
    found = {does: words} if words else {}
    if takes is not None:
        checkpoint = f"ckpt_path={run.tested}"
        found[AGAIN] = ["ednn", "evaluate", checkpoint]
        ending = "extxyz" if takes == "structures" else "h5"
        files = [f"input=FILE.{ending}", f"output=predictions.{ending}"]
        found[f"Predict your own {takes}"] = ["ednn", "predict", checkpoint, *files]
    found["Write this report again"] = ["ednn", "report", str(run.folder)]
    return {what: shlex.join(line) for what, line in found.items()}


def repeated(run: Run) -> list[str]:
    """Return the words of the command that a run is of, without what names its folder.

    A job of a sweep has the words of that job alone.

    Example:
        repeated(Run("outputs/runs/mine"))  # ["ednn", "train", "data=ising"]
    """
    typed = typed_words(run)
    name = next((word for word in typed[:2] if word in ("train", "evaluate")), None)
    overrides = run.folder / HYDRA / "overrides.yaml"
    if name is None or "-m" in typed or "--multirun" in typed:  # a sweep, or a study's
        if not overrides.is_file():
            return []
        kind = "train" if "model" in run.read_config() else "evaluate"
        typed = ["ednn", kind, *map(str, OmegaConf.load(overrides))]
    return [word for word in typed if not word.startswith(OWN)]


def typed_words(run: Run) -> list[str]:
    """Return the words of the command line that started a run, `ednn train …` for train.py.

    Example:
        typed_words(Run("outputs/sweeps/mine/tile.c=1"))  # ["ednn", "train", "-m", "tile.c=0,1"]
    """
    words = shlex.split(run.read_environment()["command"])
    if words[:3] == ["python", "-m", "ednn"]:
        return ["ednn", *words[3:]]
    if words and words[0].endswith(".py"):
        return ["ednn", words[0].removesuffix(".py"), *words[1:]]
    return words


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the values of nested mappings by their paths.

    Example:
        >>> flat({"seed": 0, "tile": {"f": 1, "c": [1, 2]}})
        {'seed': 0, 'tile.f': 1, 'tile.c': [1, 2]}
    """
    found: dict[str, Any] = {}
    for key, value in values.items():
        inner = isinstance(value, Mapping)
        found |= flat(value, f"{prefix}{key}.") if inner else {f"{prefix}{key}": value}
    return found
