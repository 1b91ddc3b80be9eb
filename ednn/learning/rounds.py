"""The loop of active learning: train, test, choose, label, and again."""

import json

import numpy as np
from omegaconf import DictConfig

from ednn.calculator import EDNNCalculator
from ednn.core.errors import InputError
from ednn.core.loading import load_structure_model
from ednn.core.structure_model import StructureModel
from ednn.core.terminal import say
from ednn.core.uncertainty import Posterior
from ednn.data.making import make_dataset
from ednn.data.structures.dft import DFTData
from ednn.learning.choose import at_random, most_uncertain
from ednn.learning.pool import Pool, features_of
from ednn.learning.propose import Candidate
from ednn.learning.settings import MAY_CHANGE, check_learning
from ednn.learning.start import Labels
from ednn.learning.table import ERROR, Round, finish, write_table
from ednn.physics.structure import Structure
from ednn.runs.folder import Run, write_json
from ednn.runs.going_on import alone, require_same
from ednn.training.evaluate import score
from ednn.training.train import train

COLUMNS = ("numbers", "positions", "cell")  # of a structure, in the file of the chosen


def learn(cfg: DictConfig) -> float:
    """Label and train in rounds until a limit is met; returns the last error, for a sweeper.

    All that is done stands in the files of the run folder: whatever is missing is done next.

    Example:
        ednn learn data.theory=gfn1 learn.budget=200
    """
    check_learning(cfg)
    run = Run(cfg.run_dir)
    require_same(run, cfg, MAY_CHANGE)
    cfg.resume = "auto"
    with alone(run):
        return Learning(cfg, run).go_on()


class Learning:
    """A run folder of learning, and what is done next in it.

    Args:
        cfg: of the command.
        run: its folder, which holds the labels, a run folder for each round and the table.

    Example:
        ednn learn run=mine  # outputs/learn/mine/round_00, …
    """

    def __init__(self, cfg: DictConfig, run: Run) -> None:
        self.cfg, self.run = cfg, run
        self.data = _labels_of(cfg.data)
        self.labels = Labels(run.folder / "labels.h5", self.data)
        self.test = self._test_set()

    def go_on(self) -> float:
        """Do all that is missing."""
        rounds: list[Round] = []
        self._begin()
        while True:
            now = Round(Run(self.run.folder / f"round_{len(rounds):02d}"))
            self._train(now, rounds)
            self._score(now)
            rounds.append(now)
            write_table(self.run, rounds)
            if why := self._end(now, len(rounds)):
                break
            self._choose(now, len(rounds) - 1, started=rounds[0].count)
            self.labels.add(_structures(now))
        if not self.run.finished:
            finish(self.run, rounds)
        say(f"Learning ended: {why}.")
        return now.errors[ERROR]

    def _begin(self) -> None:
        before = self.run.read_config().get("learn") if self.run.config.exists() else None
        if not self.run.finished or before != self.cfg.learn:
            self.run.open(self.cfg)
        self.labels.start(self.cfg.learn.start)
        if self.test:
            self.labels.require_apart(self.test.labels, self.test.path)

    def _test_set(self) -> DFTData | None:
        """Return the file that every round is tested on, if there is one."""
        if self.cfg.learn.test is None:
            return None
        own = self.cfg.data.copy()
        own.path, own.also = self.cfg.learn.test, []
        data = _labels_of(own)
        data.test_only(None)
        data.setup()
        return data

    def _train(self, now: Round, before: list[Round]) -> None:
        """Train the network of a round in its own run folder, as `ednn train` does."""
        if now.run.finished:
            return
        print(f"\nRound {len(before)}: {len(self.labels.read())} labels", flush=True)
        own = self.cfg.copy()
        own.run_dir, own.data.path = str(now.run.folder), str(self.labels.path)
        if logger := own.logger.get("wandb"):
            logger.group, logger.name = self.run.folder.name, now.run.folder.name
        if before and not self.cfg.learn.anew:
            own.ckpt_path = str(before[-1].best)
        train(own)

    def _score(self, now: Round) -> None:
        """Test a round on the file that is the same for all of them."""
        if self.test is None or now.test.finished:
            return
        asked = {
            "run_dir": str(now.test.folder),
            "resume": "auto",
            "ckpt_path": str(now.best),
            "shifts": 1,
            "accelerator": self.cfg.trainer.accelerator,
        }
        score(DictConfig(asked), load_structure_model(now.best), self.test)

    def _end(self, now: Round, done: int) -> str:
        """Say why this round is the last; empty if it isn't."""
        limits, error = self.cfg.learn, now.errors[ERROR]
        if limits.target is not None and error <= limits.target:
            return f"an error of {error:.3g} {now.unit} is at most learn.target={limits.target}"
        if limits.budget is not None and now.count >= limits.budget:
            return f"learn.budget={limits.budget} labels are made"
        return f"learn.rounds={limits.rounds} are done" if done >= limits.rounds else ""

    def _choose(self, now: Round, number: int, started: int) -> None:
        """Choose what is labelled after a round, and keep it in the round's folder."""
        if now.chosen.exists():
            return
        learn, calculator = self.cfg.learn, EDNNCalculator(now.best)
        pool = Pool(self.cfg, number, calculator, self.data, started)
        candidates = pool.candidates(self.labels.read())
        count = min(learn.add, (learn.budget or np.inf) - now.count)
        chosen, uncertainty = self._chosen(calculator.model, candidates, int(count), number)
        first = self.labels.next_seed()
        kinds = [candidate.kind for candidate in candidates]
        records = [
            {"seed": seed, "kind": kinds[i], "uncertainty": uncertainty[i]}
            | {name: getattr(candidates[i].structure, name).tolist() for name in COLUMNS}
            for seed, i in enumerate(chosen, start=first)
        ]
        found = {kind: kinds.count(kind) for kind in learn.candidates}
        write_json(
            now.chosen,
            {"temperature": pool.temperature, "candidates": found, "structures": records},
        )
        told = ", ".join(f"{n} {kind}" for kind, n in found.items() if n)
        say(f"{len(candidates)} candidates ({told}), of which {len(chosen)} are chosen")

    def _chosen(
        self, model: StructureModel, candidates: list[Candidate], count: int, number: int
    ) -> tuple[list[int], list[float]]:
        """Return the numbers of the chosen, and how uncertain all are in the unit per atom."""
        posterior = model.posterior
        if not isinstance(posterior, Posterior):
            raise InputError(
                "The network doesn't know how uncertain it is, which learning goes by; take one "
                "that ends in a linear layer (model=fcn), with validation."
            )
        features, sites = features_of(model, [c.structure for c in candidates])
        chosen, deviation = most_uncertain(features, sites, posterior, count)
        if self.cfg.learn.choose == "random":
            chosen = at_random(len(candidates), self.cfg.seed + number, count)
        return chosen, (deviation * model.info.outputs[0].per_unit).tolist()


def _labels_of(config: DictConfig) -> DFTData:
    data = make_dataset(config)
    assert isinstance(data, DFTData)  # as `check_learning` knows
    return data


def _structures(now: Round) -> dict[int, Structure]:
    """Return the chosen structures of a round, by seed."""
    records = json.loads(now.chosen.read_text())["structures"]
    return {r["seed"]: Structure(*(np.array(r[name]) for name in COLUMNS)) for r in records}
