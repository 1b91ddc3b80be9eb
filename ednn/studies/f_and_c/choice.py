"""f and c by measurement: a sweep over c, one over f, how far a change is felt, and what to do."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from math import ceil, prod
from typing import Any

from matplotlib.figure import Figure
from omegaconf import DictConfig, ListConfig

from ednn import plots
from ednn.core.build import build_model
from ednn.core.errors import InputError
from ednn.core.files import require_writable
from ednn.core.interface import FieldModel
from ednn.core.structure_model import StructureModel
from ednn.core.terminal import say
from ednn.data.module import ExtensiveData
from ednn.runs.folder import Run, plain, write_json
from ednn.runs.going_on import alone, require_same
from ednn.runs.started import require_one
from ednn.studies.base import Numbers, Row, Study
from ednn.studies.f_and_c import lines, words
from ednn.studies.f_and_c.picture import draw
from ednn.studies.f_and_c.recommend import Verdict, cheapest, judge
from ednn.studies.f_and_c.responses import responses
from ednn.studies.f_and_c.trainings import (
    constants,
    contexts,
    error_of,
    errors_by,
    focuses,
    recorded,
    train_once,
)
from ednn.studies.lab import Lab
from ednn.studies.report import write_studies
from ednn.studies.runner import described
from ednn.training.train import make_data, make_model

LISTS = {"c": 0, "f": 1}  # settings that may list values, and the least value
LEAST = {"repeats": 1, "sites": 1, "samples": 1}
MAY_CHANGE = [f"locality.{name}" for name in ("c", "f", "repeats", "minutes", "samples")]
AGAIN = 2  # contexts in a row that bring nothing end the sweep


def choose(cfg: DictConfig) -> None:
    """Measure, recommend, and leave a picture and a report in the run folder.

    All trainings that are finished in the folder are used as they are.

    Args:
        cfg: conf/locality.yaml, composed.

    Raises:
        InputError: impossible settings, or a folder that was begun with others.
        ModuleNotFoundError: jinja2, which writes the report, is not installed.

    Example:
        ednn locality data=hdf5 data.path=fields.h5
    """
    started, run = time.perf_counter(), Run(cfg.run_dir)
    check(cfg)
    require_writable(run.folder / "report.html", "name")
    require_same(run, cfg, MAY_CHANGE)
    cfg.resume = "auto"
    with alone(run):
        run.open(cfg)
        study = FocusAndContext(cfg, Lab(cfg.name, run.folder))
        numbers = study.measure()
        plots.save(study.picture(numbers), run.folder / "picture.png")
        say(f"\n{words.told(numbers)}\n\nPicture: {run.folder / 'picture.png'}")
        write_json(run.folder / "result.json", described(study, numbers, started))
        run.finish({"tile.f": numbers["f"], "tile.c": numbers["c"]})
        report = write_studies(
            run.folder, "f and c by measurement", words.advice(numbers), [run.folder]
        )
        print(f"Report: {report}")


def check(cfg: DictConfig) -> None:
    """Make sure that the settings are possible, as far as they alone tell.

    Raises:
        InputError: they aren't.

    Example:
        >>> check(DictConfig({"fast_dev_run": True}))
        Traceback (most recent call last):
        ednn.core.errors.InputError: fast_dev_run=true leaves no network to judge; leave it out.
    """
    if cfg.fast_dev_run:
        raise InputError("fast_dev_run=true leaves no network to judge; leave it out.")
    require_one("the choice of f and c")
    if "focus" not in cfg.model:
        raise InputError(
            "This model has several tiles, and f and c are chosen for one; give another, such as "
            "model=ann."
        )
    if any(word.startswith("tile.c=") for word in lines.typed()):
        raise InputError("tile.c is what is to be found; give locality.c=[0,1,2] to say where.")
    if not _is_whole(cfg.tile.f, 1):
        raise InputError(f"tile.f={cfg.tile.f} is not possible here; give a whole number.")
    if cfg.trainer.limit_val_batches == 0 or cfg.trainer.enable_checkpointing is False:
        raise InputError("Without validation and checkpoints nothing can be chosen; keep both on.")
    for name, least in LISTS.items():
        _require_list(name, cfg.locality[name], least)
    for name, least in LEAST.items():
        if not _is_whole(cfg.locality[name], least):
            raise InputError(
                f"locality.{name}={cfg.locality[name]} is not possible; give a whole number of at "
                f"least {least}."
            )
    if not isinstance(cfg.locality.minutes, int | float) or cfg.locality.minutes <= 0:
        raise InputError(
            f"locality.minutes={cfg.locality.minutes} is not possible; give a number above 0."
        )


def _require_list(name: str, values: Any, least: int) -> None:
    good = isinstance(values, ListConfig) and values and all(_is_whole(v, least) for v in values)
    if values is not None and not good:
        raise InputError(
            f"locality.{name}={values} is not possible; give a list of whole numbers of at least "
            f"{least}, such as locality.{name}=[{least},{least + 1},{least + 3}], or null."
        )


def _is_whole(value: Any, least: int) -> bool:
    return type(value) is int and value >= least


class FocusAndContext(Study):
    """The study of one data set.

    Args:
        cfg: conf/locality.yaml, composed.
        lab: keeps what is measured beside the trainings.

    Example:
        ednn locality data=hdf5 data.path=fields.h5
    """

    title = "Focus and context for your data"

    def __init__(self, cfg: DictConfig, lab: Lab) -> None:
        super().__init__(lab)
        self.asked, self.own = cfg, cfg.locality
        self.cfg = cfg.copy()  # of the trainings, whose budget depends on the data
        self.constants: dict[str, float] = {}

    def measure(self) -> Numbers:
        data = make_data(self.cfg)
        numbers = self._try_out(data)
        self._set_budget(len(data.splits["train"]), numbers["sides"])
        table, verdict, ended = self._over_c(numbers["sides"], data)
        numbers |= {"verdict": asdict(verdict), "ended": ended, "c": None, "f": None}
        if verdict.state != "nothing learnt":
            numbers |= {"c": verdict.enough, "f": self.cfg.tile.f}
            if not numbers["site_wise"]:
                numbers["f"] = self._over_f(table, verdict.enough, numbers["sides"])
        widest = max(table, key=lambda row: row["c"])
        felt = self.lab.measured("responses", responses, widest["run"], self.own.samples)
        numbers |= {"table": table, "constants": self.constants, "widest": widest["c"]}
        numbers["responses"] = felt
        numbers["further"] = lines.measuring(self.asked, numbers)
        chosen = numbers["c"] is not None
        numbers["train"] = lines.training(numbers["f"], numbers["c"]) if chosen else ""
        self.claim = "\n\n".join(words.reasons(numbers))
        self.lab.commands += [line for line in (numbers["further"], numbers["train"]) if line]
        return numbers

    def _try_out(self, data: ExtensiveData) -> Numbers:
        """Return what matters of the data; refuse tiles that don't fit before any training."""
        f, all_c = self.cfg.tile.f, self.own.c or [0]
        for focus, c in [(f, min(all_c)), *((n, max(all_c)) for n in self.own.f or [f])]:
            cfg = self.cfg.copy()
            cfg.tile.f, cfg.tile.c = focus, c
            model = make_model(cfg, data)
        info, outputs = data.info, data.info.outputs
        inner = model.field_model if isinstance(model, StructureModel) else model
        assert isinstance(inner, FieldModel)
        self.unit = outputs[0].unit_per_site if len(outputs) == 1 else ""
        return {
            "sides": list(info.grid or data.dataset.example().shape[2:]),
            "unit": self.unit,
            "outputs": len(outputs),
            "site": "pixel" if info.pixel else info.site,
            "length": max(info.pixel or info.spacing, default=None),
            "length_unit": "Å" if info.pixel else "",
            "site_wise": inner.is_site_wise,
        }

    def _set_budget(self, examples: int, sides: Sequence[int]) -> None:
        """Make batches smaller where fields are large, and trainings end with an epoch.

        L-BFGS goes on with all examples at once. What an epoch doesn't end with is not validated,
        and it is the end of a training, with the smallest rates, that counts.
        """
        data, trainer = self.cfg.data, self.cfg.trainer
        if data.batch_size < examples:
            data.batch_size = max(1, min(data.batch_size, self.own.sites // prod(sides)))
        if trainer.max_steps < 1 or not isinstance(trainer.limit_train_batches, int):
            return  # the user's own
        batches = ceil(examples / data.batch_size)
        trainer.limit_train_batches = min(batches, trainer.limit_train_batches, trainer.max_steps)
        trainer.max_epochs = ceil(trainer.max_steps / trainer.limit_train_batches)
        trainer.max_steps = -1
        print(
            f"Each training: epochs {trainer.max_epochs}, batches of an epoch "
            f"{trainer.limit_train_batches}, examples of a batch {data.batch_size}."
        )

    def _over_c(
        self, sides: Sequence[int], data: ExtensiveData
    ) -> tuple[list[Numbers], Verdict, str]:
        """Train with more and more context; say what ended the sweep before it was done."""
        f, listed = self.cfg.tile.f, sorted({*(self.own.c or [])})
        table: list[Numbers] = []
        if not listed:
            say(
                f"Wider and wider contexts are tried, until {AGAIN} in a row bring nothing or the "
                f"trainings have taken {self.own.minutes} minutes (locality.minutes); then other "
                f"focuses."
            )
        for c in listed or contexts(min(sides)):
            if table and not listed:
                if self._is_enough(table):
                    break
                if sum(row["seconds"] for row in table) > 60 * self.own.minutes:
                    return table, self._judged(table), "as locality.minutes were over"
                if not self._takes(f, c, data):
                    return table, self._judged(table), lines.NO_WIDER
            table += self._trained(f, c)
        return table, self._judged(table), ""

    def _is_enough(self, table: Sequence[Numbers]) -> bool:
        """Tell whether the last contexts brought nothing, after one that did."""
        verdict, tried = self._judged(table), sorted({row["c"] for row in table})
        return verdict.state != "nothing learnt" and verdict.enough < min(tried[-AGAIN:])

    def _judged(self, table: Sequence[Numbers]) -> Verdict:
        constant = error_of(self.constants, self.constants)
        return judge(errors_by("c", table, self.constants), constant)

    def _takes(self, f: int, c: int, data: ExtensiveData) -> bool:
        """Tell whether the network can have a tile: convolutions reach so far, and no farther."""
        cfg = self.cfg.copy()
        cfg.tile.f, cfg.tile.c = f, c
        try:
            build_model(plain(cfg.model), data.info)
        except InputError:
            return False
        return True

    def _over_f(self, table: list[Numbers], c: int, sides: Sequence[int]) -> int:
        """Train other focuses with one context, add them to the table, and return the cheapest."""
        first = self.cfg.tile.f
        for f in sorted({*(self.own.f or focuses(first, sides))} - {first}):
            table += self._trained(f, c)
        same = [row for row in table if row["c"] == c]
        seconds = {row["f"]: row["seconds"] for row in same}
        return cheapest(errors_by("f", same, self.constants), seconds)

    def _trained(self, f: int, c: int) -> list[Numbers]:
        """Train with one tile from several random weights; each training has its line."""
        rows = []
        for repeat in range(1, self.own.repeats + 1):
            print(f"\nf = {f}, c = {c}, training {repeat} of {self.own.repeats}", flush=True)
            run = train_once(self.cfg, f, c, repeat)
            if not self.constants:
                self.constants = self.lab.measured("constants", constants, str(run.folder))
            rows.append(recorded(run))
            say(words.line(rows[-1], self.constants, self.unit))
        return rows

    def rows(self, numbers: Numbers) -> list[Row]:
        return words.rows(numbers)

    def picture(self, numbers: Numbers) -> Figure:
        return draw(numbers)
