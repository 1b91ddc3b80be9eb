"""ASE's trajectory files that lost their end."""

import json
import re
from pathlib import Path

import numpy as np
from ase.io import Trajectory

from ednn.core.files import atomic

# What `ase.io.ulm` writes: a head; items, each of arrays and of JSON that says where they stand;
# and a table of the places of that JSON, in the head for one item, then anew behind items 2, 43, …
HEAD = 48  # bytes: 32 of names and version, the number of items, and where the table stands
BLOCK = 42  # items that the second table has room for; the next has 42 times as many
ITEM = re.compile(rb'\{"(?:version|pbc|positions\.)": ')


def mend(path: Path) -> None:
    """Cut a trajectory to its whole frames, if it ends in the middle of one.

    A kill while a frame is written does no harm, as ASE counts it last. What loses the end of a
    file is a machine that goes down, or a copy that was broken off; the table of frames may be in
    that end. A frame is whole that has its `info`, which ASE writes last. A file without whole
    frames is left alone.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from ase import Atoms
        >>> from ase.io import Trajectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "own.traj")
        ...     with Trajectory(path, "w") as trajectory:
        ...         for step in range(3):
        ...             trajectory.write(Atoms("C", info={"step": step}))
        ...     size = path.write_bytes(path.read_bytes()[:-9])
        ...     mend(path)
        ...     with Trajectory(path) as trajectory:
        ...         print(size > 0, [frame.info["step"] for frame in trajectory])
        True [0, 1]
    """
    if _ends_well(path):
        return
    data = path.read_bytes()
    items = [
        (at - 8, at + int(np.frombuffer(data, "<i8", 1, at - 8)[0]))
        for match in ITEM.finditer(data, HEAD)
        if _is_whole(data, at := match.start())
    ]
    if not items:
        return
    room = 1
    while room < len(items):
        room *= BLOCK
    table = np.zeros(room, "<i8")
    table[: len(items)] = [start for start, _ in items]
    kept = data[: items[-1][1]]
    kept += b"#" * (-len(kept) % 8)
    head = kept[:32] + np.array([len(items), len(kept)], "<i8").tobytes()
    with atomic(path) as temporary:
        temporary.write_bytes(head + kept[HEAD:] + table.tobytes())


def _is_whole(data: bytes, at: int) -> bool:
    """Tell whether the JSON of a frame stands at a place, all of it, and with an `info`."""
    size = int(np.frombuffer(data, "<i8", 1, at - 8)[0])
    try:
        found = json.loads(data[at : at + size]) if 0 < size <= len(data) - at else {}
    except ValueError:  # an array that looks like one
        return False
    return "info" in found


def _ends_well(path: Path) -> bool:
    """Tell whether the last frame that ASE sees is whole."""
    try:
        with Trajectory(path) as trajectory:
            return bool(trajectory[-1].info)
    except Exception:  # ASE raises what it likes
        return False
