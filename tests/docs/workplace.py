"""The repository as a reader has it, with files of their own, where pages are tried out."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np

from tests.conftest import REPOSITORY
from tests.docs.pages import Block, command

# What takes hours, machines or rights that a test hasn't; each is composed all the same.
LEFT_OUT = {
    r"^make |^pip |^\. |^pre-commit |^tensorboard ": "installs, or runs without end",
    r"hydra/launcher=slurm|hydra/launcher=joblib": "tests/studies and tests/commands start jobs",
    r"^python study.py": "tests/studies; minutes to hours",
    r"experiment=(dft|laplacian)_paper|data.theory=pbe data.count": "days, or the PBE engine",
    r"LD_PRELOAD": "a library of the system",
}
# What is made smaller so that each line takes seconds; the last of these values holds.
SMALLER = {
    r"^(python train|ednn train)": "trainer.max_epochs=1 trainer.limit_train_batches=2 "
    "trainer.limit_val_batches=1 trainer.limit_test_batches=1",
    r"train.py .*(experiment=dft|data=(dft|atoms))|train.py .*tile.f=64": "fast_dev_run=true",
    r"data=ising|experiment=ising|train.py (fast|seed|-m tile|ckpt)": "data.n_train=200 data.n_val=50 data.n_test=50",
}


class Workplace:
    """A copy of the repository in which the blocks of a page are done one after the other."""
