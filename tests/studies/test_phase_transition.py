"""The study of the phase transition, shrunk: a real training, real simulations side by side."""

import json
from pathlib import Path

import numpy as np
import pytest

from ednn import plots
from ednn.physics import kaufman
from ednn.studies.base import Numbers
from ednn.studies.phase_transition.analysis import analyse
from ednn.studies.phase_transition.study import crossing_row
from tests.conftest import run

TRAIN = [
    "experiment=ising",
    "data.n_train=500",
    "data.n_val=100",
    "data.n_test=100",
    "trainer.max_epochs=15",
]
SIMULATIONS = ",".join(f"{{L:{L},replicas:40,equilibration:50,sweeps:60}}" for L in (4, 8))
NETWORK = f"{{name:small,paper:'',train:{TRAIN},simulations:[{SIMULATIONS}]}}"
STUDY = [
    "study=phase_transition",
    f"study.phase_transition.cpu.networks=[{NETWORK}]",
    "study.phase_transition.cpu.temperatures=[1.8,2.1,2.2,2.3,2.4,3.2]",
    "study.phase_transition.cpu.critical=[2.1,2.4]",
]


def test_lattices_of_equal_moments_do_not_cross() -> None:
    m = np.random.default_rng(0).normal(0.6, 0.3, (2000, 40, 6))
    moments = np.stack([m, m**2, abs(m), m**2, m**4]).mean(1)  # (5, replicas, temperatures)
    results = [{"L": L, "moments": moments} for L in (8, 16)]
    (crossing,) = analyse(results, np.linspace(2.1, 2.4, 6).tolist(), (2.1, 2.4))["crossings"]
    assert crossing["T"] is None
    assert 0 <= crossing["crossed"] < 1


@pytest.mark.parametrize(
    ("crossing", "measured", "note"),
    [
        ({"T": None, "standard_error": None, "crossed": 0.0}, "no crossing", "0 % of"),
        ({"T": None, "standard_error": 0.1, "crossed": 0.02}, "no crossing", "2 % of"),
        ({"T": 2.27, "standard_error": None, "crossed": 0.0}, "2.2700", "0 % of"),
        ({"T": 2.27, "standard_error": 0.01, "crossed": 1.0}, "2.2700 ± 0.0100", "100 % of"),
    ],
)
def test_no_crossing_is_a_result(crossing: Numbers, measured: str, note: str) -> None:
    row = crossing_row("mine", {"L": [8, 16], **crossing})
    assert row.here == measured
    assert note in row.how


@pytest.mark.long
def test_the_learned_energy_gives_the_exact_one_and_parts_are_kept(tmp_path: Path) -> None:
    first = run(tmp_path, "study.py", *STUDY)
    assert first.returncode == 0, first.stderr
    folder = tmp_path / "outputs" / "paper" / "cpu" / "phase_transition"
    result = json.loads((folder / "result.json").read_text())
    (network,) = result["numbers"]["table"]
    T = np.array(result["numbers"]["temperatures"])
    assert [simulation["L"] for simulation in network["simulations"]] == [4, 8]
    for simulation in network["simulations"]:
        away = simulation["energy"] - kaufman.energy((simulation["L"],) * 2, T)
        assert (abs(away) < 5 * np.array(simulation["energy_standard_error"])).all()
    assert network["crossings"][0]["L"] == [4, 8]
    assert 0 <= network["crossings"][0]["crossed"] <= 1
    assert len(result["rows"]) == 1 + 1 + 2 * 2
    assert 2000 <= plots.read(folder / "picture.png").shape[1] <= 2400

    parts = {path: path.stat().st_mtime_ns for path in folder.glob("simulation-*.json")}
    assert len(parts) == 2
    (folder / "result.json").unlink()
    again = run(tmp_path, "study.py", *STUDY)
    assert again.returncode == 0, again.stderr
    assert {path: path.stat().st_mtime_ns for path in parts} == parts
