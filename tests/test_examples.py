"""The examples run as they stand and reach what they say."""

import os
import re
import subprocess
import sys

from tests.conftest import REPOSITORY

EXAMPLE = REPOSITORY / "examples" / "ednn_in_100_lines.py"


def test_ednn_in_100_lines_learns_and_transfers() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLE)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = re.findall(r"error on (\d+) × \1: ([\d.]+) J per spin", done.stdout)
    errors = {int(side): float(error) for side, error in found}
    assert errors.keys() == {8, 16, 64}
    assert max(errors.values()) < 0.005  # of energies from -2 to 2; about 1 before training
    assert errors[64] < errors[8]  # the errors of tiles are of either sign


def test_ednn_in_100_lines_is_plain_torch_and_no_longer_than_that() -> None:
    lines = EXAMPLE.read_text().splitlines()
    assert len(lines) <= 100
    modules = {line.split()[1].split(".")[0] for line in lines if re.match(r"import|from", line)}
    assert modules == {"torch"}
