"""Several processes for one run: torchrun starts them on the run's saved config.

Lightning's own launcher repeats the command line in every process. In a Hydra multirun that would
make each process walk the whole sweep; here the processes know only the run folder.
"""

import subprocess
import sys

from lightning.fabric.plugins.environments import SLURMEnvironment, TorchElasticEnvironment
from omegaconf import DictConfig

from ednn.runs import Run


def needs_processes(cfg: DictConfig) -> bool:
    """Tell whether this run wants several processes on this machine that nobody started yet."""
    started = TorchElasticEnvironment.detect() or SLURMEnvironment.detect()
    return isinstance(cfg.trainer.devices, int) and cfg.trainer.devices > 1 and not started


def launch(cfg: DictConfig, run: Run) -> None:
    """Train in `trainer.devices` processes and wait for them.

    Raises:
        SystemExit: one of them failed; its own message stands above.
    """
    torchrun = ["-m", "torch.distributed.run", "--standalone"]
    processes = [
        f"--nproc-per-node={cfg.trainer.devices}",
        "-m",
        "ednn.experiment",
        str(run.folder),
    ]
    command = [sys.executable, *torchrun, *processes, str(run.folder)]
    code = subprocess.run(command).returncode
    if code:
        raise SystemExit(f"error: a training process of {run.folder} failed (exit code {code}).")
