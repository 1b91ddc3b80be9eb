"""The repository as a reader has it, with files of their own, where a page is tried out."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from ednn.core.pretrained import located
from tests.conftest import REPOSITORY
from tests.docs.files import own_files
from tests.docs.pages import Block

# What takes hours, machines or rights that a test hasn't. Each is composed all the same.
LEFT_OUT = [
    r"^(make|pip|pre-commit|tensorboard) |^\. ",
    r"^python study.py (?!study=examples)|experiment=ising_paper|_paper|_baseline",
    r"hydra/launcher=(slurm|joblib)|learn.py -m",
    r"data.theory=pbe data.count|(experiment|data)=alloys",  # tests/training/test_alloys
    r"input=766.h5",  # of 35 million atoms
    r"ckpt_path=outputs/dft/",  # trainings that go on from hours of others
]
# What makes a line take seconds: of values that are given twice, the last holds.
QUICK = "trainer.max_epochs=1 trainer.limit_train_batches=2 trainer.limit_val_batches=1"
GENERATED = "data.n_train=100 data.n_val=20 data.n_test=20"
SMALLER = {
    r"train.py": QUICK,
    r"train.py .*(experiment=dft|data=dft)(?!.*data=atoms)": "fast_dev_run=true",
    r"data=(?!hdf5|fields|dft|atoms|alloys)|experiment=(ising|lap|ferm)": GENERATED,
    r"train.py (fast|seed|ckpt|-m tile)": GENERATED,
    r"evaluate.py .*(laplacian|fermions|phi4|ising)": "data.n_test=4",
    r"(evaluate|generate).py .*data=(laplacian|fermions|phi4|ising)": "data.n_train=4 data.n_val=4",
    r"evaluate.py .*data=dft(?!.*data.path)": "data.path=data/dft/gfn1_240.h5",
    r"locality.py": "trainer.max_steps=1 locality.repeats=1 locality.samples=2 "
    "locality.minutes=0.01",
    r"locality.py .*data=atoms": "locality.c=[1]",
    r"learn.py": "data.val=0.3 data.test=0.3 data.batch_size=8 trainer.max_steps=2 "
    "learn.start=20 learn.add=2 learn.rounds=1 "
    "learn.candidates.dynamics=2 learn.candidates.moved=2 learn.candidates.new=2 learn.steps=2",
    r"generate.py data=dft": "data.path=few.h5 data.count=2",
    r"sweeper=optuna": "hydra.sweeper.n_trials=2",
    r"md.py": "steps=20",
    r"relax.py": "fmax=1",
    r"study.py": "train=[trainer.max_epochs=1]",
}
PRETRAINED = "pretrained/graphene-hbn-gfn1"
TIMEOUT = 300  # seconds of one line


class Workplace:
    """A copy of the repository in which the blocks of a page are done one after the other.

    `RUN` is the run folder of the newest training there, as a reader takes it.
    """

    def __init__(self, folder: Path, trained: Path) -> None:
        listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        files = subprocess.run(listed, cwd=REPOSITORY, capture_output=True, check=True, text=True)
        for name in filter(None, files.stdout.split("\0")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, folder / name)
        self.folder = folder
        own_files(folder)
        for name in ("RUN", "A", "B"):
            (folder / name).symlink_to(trained)
        (folder / "DFT_RUN/checkpoints").mkdir(parents=True)
        shutil.copy(located(PRETRAINED), folder / "DFT_RUN/checkpoints/best.ckpt")

    def do(self, block: Block) -> None:
        """Write the file that a block is, or run it."""
        if block.file:
            path = self.folder / block.file
            path.write_text(block.code)
            if path.parent.name == "subnets" and path.parts[-4] == "ednn":
                self._export(path)
        elif block.kind == "python":
            self._run([sys.executable, "-c", block.code])
        elif block.kind == "sh":
            for line in block.lines:
                if not any(re.search(pattern, line) for pattern in LEFT_OUT):
                    self._type(line)

    def _type(self, line: str) -> None:
        extra = [words for pattern, words in SMALLER.items() if re.search(pattern, line)]
        said = self._run(["bash", "-c", " ".join([line, *extra])])
        trained = re.findall(r"^Run folder: (.*)", said, flags=re.MULTILINE)
        if trained and "train.py" in line:
            (self.folder / "RUN").unlink()
            (self.folder / "RUN").symlink_to(self.folder / trained[-1])

    def _run(self, words: list[str]) -> str:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        known = {"PATH": path, "PYTHONPATH": str(self.folder), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            words,
            cwd=self.folder,
            env={**os.environ, **known, "WANDB_MODE": "offline"},
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
        assert done.returncode == 0, f"{words[-1]}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @staticmethod
    def _export(path: Path) -> None:
        """Give a subnetwork its name, as CONTRIBUTING.md says."""
        found = re.search(r"^class (\w+)", path.read_text(), flags=re.MULTILINE)
        assert found
        with (path.parent / "__init__.py").open("a") as file:
            file.write(f"from ednn.core.subnets.{path.stem} import {found[1]}\n")
            file.write(f"__all__ += [{found[1]!r}]\n")
