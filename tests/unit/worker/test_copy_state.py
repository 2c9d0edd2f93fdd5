"""The state folder of a copy."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.core.errors import ConfigError
from penstock.worker.copy_state import CopyState


def test_the_same_copy_finds_its_folder_again_until_it_is_removed(tmp_path: Path) -> None:
    first = CopyState.open(tmp_path, "abc")
    assert not first.resumed
    assert first.folder.stat().st_mode & 0o777 == 0o700
    (first.folder / "staging").mkdir()
    again = CopyState.open(tmp_path, "abc")
    assert again.resumed
    assert again.folder == first.folder
    assert CopyState.open(tmp_path, "other").folder != first.folder
    again.remove()
    assert not CopyState.open(tmp_path, "abc").resumed


def test_nothing_is_left_of_a_folder_that_is_removed(tmp_path: Path) -> None:
    state = CopyState.open(tmp_path, "abc")
    (state.folder / "file").write_text("x")
    state.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_somebody_else_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = CopyState.open(tmp_path, "abc")
    monkeypatch.setattr("os.getuid", lambda: 4_000_000)
    state.folder.rename(tmp_path / "penstock-copy-4000000-abc")
    with pytest.raises(ConfigError, match="not a folder of yours"):
        CopyState.open(tmp_path, "abc")


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    state = CopyState.open(tmp_path, "abc")
    state.folder.rename(tmp_path / "elsewhere")
    state.folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="not a folder of yours"):
        CopyState.open(tmp_path, "abc")


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="cannot be made") as caught:
        CopyState.open(tmp_path / "file", "abc")
    assert caught.value.code == "copy.state"
