"""Worker processes for making data sets in parallel."""

import os
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process

from threadpoolctl import threadpool_limits


def worker_pool(workers: int) -> ProcessPoolExecutor:
    """Return a pool of processes with one thread each, which end when their parent is killed.

    Example:
        with worker_pool(4) as pool:  # in a script, below `if __name__ == "__main__":`
            labels = list(pool.map(label, structures))
    """
    return ProcessPoolExecutor(workers, get_context("spawn"), initializer=_start)


def _start() -> None:
    threadpool_limits(1)  # of the libraries that are loaded already, numpy's among them,
    os.environ["OMP_NUM_THREADS"] = "1"  # and of the engines that are imported later

    def leave_with_parent() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=leave_with_parent, daemon=True).start()
