"""Who started this process, and how many others with it: torchrun, SLURM's srun, or the user."""

import os

from ednn.core.errors import InputError


def started(wanted: int = 1) -> tuple[str, int]:
    """Return what started the processes of this run, and their number.

    A batch script has SLURM's variables too, though srun started nothing: sbatch -n 4 says
    SLURM_NTASKS=4 to one process. A step's number, and any process but the first, are srun's alone.

    Args:
        wanted: processes that the run waits for; as many tasks are taken for srun's.

    Example:
        >>> started()
        ('python', 1)
    """
    variables = os.environ
    if "TORCHELASTIC_RUN_ID" in variables:
        return "torchrun", int(variables.get("WORLD_SIZE", 1))
    tasks = int(variables.get("SLURM_NTASKS", 1))
    first = variables.get("SLURM_PROCID", "0") == "0"
    shell = variables.get("SLURM_JOB_NAME") in ("bash", "interactive")  # as Lightning has it
    in_step = "SLURM_STEP_ID" in variables or (tasks == wanted and "SLURM_PROCID" in variables)
    if tasks > 1 and (not first or (in_step and not shell)):
        return "srun", tasks
    return "python", 1


def require_one(what: str) -> None:
    """Make sure that one process was started for work that starts trainings itself.

    Args:
        what: the work, in the sentence.

    Raises:
        InputError: torchrun or srun started several.

    Example:
        >>> require_one("learning")
    """
    by, count = started()
    if count > 1:
        raise InputError(
            f"{by} started {count} processes, but {what} is one; let it start 1, and give "
            f"trainer=ddp trainer.devices=… for trainings in several."
        )
