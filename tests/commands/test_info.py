"""`ednn info`: what a path is, in a few lines."""

import re
from pathlib import Path

import numpy as np
import pytest

from ednn.commands.main import main
from ednn.runs.folder import Run


def said(path: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.setattr("sys.argv", ["ednn", "info", str(path)])
    main()
    return capsys.readouterr().out


def test_a_run(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = said(trained, monkeypatch, capsys)
    summary = Run(trained).read_summary()
    assert f"mean {summary['test/mean_absolute_error_per_site']:.3g} J per spin" in lines
    assert "fields of 2 dimensions, 1 channel, values -1, 1" in lines
    assert "f = 1, c = 1: a tile sees 3 × 3 sites" in lines
    assert re.search(r"trained on +IsingData, ising-\S+\.h5", lines)
    assert said(trained / "checkpoints" / "best.ckpt", monkeypatch, capsys) in lines


def test_a_folder_of_runs(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = said(trained.parent, monkeypatch, capsys)
    assert re.search(rf"{trained.parent}: (\d+), of which \1 finished", lines)
    error = Run(trained).read_summary()["test/mean_absolute_error_per_site"]
    assert re.search(rf"{trained.name} +absolute, .*mean {error:.3g} J per spin", lines)


def test_files_of_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(tmp_path / "own.npz", fields=np.zeros((5, 8, 6)), energy=np.zeros(5))
    lines = said(tmp_path / "own.npz", monkeypatch, capsys)
    assert "npz" in lines
    assert "5 × 8 × 6" in lines
    sheet = '3\nLattice="9 0 0 0 9 0 0 0 9" energy=-3.5\nC 1 1 1\nB 3 1 1\nN 3 3 1\n'
    (tmp_path / "own.extxyz").write_text(sheet)
    lines = said(tmp_path / "own.extxyz", monkeypatch, capsys)
    assert "1, of 3 atoms, flat" in lines
    assert "B, C, N" in lines
    assert "labels      energy" in lines
    assert re.search(r"energy +-1\.16667 eV per atom", lines)
    (tmp_path / "own.extxyz").write_text(sheet + sheet.replace("energy", "E_dft"))
    lines = said(tmp_path / "own.extxyz", monkeypatch, capsys)
    assert "labels      energy (of 1 of 2)" in lines
    (tmp_path / "own.extxyz").write_text(sheet.replace("energy", "E_dft"))
    lines = said(tmp_path / "own.extxyz", monkeypatch, capsys)
    assert "none that ASE knows; perhaps data.energy=E_dft" in lines
    (tmp_path / "own.extxyz").write_text(sheet.replace("energy", "predicted_energy"))
    lines = said(tmp_path / "own.extxyz", monkeypatch, capsys)
    assert "predicted_energy  -3.5" in lines
    assert "perhaps" not in lines


def test_what_is_none_of_these(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match=r"There is no file .*nowhere; check the path"):
        said(tmp_path / "nowhere", monkeypatch, capsys)
    monkeypatch.setattr("sys.argv", ["ednn", "info"])
    with pytest.raises(SystemExit, match="takes one path"):
        main()
