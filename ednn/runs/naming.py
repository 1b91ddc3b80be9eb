"""How runs and the jobs of a sweep are named: after the command line."""

import hashlib
import os
import secrets
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser

from ednn.core.errors import InputError

OUTPUTS = Path("outputs")


def name_run(arguments: Sequence[str]) -> str:
    """Name a run after its start and its command line.

    The six letters after the time are the same for the same command line. `resume=auto` finds the
    newest run by them and gives its name again; any other start gets a name that is unique.

    Raises:
        InputError: several processes of torchrun would each make up a name of their own.

    Example:
        >>> name_run(["data=ising"]).split("_")[2]  # after date and time: that of the command line
        '69388e'
    """
    if "TORCHELASTIC_RUN_ID" in os.environ:
        raise InputError("torchrun's processes must share one run folder; add run=NAME.")
    words = sorted(a for a in arguments if not a.startswith("resume="))
    command = hashlib.sha256("\0".join(words).encode()).hexdigest()[:6]
    if "resume=auto" in arguments:
        found = [path.name for path in OUTPUTS.glob(f"*/*_{command}_*") if path.is_dir()]
        if found:
            return max(found)
        print("No earlier run of this command to resume: starting a new one.", file=sys.stderr)
    return f"{datetime.now():%Y-%m-%d_%H-%M-%S}_{command}_{secrets.token_hex(2)}"


def fixed_keys(overrides: Sequence[str]) -> list[str]:
    """List the keys that a command line overrides with one value: they don't tell jobs apart.

    Example:
        >>> fixed_keys(["data=ising", "tile.c=1,2"])
        ['data']
    """
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    return [o.key_or_group for o in parsed if not o.is_sweep_override()]


def name_job(overrides: Sequence[str], fixed: Sequence[str]) -> str:
    """Name a job of a sweep after those of its overrides whose keys are not `fixed`.

    Example:
        >>> name_job(["data=ising", "tile.c=1"], fixed=["data"])
        'tile.c=1'
    """
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    return ",".join(sorted(str(o.input_line) for o in parsed if o.key_or_group not in fixed))
