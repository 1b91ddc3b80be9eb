"""Fine-tuning to the labels of another theory, as a command."""

import json
from pathlib import Path

from tests.conftest import REPOSITORY, run


def test_a_few_steps_bring_the_network_nearer_to_another_theory(tmp_path: Path) -> None:
    labels = f"data.path={(REPOSITORY / 'data/dft/pbe.h5').as_posix()}"
    few = ["trainer.max_steps=16", "run=a"]
    done = run(tmp_path, "train.py", "experiment=dft_finetune", "data.theory=pbe", labels, *few)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "outputs" / "dft_finetune" / "a"
    summary = json.loads((folder / "summary.json").read_text())
    # Without training, with references of PBE: 30.3 meV per atom and 0.370 eV/Å.
    assert summary["test/mean_absolute_error_per_site"] < 20
    assert summary["test/mean_absolute_error_of_forces"] < 0.33
