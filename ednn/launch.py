"""Several processes for one run: torchrun starts them on the run's saved config.

Lightning's own launcher repeats the command line in every process. In a Hydra multirun that would
make each process walk the whole sweep; here the processes know only the run folder.
"""

import subprocess
import sys

from lightning.fabric.plugins.environments import SLURMEnvironment, TorchElasticEnvironment
from omegaconf import DictConfig, OmegaConf

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
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    processes = [f"--nproc-per-node={cfg.trainer.devices}", "-m", "ednn.launch", str(run.folder)]
    code = subprocess.run(torchrun + processes).returncode
    if code:
        raise SystemExit(f"error: a training process of {run.folder} failed (exit code {code}).")


def _main() -> None:
    from ednn.experiment import fit

    run = Run(sys.argv[1])
    fit(OmegaConf.load(run.config), run)  # type: ignore[arg-type]


if __name__ == "__main__":
    _main()
