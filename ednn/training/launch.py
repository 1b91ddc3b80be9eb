"""Several processes for one run: torchrun starts them on the run's saved config.

Lightning's own launcher repeats the command line in every process. In a Hydra multirun that would
make each process walk the whole sweep; here the processes know only the run folder.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from lightning.fabric.plugins.environments import SLURMEnvironment, TorchElasticEnvironment
from lightning.pytorch.utilities import rank_zero_only
from omegaconf import DictConfig

from ednn.core.errors import InputError, TrainingError
from ednn.runs.folder import Run


def needs_processes(cfg: DictConfig) -> bool:
    """Tell whether this run wants several processes on this machine that nobody started yet.

    Raises:
        InputError: `trainer.devices` is not a number of processes.

    Example:
        >>> needs_processes(DictConfig({"trainer": {"devices": 1}}))
        False
        >>> needs_processes(DictConfig({"trainer": {"devices": "auto", "strategy": "ddp"}}))
        Traceback (most recent call last):
        ednn.core.errors.InputError: trainer.devices=auto is not a number of processes; give ...
    """
    devices = cfg.trainer.devices
    if cfg.trainer.get("strategy") and (not isinstance(devices, int) or devices < 1):
        raise InputError(
            f"trainer.devices={devices} is not a number of processes; give one such as 2."
        )
    started = TorchElasticEnvironment.detect() or SLURMEnvironment.detect()
    return isinstance(devices, int) and devices > 1 and not started


def launch(cfg: DictConfig, run: Run) -> None:
    """Train in `trainer.devices` processes and wait for them.

    Raises:
        InputError: the sentence of the one that failed first.
        TrainingError: one failed without one; its traceback stands above.

    Example:
        ednn train experiment=ising trainer=ddp_sim
    """
    torchrun = [sys.executable, "-m", "ednn.training.quiet_torchrun", "--standalone"]
    processes = f"--nproc-per-node={cfg.trainer.devices}"
    module = ["-m", "ednn.training.train", str(run.folder)]
    with TemporaryDirectory() as temporary:
        file = Path(temporary, "error.json")  # torchrun writes what its first failure recorded
        told = {**os.environ, "TORCHELASTIC_ERROR_FILE": str(file)}
        code = subprocess.run([*torchrun, processes, *module], env=told).returncode
        message = json.loads(file.read_text())["message"] if file.exists() else {}
    if code:
        kind, _, sentence = str(message.get("message", "")).partition(": ")
        if kind == InputError.__name__:
            raise InputError(sentence)
        raise TrainingError(f"A process of {run.folder} failed (exit code {code}); see above.")


def is_first_process() -> bool:
    """Tell whether this process is the one that writes for all.

    Example:
        >>> is_first_process()
        True
    """
    return getattr(rank_zero_only, "rank", 0) == 0
