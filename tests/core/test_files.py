"""Files that are whole or absent, whatever they are called, and what cannot be written."""

from pathlib import Path

import pytest

from ednn.core.errors import InputError
from ednn.core.files import LONGEST, atomic, beside, fitting, require_writable

LONG = 83 * "量" + "abc.h5"  # 255 bytes


def test_a_name_of_any_length_is_written(tmp_path: Path) -> None:
    path = tmp_path / LONG
    require_writable(path, "output")
    with atomic(path) as temporary:
        temporary.write_text("whole")
    assert [file.name for file in tmp_path.iterdir()] == [LONG]
    beside(path, ".lock").touch()
    assert beside(path, ".lock") == beside(path, ".lock") != beside(path, ".unfinished")


def test_a_long_name_keeps_its_beginning_and_stays_apart_from_others() -> None:
    names = [fitting(300 * "ü" + end) for end in ("a", "b")]
    assert names[0] != names[1]
    for name in names:
        assert LONGEST - 1 <= len(name.encode()) <= LONGEST
        assert name.startswith(100 * "ü")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("file/out.h5", "File exists"),
        ("file/folder/out.h5", "Not a directory"),
        (f"new/{LONG}x", "File name too long"),
        ("/proc/out.h5", "No such file"),
    ],
)
def test_what_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    with pytest.raises(InputError) as refused:
        require_writable(Path(path), "output")
    assert str(refused.value).startswith(f"{path} cannot be used ({reason}")
    assert "give another output=…" in str(refused.value)


def test_an_error_names_the_file_and_not_its_temporary_one(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    with pytest.raises(FileNotFoundError) as error, atomic(folder / "x.h5"):
        folder.rmdir()
    assert error.value.filename == str(folder / "x.h5")
