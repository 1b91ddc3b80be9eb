"""Where Hydra's own behaviour would tell users too much or too little."""

from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.types import RunMode


def quieten_hydra() -> None:
    """Let a failed job be told in one sentence, which names it where it is one of a sweep.

    Hydra writes all overrides of the command before the error, and nothing more of the job.

    Example:
        >>> quieten_hydra()
        >>> job = JobReturn()
        >>> job.return_value, job.status = 3.5, JobStatus.COMPLETED
        >>> job.return_value
        3.5
    """
    JobReturn.return_value = property(_value, JobReturn.return_value.fset)  # type: ignore


def _value(job: JobReturn) -> Any:
    """Return what a job gave, or raise its error; of a sweep, with the job's folder as a note."""
    value = job._return_value
    if job.status == JobStatus.COMPLETED:
        return value
    hydra = job.hydra_cfg.hydra if job.hydra_cfg else None
    if hydra and hydra.mode == RunMode.MULTIRUN:
        value.add_note(f"job {hydra.runtime.output_dir}")
    raise value
