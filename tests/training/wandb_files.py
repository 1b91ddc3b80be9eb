"""What W&B keeps of a run without a network, read back from its file.

W&B's own reader left the package with version 0.31. The file is a log as LevelDB has it: blocks of
32 KiB with records, each behind a checksum, its size and whether it is a whole, the first, a middle
or the last part.
"""

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wandb.proto import wandb_internal_pb2

proto: Any = wandb_internal_pb2  # whose names are made when it is imported
HEAD, BLOCK, WHOLE, LAST = 7, 2**15, 1, 4


@dataclass
class Written:
    """A run: its record, config and summary with dots for levels, and what else it was given."""

    run: Any
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    metrics: list[Any] = field(default_factory=list)
    artifacts: list[Any] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


def written(logs: Path) -> Written:
    """Read the newest sitting of the run that was logged in a folder."""
    (*_, path) = sorted(logs.glob("wandb/offline-run-*/*.wandb"))
    found = None
    for record in _records(path.read_bytes()):
        if record.HasField("run"):
            found = Written(record.run)
        if found is None:
            continue
        for items, kept in ((record.config, found.config), (record.summary, found.summary)):
            for item in items.update:
                _keep(kept, ".".join(item.nested_key) or item.key, json.loads(item.value_json))
        if record.HasField("metric"):
            found.metrics.append(record.metric)
        if record.HasField("artifact"):
            found.artifacts.append(record.artifact)
    assert found is not None
    media = path.parent / "files" / "media"
    found.pictures = [picture.name.split("_")[0] for picture in media.glob("images/*.png")]
    for table in media.glob("table/*.json"):
        read = json.loads(table.read_text())
        rows = [dict(zip(read["columns"], row, strict=True)) for row in read["data"]]
        found.tables[table.name.split("_")[0]] = rows
    return found


def _records(data: bytes) -> Iterator[Any]:
    at, parts = HEAD, []  # a head of its own, as long as a record's
    while at + HEAD <= len(data):
        if BLOCK - at % BLOCK < HEAD:  # no record begins in the rest of a block
            at += BLOCK - at % BLOCK
            continue
        size, kind = struct.unpack("<HB", data[at + 4 : at + HEAD])
        parts.append(data[at + HEAD : at + HEAD + size])
        at += HEAD + size
        if kind in (WHOLE, LAST):
            yield proto.Record.FromString(b"".join(parts))
            parts = []


def _keep(kept: dict[str, Any], name: str, value: Any) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            _keep(kept, f"{name}.{key}", inner)
    else:
        kept[name] = value
