"""`hydra/sweeper=optuna`: trial after trial, until there are as many as were asked for."""

import os
import shlex
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from hydra.core.config_loader import ConfigLoader
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ednn.commands.explain import explain
from ednn.commands.help import typed
from ednn.core.errors import InputError, TrainingError
from ednn.core.files import atomic
from ednn.core.terminal import say
from ednn.plots.study_pictures import draw
from ednn.runs.failures import folded
from ednn.runs.search_space import SearchSpace
from ednn.runs.sweep_table import TRIALS
from ednn.runs.trials import alone, open_study, wait_for

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

STATES = {"RUNNING": "running", "COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}


def search(
    words: Sequence[str],
    settings: Mapping[str, Any],
    config: DictConfig,
    loader: ConfigLoader,
    launcher: Launcher,
) -> None:
    """Run the trials of a sweep that are not yet done, and say which was best.

    Args:
        words: overrides of the command, in Hydra's grammar.
        settings: of `conf/hydra/sweeper/optuna.yaml`.
        config: of the command, without those of its jobs.
        loader: composes the configs of jobs.
        launcher: runs a batch of jobs.

    Raises:
        InputError: the folder holds another search, or no trial came to its end.

    Example:
        ednn train -m hydra/sweeper=optuna tile.c='range(1,8)' hydra.sweeper.n_trials=5
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    for name in ("n_trials", "n_jobs"):
        count = settings[name]
        if not isinstance(count, int) or (count < 1 and (name == "n_trials" or count == 0)):
            raise InputError(
                f"hydra.sweeper.{name}={count} is not possible; give a whole number from 1."
            )
    instantiate(settings["pruner"])  # its mistakes are told here, not by every job
    space = SearchSpace(words, loader)
    folder = Path(config.hydra.sweep.dir)
    with alone(folder):
        study = _open(folder, space, config, loader)
        sweep = Search(study, space, settings, folder, launcher)
        sweep.run()
        sweep.report()


class Search:
    """A study and its jobs.

    Args:
        study: kept in the sweep's folder.
        space: what is searched.
        settings: of `conf/hydra/sweeper/optuna.yaml`.
        folder: of the sweep.
        launcher: runs a batch of jobs.

    Example:
        Search(study, space, settings, folder, launcher).run()
    """

    def __init__(
        self,
        study: "Study",
        space: SearchSpace,
        settings: Mapping[str, Any],
        folder: Path,
        launcher: Launcher,
    ) -> None:
        self.study, self.space, self.folder, self.launcher = study, space, folder, launcher
        self.sampler, self.n_trials = settings["sampler"], settings["n_trials"]
        jobs = settings["n_jobs"]
        self.n_jobs = jobs if jobs > 0 else max(1, (os.cpu_count() or 1) + 1 + jobs)

    def run(self) -> None:
        """Run what is left to do, in batches of jobs side by side."""
        for trial in self._whole("RUNNING"):
            if run_dir := trial.user_attrs.get("run_dir"):
                wait_for(self.folder / run_dir)
        while batch := self._batch():
            self._write_table()
            for trial, job in zip(batch, self._launch(batch), strict=True):
                self._tell(trial, job)
        self._write_table()

    def report(self) -> None:
        """Draw Optuna's pictures and say how the best trial is repeated.

        Raises:
            InputError: no trial came to its end.
        """
        done = self._whole("COMPLETE")
        if not done:
            raise InputError(
                f"No trial of {self.folder} came to its end; mend what they tell above, and give "
                f"another name with run=NAME."
            )
        best, every = self.study.best_trial, len(self._whole())
        say(f"Pictures: {', '.join(str(path) for path in draw(self.study, self.folder))}")
        say(f"Best of {every} trials: number {best.number}, val/loss {best.value:.3g}. Repeat it:")
        words = [w for w in self.space.words(best.params) if not w.startswith(("resume=", "run="))]
        print(f"{typed(sys.argv[0])} {shlex.join(words)}")

    def _whole(self, *states: str) -> list["FrozenTrial"]:
        """Trials that have all their values: a kill may have come while they were given."""
        keys = self.space.distributions.keys()
        trials = [t for t in self.study.get_trials() if t.params.keys() == keys]
        return [t for t in trials if not states or t.state.name in states]

    def _batch(self) -> list["FrozenTrial"]:
        """Return the trials to run next: those that a kill broke off, then new ones.

        Values that were tried before are not tried again; their result counts twice.
        """
        ended = {self._name(t): t for t in self._whole("COMPLETE", "PRUNED", "FAIL")}
        batch: dict[str, FrozenTrial] = {}
        trials = self._open_and_new()
        while len(batch) < self.n_jobs and (trial := next(trials, None)):
            if twin := ended.get(self._name(trial)):
                value = twin.value if twin.state == _state("COMPLETE") else None
                self.study.tell(trial.number, value, twin.state)
                print(f"Trial {trial.number}: as trial {twin.number}, which had the same values")
            else:
                batch.setdefault(self._name(trial), trial)  # or the same runs now: told after it
        return list(batch.values())

    def _open_and_new(self) -> Iterator["FrozenTrial"]:
        yield from self._whole("RUNNING")
        while (count := len(self._whole())) < self.n_trials:
            self.study.sampler = _sampler(self.sampler, count)
            number = self.study.ask(self.space.distributions).number
            yield self.study.get_trials()[number]

    def _name(self, trial: "FrozenTrial") -> str:
        return shlex.join(self.space.words(trial.params))

    def _launch(self, batch: Sequence["FrozenTrial"]) -> Sequence[JobReturn]:
        """Run jobs side by side; each anew and alone, if one takes the processes of all with it."""
        jobs = []
        for trial in batch:  # which may have been broken off
            own = ["resume=auto", f"hydra.sweeper.trial={trial.number}"]
            jobs.append(list(dict.fromkeys([*self.space.words(trial.params), *own])))
        try:
            return self.launcher.launch(jobs, initial_job_idx=batch[0].number)
        except Exception as error:
            if len(batch) > 1:
                return [job for trial in batch for job in self._launch([trial])]
            if not isinstance(error, HydraException | OmegaConfBaseException):
                error = TrainingError(f"its process ended ({folded(error)}).")
            return [JobReturn(_return_value=error, status=JobStatus.FAILED)]

    def _tell(self, trial: "FrozenTrial", job: JobReturn) -> None:
        """Tell the study how a trial ended.

        Raises:
            InputError: the job gave nothing that could be compared.
        """
        number, value = trial.number, job._return_value
        told = self.study.get_trials()[number]  # as the job left it
        if job.status != JobStatus.COMPLETED:
            print(f"Trial {number} failed: {_sentence(value)}", file=sys.stderr)
            self.study.tell(number, state=_state("FAIL"))
        elif value is None:
            raise InputError(
                "This command gives no validation loss to compare trials by; search with train, "
                "without fast_dev_run or trainer.limit_val_batches=0."
            )
        elif epochs := told.user_attrs.get("pruned"):
            self.study.tell(number, state=_state("PRUNED"))
            print(f"Trial {number}: pruned after {epochs} epochs, val/loss {value:.3g}")
        else:
            value = min(told.intermediate_values.values(), default=value)  # of all sittings
            self.study.tell(number, value)
            print(f"Trial {number}: val/loss {value:.3g}")

    def _write_table(self) -> None:
        """Keep the trials, with the folders of their runs, for the table of the sweep."""
        runs = {self._name(t): t.user_attrs.get("run_dir") for t in reversed(self._whole())}
        rows = [
            {"trial": t.number, "state": STATES[t.state.name]}
            | dict(word.split("=", 1) for word in self.space.words(t.params))
            | {"run_dir": runs[self._name(t)]}
            for t in self._whole()
        ]
        with atomic(self.folder / TRIALS) as path:
            pd.DataFrame(rows).to_csv(path, index=False)


def _open(folder: Path, space: SearchSpace, config: DictConfig, loader: ConfigLoader) -> "Study":
    """Open the study of a sweep's folder, or begin one there once all its choices are valid."""
    defaults = loader.load_sweep_config(config, space.fixed)
    space.require_kinds(defaults, loader)
    study = open_study(folder)
    if not study.get_trials():
        for words in space.probes():
            loader.load_sweep_config(config, words)
        study.set_user_attr("space", space.typed)
    elif OmegaConf.select(defaults, "resume") != "auto":
        raise InputError(
            f"The folder {folder} already holds a sweep; add resume=auto to go on with it, or give "
            f"another name with run=NAME."
        )
    before = study.user_attrs["space"]
    if SearchSpace(before, loader).distributions != space.distributions:
        raise InputError(
            f"The sweep in {folder} searches {' '.join(before)}, and this command "
            f"{' '.join(space.typed)}; repeat it as it was, or give another name with run=NAME."
        )
    return study


def _sampler(settings: DictConfig, count: int) -> Any:
    """Return a sampler of one trial, by its number: a resumed sweep goes on as it would have."""
    if settings.get("seed") is None:
        return instantiate(settings)
    seed = np.random.SeedSequence([settings.seed, count]).generate_state(1)
    return instantiate(settings, seed=int(seed[0]))


def _state(name: str) -> Any:
    from optuna.trial import TrialState

    return TrialState[name]


def _sentence(error: Exception) -> str:
    """Say why a job failed, after the traceback of what is not known."""
    words = explain(error, "train")
    if words is None:
        traceback.print_exception(error)
    return words or f"{type(error).__name__}: {folded(error)}."
