"""Schedules of the learning rate that last as long as the training, also a prolonged one."""

import math
import warnings
from collections.abc import Mapping
from functools import partial
from inspect import signature
from typing import Any

from hydra.utils import instantiate
from lightning import Trainer
from lightning.pytorch.utilities import rank_zero_only
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR
from tqdm import tqdm

from ednn.core.errors import InputError
from ednn.training.optimizers import settings_of

LENGTHS = ("total_steps", "T_max")  # what torch's schedulers call the number of steps


def scheduler_over(config: Mapping[str, Any], trainer: Trainer) -> partial[Any]:
    """Return a scheduler, yet without optimizer, that is told how many steps the training has.

    Args:
        config: Hydra config of a partial torch scheduler. A length that it gives itself stays.
        trainer: knows the number of steps.

    Raises:
        InputError: the scheduler asks for a number of steps that the trainer leaves open.

    Example:
        >>> config = {"_target_": "torch.optim.lr_scheduler.CosineAnnealingLR", "_partial_": True}
        >>> scheduler_over(config, Trainer(max_steps=5, max_epochs=-1, logger=False)).keywords
        {'T_max': 5}
    """
    scheduler = instantiate(config, _convert_="all")  # a list of rates stays one
    asked = set(LENGTHS) & set(signature(scheduler.func).parameters) - scheduler.keywords.keys()
    if not asked:
        return partial(scheduler)
    steps = trainer.estimated_stepping_batches
    if math.isinf(steps):
        raise InputError(
            f"The schedule {scheduler.func.__name__} of task.scheduler must know how many steps "
            f"there are, and trainer.max_epochs={trainer.max_epochs} leaves it open; give a number "
            f"of trainer.max_epochs or trainer.max_steps, or task.scheduler=null."
        )
    more: dict[str, float] = dict.fromkeys(asked, int(steps))
    if scheduler.func is OneCycleLR and scheduler.keywords.get("pct_start", 0.3) * steps == 1:
        more["pct_start"] = (1 + 1e-6) / steps  # torch divides by the steps of the rise less one
    return partial(scheduler, **more)


def make_scheduler(
    config: Mapping[str, Any], optimizer: Optimizer, trainer: Trainer
) -> LRScheduler:
    """Make the schedule of an optimizer's rates for the steps that a trainer has.

    Raises:
        InputError: a setting that the scheduler refuses, or an open number of steps.

    Example:
        >>> import torch
        >>> adam = torch.optim.Adam([torch.zeros(1)], lr=0.5)
        >>> config = {"_target_": "torch.optim.lr_scheduler.CosineAnnealingLR", "_partial_": True}
        >>> trainer = Trainer(max_steps=5, max_epochs=-1, logger=False)
        >>> make_scheduler(config, adam, trainer).T_max
        5
    """
    make = scheduler_over(config, trainer)
    with settings_of("scheduler", config):
        scheduler: LRScheduler = make(optimizer)
    return scheduler


def stretch(trainer: Trainer, scheduler: partial[Any]) -> None:
    """Let the schedule of a resumed run, which its checkpoint brought, last as long as this one.

    The rate goes on as if the run had been started with its new length.

    Raises:
        InputError: more steps are done than the new length has.

    Example:
        ednn train task=onecycle run=mine resume=auto trainer.max_epochs=100  # begun with 50
    """
    (config,) = trainer.lr_scheduler_configs
    old: Any = config.scheduler
    name = next((name for name in LENGTHS if name in scheduler.keywords), None)
    if name is None or getattr(old, name) == (steps := scheduler.keywords[name]):
        return
    if steps < old.last_epoch:
        raise InputError(
            f"This training has {old.last_epoch} steps behind it and only {steps} in all; give "
            f"more trainer.max_epochs, or start anew with another run=NAME."
        )
    rank_zero_only(tqdm.write)(  # print would share a line with the bar
        f"The schedule of the learning rate had {getattr(old, name)} steps when the run was "
        f"started; it is stretched over the {steps} that it has now."
    )
    for group in old.optimizer.param_groups:
        group["lr"] = group["initial_lr"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch expects a step of the optimizer before each
        new = scheduler(old.optimizer)
        for _ in range(old.last_epoch):
            new.step()
    config.scheduler = new
