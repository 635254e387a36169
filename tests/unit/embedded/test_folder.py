"""What a data folder keeps is read with care: nothing secret is told when it is damaged."""

from pathlib import Path

import pytest

from shared.embedded.folder import DataFolder, NotRunning, NotUsable


def test_damaged_secrets_are_told_without_them_and_never_made_anew(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    kept = folder.secrets()
    assert folder.secrets() == kept
    half = (tmp_path / "secrets.json").read_text()[:200]
    (tmp_path / "secrets.json").write_text(half)
    with pytest.raises(NotUsable, match=r"^its secrets.json is damaged$") as told:
        folder.secrets()
    assert told.value.__cause__ is None
    assert (tmp_path / "secrets.json").read_text() == half


def test_a_file_is_no_running_system(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotRunning):
        DataFolder(tmp_path / "file").running()
