"""Worker processes: as many cores as workers, and no more."""

from joblib import Parallel, delayed
from threadpoolctl import threadpool_info

from ednn.data.workers import worker_pool


def _threads() -> dict[str, int]:
    """Return how many threads each numerical library of this process uses."""
    import scipy.linalg  # noqa: F401  brings a library of its own, after the start

    return {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()}


def test_a_worker_has_one_thread() -> None:
    with worker_pool(1) as pool:
        threads = pool.submit(_threads).result()
    assert threads
    assert set(threads.values()) == {1}, threads


def _made(number: int) -> int:
    with worker_pool(1) as pool:
        return pool.submit(abs, number).result()


def test_the_jobs_of_a_sweep_side_by_side_have_workers_too() -> None:
    assert Parallel(n_jobs=2, backend="loky")(delayed(_made)(n) for n in (-1, -2)) == [1, 2]
