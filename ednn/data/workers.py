"""Worker processes for making data sets in parallel."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import chain, pairwise
from multiprocessing import (
    get_all_start_methods,
    get_context,
    get_start_method,
    parent_process,
    set_start_method,
)
from typing import TypeVar

from threadpoolctl import threadpool_limits

from ednn.core.terminal import Progress

Seed = TypeVar("Seed")
Made = TypeVar("Made")


def worker_pool(workers: int) -> ProcessPoolExecutor:
    """Return a pool of processes with one thread each, which end when their parent is killed.

    Example:
        with worker_pool(4) as pool:  # in a script, below `if __name__ == "__main__":`
            labels = list(pool.map(label, structures))
    """
    # A process takes over its parent's default, and joblib's workers have one that only they know.
    if get_start_method(allow_none=True) not in (None, *get_all_start_methods()):
        set_start_method("spawn", force=True)
    return ProcessPoolExecutor(workers, get_context("spawn"), initializer=_start)


def made_in_batches(
    make: Callable[[Seed], Made], seeds: Sequence[Seed], size: int, things: str
) -> Iterator[list[Made]]:
    """Yield what is made of every seed, on all cores, `size` at a time with a progress bar.

    Args:
        make: a function that worker processes can import, or a partial one.
        seeds: what it is given.
        size: of a batch.
        things: the name of what is made.

    Example:
        for images in made_in_batches(random_image, range(1000), 200, "Images"):
            write(np.stack(images))
    """
    pool = worker_pool(os.cpu_count() or 1)
    starts = range(0, len(seeds), size)
    pending = (pool.map(make, seeds[i : i + size], chunksize=4) for i in starts)
    try:
        with Progress(total=len(seeds), desc=things) as progress:
            # Looking one ahead keeps the pool busy while a batch is being written.
            for made, _ in pairwise(chain(pending, [()])):
                batch = list(made)
                yield batch
                progress.update(len(batch))
    finally:
        pool.shutdown(cancel_futures=True)


def _start() -> None:
    threadpool_limits(1)  # of the libraries that are loaded already, numpy's among them,
    os.environ["OMP_NUM_THREADS"] = "1"  # and of the engines that are imported later

    def leave_with_parent() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=leave_with_parent, daemon=True).start()
