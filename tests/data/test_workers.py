"""Worker processes: as many cores as workers, and no more."""

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
