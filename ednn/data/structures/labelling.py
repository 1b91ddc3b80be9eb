"""Fill a file of labelled structures, in parallel, by a run that may be killed at any moment.

Each finished label is appended to a journal in a folder of `cache`, as one line with a checksum,
and all of them join the HDF5 file when the run ends. A killed run, started again, continues where
it stopped: nothing finished is lost or computed twice.
"""

import json
import os
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from ednn.core.errors import InputError
from ednn.core.files import atomic, fitting
from ednn.core.terminal import Progress
from ednn.data.journal import Journal, read_journal
from ednn.data.structures.file import LabelledSet, Record, join, read, split, write
from ednn.data.workers import worker_pool
from ednn.physics.labels import LabelError, Theory, label, resolve
from ednn.physics.recipes import recipe_of
from ednn.physics.sheets import Repeat
from ednn.physics.structure import Structure

Make = Callable[[int], Structure]  # returns the structure of a seed, in any process


def generate(
    path: str | Path,
    theory: str | Mapping[str, Any],
    count: int,
    *,
    cache: str | Path,
    recipe: str = "plain",
    seed0: int = 0,
    repeat: Repeat = (1, 1),
    workers: int = 1,
) -> LabelledSet:
    """Label the structures of seeds `seed0` to `seed0 + count - 1`; return the whole file.

    Seeds that the file or its journal already holds are not computed again. Structures whose
    calculation does not converge are recorded and skipped.

    Args:
        path: the HDF5 file.
        theory: what `ednn.physics.labels.resolve` takes.
        count: structures.
        cache: of the journals.
        recipe: a name in `ednn.physics.recipes.RECIPES`.
        seed0: the first seed.
        repeat: blocks along each axis.
        workers: processes.

    Raises:
        InputError: the file or the journal was made with another theory, settings, version or
            recipe, or another run is filling it.
    """
    repeat = tuple(repeat)
    made = json.dumps(recipe_of(recipe).provenance(repeat))
    seeds, make = range(seed0, seed0 + count), partial(of_recipe, recipe, repeat)
    return fill(path, theory, seeds, make, made, cache=cache, workers=workers)


def fill(
    path: str | Path,
    theory: str | Mapping[str, Any],
    seeds: Sequence[int],
    make: Make,
    made: str,
    *,
    cache: str | Path,
    workers: int = 1,
) -> LabelledSet:
    """Label the structures of some seeds, whatever makes them; return the whole file at `path`.

    Args:
        path: the HDF5 file.
        theory: what `ednn.physics.labels.resolve` takes.
        seeds: of the structures; those that the file or its journal holds are not computed again.
        make: returns the structure of a seed; it goes to other processes.
        made: says how the structures are made; structures that are made in other ways don't mix.
        cache: of the journals.
        workers: processes.

    Raises:
        InputError: the file or the journal was made with another theory, settings, version or
            of other structures, or another run is filling it.
    """
    chosen, folder = resolve(theory), _journal_folder(path, cache)
    provenance = chosen.provenance() | {"structures": made}
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / "lock", timeout=0):
            done = _records(Path(path), folder, provenance)
            with atomic(folder / "provenance.json") as temporary:
                temporary.write_text(json.dumps(provenance))
            missing = [seed for seed in seeds if seed not in done]
            results = _computed(missing, make, chosen, workers)
            total, known = len(seeds), len(seeds) - len(missing)
            told = {"desc": Path(path).name, "unit": "structure", "disable": not total}
            bar = Progress(total=total, initial=known, **told)
            with bar as progress:
                _append(results, folder / "journal", progress)
            labels = merge(path, cache=cache)
            (folder / "journal").unlink()
            return labels
    except Timeout:
        raise InputError(
            f"{path} is being filled by another run: wait for its end or choose another path."
        ) from None


def _append(results: Iterator[Record], path: Path, progress: Progress) -> None:
    """Append results to a journal as they come."""
    with Journal(path) as journal:
        for record in results:
            journal.append(record)
            progress.update()


def merge(path: str | Path, *, cache: str | Path) -> LabelledSet:
    """Write all that is finished into the file at `path`, also while a run goes on; return it.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "own.h5")
        ...     _ = generate(path, "ase.calculators.lj.LennardJones", count=0, cache=folder)
        ...     with Journal(_journal_folder(path, folder) / "journal") as journal:
        ...         journal.append({"seed": 7, "failed": "not converged"})
        ...     merge(path, cache=folder).failed.tolist()
        [7]
    """
    folder = _journal_folder(path, cache)
    provenance = json.loads((folder / "provenance.json").read_text())
    labels = join(_records(Path(path), folder, provenance), provenance)
    write(path, labels)
    return labels


def _journal_folder(path: str | Path, cache: str | Path) -> Path:
    """Return the folder of the journal: one for each file, also of files of the same name."""
    # seen from the cache, so that a repository which moves takes its journals along
    relative = os.path.relpath(Path(path).resolve(), Path(cache).resolve())
    return Path(cache) / fitting(Path(path).stem, f"_{zlib.crc32(relative.encode()):08x}")


def _records(path: Path, folder: Path, provenance: Mapping[str, str]) -> dict[int, Record]:
    """Return by seed all that is finished, in the file at `path` and in the journal of `folder`.

    Raises InputError if either was made with another provenance.
    """
    records = {}
    if path.exists():
        labels = read(path)
        _check(path, labels.attributes, provenance)
        records = split(labels)
    if (folder / "journal").exists():
        made_with = folder / "provenance.json"
        _check(made_with, json.loads(made_with.read_text()), provenance)
        records |= {record["seed"]: record for record in read_journal(folder / "journal")}
    return records


def _check(where: Path, found: Mapping[str, str], expected: Mapping[str, str]) -> None:
    """Raise InputError unless labels of the provenance `found` may join those `expected`."""
    for name, value in expected.items():
        if found.get(name) != value:
            raise InputError(
                f"{where} was made with {name} {found.get(name)}, this run has {value}: such "
                "labels do not mix, so choose another path or move the old file away."
            )


def _computed(seeds: list[int], make: Make, theory: Theory, workers: int) -> Iterator[Record]:
    """Yield the record of each seed as it is finished, in any order."""
    pool = worker_pool(workers)
    try:
        for future in as_completed(pool.submit(_labelled, seed, make, theory) for seed in seeds):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def of_recipe(recipe: str, repeat: Repeat, seed: int) -> Structure:
    """Return the structure of a seed, so that `partial` of this makes them in other processes.

    Example:
        >>> len(of_recipe("plain", (1, 1), seed=0).numbers)
        59
    """
    return recipe_of(recipe).make(seed, repeat)


def _labelled(seed: int, make: Make, theory: Theory) -> Record:
    """Label one seed."""
    structure = make(seed)
    try:
        result = label(structure, theory)
    except LabelError as error:
        return {"seed": seed, "failed": str(error)}
    record: Record = {
        "seed": seed,
        "numbers": structure.numbers.tolist(),
        "positions": structure.positions.tolist(),
        "cell": structure.cell.tolist(),
        "energy": result.energy,
        "forces": result.forces.astype(np.float32).tolist(),
    }
    return record if result.stress is None else record | {"stress": result.stress.tolist()}
