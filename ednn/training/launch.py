"""Several processes for one run: found, where torchrun or srun started them, or started here.

Lightning's own launcher repeats the command line in every process. In a Hydra multirun that would
make each process walk the whole sweep; here the processes know only the run folder.
"""

import logging
import os
import signal
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch.distributed as dist
from lightning.fabric.plugins.environments import (
    ClusterEnvironment,
    LightningEnvironment,
    SLURMEnvironment,
    TorchElasticEnvironment,
)
from lightning.pytorch.utilities import rank_zero_only
from omegaconf import DictConfig, ListConfig
from torch.distributed.elastic.agent.server.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, get_error_handler
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from ednn.core.errors import InputError, TrainingError
from ednn.runs.failures import told
from ednn.runs.folder import Run
from ednn.runs.started import started

WAIT = timedelta(seconds=60)  # for the other processes of a batch script, which may not exist


def wanted(cfg: DictConfig) -> int:
    """Return how many processes a run wants, on all machines.

    Example:
        >>> wanted(DictConfig({"trainer": {"devices": 4, "num_nodes": 2}}))
        8
    """
    devices = cfg.trainer.devices
    if isinstance(devices, ListConfig):
        devices = len(devices)
    return (devices if isinstance(devices, int) else 1) * cfg.trainer.num_nodes


def needs_processes(cfg: DictConfig) -> bool:
    """Tell whether this run wants several processes on this machine that nobody started yet.

    Raises:
        InputError: `trainer.devices` is not a number of processes, or not that of those started.

    Example:
        >>> trainer = {"devices": 1, "num_nodes": 1, "strategy": "auto"}
        >>> needs_processes(DictConfig({"trainer": trainer}))
        False
        >>> needs_processes(DictConfig({"trainer": trainer | {"num_nodes": 2}}))
        Traceback (most recent call last):
        ednn.core.errors.InputError: trainer.num_nodes=2 wants 2 processes on 2 machines, and ...
    """
    devices, nodes = cfg.trainer.devices, cfg.trainer.num_nodes
    if cfg.trainer.strategy != "auto" and (not isinstance(devices, int) or devices < 1):
        raise InputError(
            f"trainer.devices={devices} is not a number of processes; give one such as 2."
        )
    by, count = started(wanted(cfg))
    if count > 1 and count != wanted(cfg):
        kind = "ddp_sim" if cfg.trainer.accelerator == "cpu" else "ddp"
        raise InputError(
            f"{by} started {count} processes, but trainer.devices={devices} and "
            f"trainer.num_nodes={nodes} want {wanted(cfg)}; add trainer={kind} "
            f"trainer.devices={max(1, count // nodes)} run=NAME, or let {by} start "
            f"{wanted(cfg)}."
        )
    if count == 1 and nodes > 1:
        raise InputError(
            f"trainer.num_nodes={nodes} wants {wanted(cfg)} processes on {nodes} machines, and "
            f"nothing has started them; put srun or torchrun before the command and add run=NAME."
        )
    if by == "srun":
        _meet(count)
    return isinstance(devices, int) and devices > 1 and count == 1


def cluster(cfg: DictConfig) -> ClusterEnvironment:
    """Return what tells Lightning this process's place among all of the run.

    Example:
        >>> trainer = {"devices": 1, "num_nodes": 1, "strategy": "auto"}
        >>> type(cluster(DictConfig({"trainer": trainer}))).__name__
        'LightningEnvironment'
    """
    if wanted(cfg) == 1:
        return LightningEnvironment()
    if started(wanted(cfg))[0] == "torchrun":
        return TorchElasticEnvironment()
    os.environ["SLURM_NTASKS_PER_NODE"] = str(cfg.trainer.devices)  # srun -n alone doesn't set it
    return SLURMEnvironment()


def _meet(count: int) -> None:
    """Wait for the other processes where it isn't sure that there are any.

    Raises:
        InputError: they don't come.
    """
    if "SLURM_STEP_ID" in os.environ:
        return
    os.environ.setdefault("SLURM_NTASKS_PER_NODE", str(count))
    slurm = SLURMEnvironment()
    place = slurm.main_address, slurm.main_port + 1
    try:
        dist.TCPStore(*place, count, slurm.global_rank() == 0, WAIT, wait_for_workers=True)
    except dist.DistError as error:
        raise InputError(
            f"SLURM_NTASKS={count}, but the other processes did not come within {WAIT.seconds} s; "
            f"put srun before the command, or trainer=cpu after it for one process."
        ) from error


def launch(cfg: DictConfig, run: Run) -> None:
    """Train in `trainer.devices` processes and wait for them.

    Raises:
        InputError: what one of them refused.
        TrainingError: one of them failed; its own message stands above.

    Example:
        ednn train experiment=ising trainer=ddp_sim
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # as torchrun has it: they share the cores
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)  # told below
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=cfg.trainer.devices,
        run_id=str(uuid.uuid4()),
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
    )
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        elastic_launch(config, sys.executable)("-m", "ednn.training.train", str(run.folder))
    except SignalException as end:
        raise KeyboardInterrupt from end
    except ChildFailedError as error:
        failure = error.get_first_failure()[1]
        if isinstance(failure.message, dict):  # what `reported` wrote
            raise InputError(failure.message["message"].partition(": ")[2]) from error
        raise TrainingError(
            f"A process of {run.folder} failed (exit code {failure.exitcode}); see above."
        ) from error
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def reported() -> Iterator[None]:
    """Hand a failure's sentence to the process that launched this one, which says it once for all.

    Example:
        >>> with reported():
        ...     pass
    """
    try:
        yield
    except Exception as error:
        if (words := told(error)) is None:
            raise
        get_error_handler().record_exception(InputError(words))
        sys.exit(1)
    except KeyboardInterrupt:  # so was the process that launched this one
        sys.exit(130)


def is_first_process() -> bool:
    """Tell whether this process is the one that writes for all.

    Example:
        >>> is_first_process()
        True
    """
    return getattr(rank_zero_only, "rank", 0) == 0
