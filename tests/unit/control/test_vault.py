"""Secrets at rest: sealed in the catalog, opened by the master key alone."""

from __future__ import annotations

import base64
import shutil
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from penstock.control.master import MasterKeys, make_key
from penstock.control.vault import Vault
from penstock.core.errors import ConfigError, PenstockError

CANARY = "c4nary-of-the-v4ult"


def vault(root: Path, **variables: str) -> Vault:
    keys = MasterKeys(root, root / ".penstock" / "keys", variables)
    return Vault(str(root / ".penstock" / "catalog.db"), keys)


def own_key(root: Path) -> Path:
    return root / ".penstock" / "keys" / "secrets.key"


def rows(root: Path, query: str) -> list[tuple[bytes, ...]]:
    with closing(sqlite3.connect(root / ".penstock" / "catalog.db")) as connection:
        found = connection.execute(query).fetchall()
        connection.commit()
    return found


def refused(root: Path, name: str = "a", **variables: str) -> PenstockError:
    with pytest.raises(ConfigError) as raised:
        vault(root, **variables).get(name)
    assert CANARY not in f"{raised.value} {raised.value.to_dict()}"
    return raised.value


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param({}, id="a key of our own"),
        pytest.param({"PENSTOCK_SECRET_KEY": base64.b64encode(b"k" * 32).decode()}, id="32 bytes"),
        pytest.param({"PENSTOCK_SECRET_KEY": "a long phrase of mine"}, id="a phrase"),
    ],
)
def test_a_value_comes_back_in_another_process_with_the_same_key(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    assert not vault(tmp_path, **variables).set("crm.key", f"{CANARY}\nü")
    again = vault(tmp_path, **variables)
    assert again.get("crm.key") == f"{CANARY}\nü"
    assert f"{CANARY}\nü" in again.opened
    assert own_key(tmp_path).exists() == (not variables)


def test_looking_makes_no_files(tmp_path: Path) -> None:
    assert vault(tmp_path).known() == []
    assert vault(tmp_path).get("a") is None
    assert not vault(tmp_path).remove("a")
    assert list(tmp_path.iterdir()) == []


def test_neither_value_nor_key_stands_in_the_catalog(tmp_path: Path) -> None:
    vault(tmp_path).set("a", CANARY)
    key = own_key(tmp_path).read_bytes().strip()
    for file in (tmp_path / ".penstock").glob("catalog.db*"):
        content = file.read_bytes()
        assert CANARY.encode() not in content
        assert base64.b64decode(key) not in content
        assert key not in content


def test_the_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    vault(tmp_path).set("a", CANARY)
    assert stat.S_IMODE(own_key(tmp_path).stat().st_mode) == 0o600
    assert [file.name for file in own_key(tmp_path).parent.iterdir()] == ["secrets.key"]


def test_setting_again_replaces_and_keeps_the_first_date(tmp_path: Path) -> None:
    one = vault(tmp_path)
    one.set("a", "old value")
    (before,) = one.known()
    assert one.set("a", "new value")
    (after,) = one.known()
    assert (after.name, after.created_at) == ("a", before.created_at)
    assert after.updated_at >= before.updated_at
    assert one.get("a") == "new value"


def test_the_same_value_is_sealed_differently_each_time(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        vault(tmp_path).set(name, CANARY)
    sealed = [row[0] for row in rows(tmp_path, "select sealed from secret")]
    assert len({value[:12] for value in sealed}) == 3
    assert len({value[12:] for value in sealed}) == 3


def test_a_sealed_value_does_not_open_in_another_row(tmp_path: Path) -> None:
    vault(tmp_path).set("a", CANARY)
    vault(tmp_path).set("b", "another one")
    rows(tmp_path, "update secret set sealed = (select sealed from secret where name = 'a')")
    assert refused(tmp_path, "b").code == "secrets.damaged"
    assert vault(tmp_path).get("a") == CANARY


@pytest.mark.parametrize(
    "change",
    [
        "update secret set sealed = zeroblob(40)",
        "update secret set sealed = x'00'",
        "update data_key set wrapped = zeroblob(60)",
        "update data_key set id = 'other'",
    ],
)
def test_what_was_changed_in_the_catalog_does_not_open(tmp_path: Path, change: str) -> None:
    vault(tmp_path).set("a", CANARY)
    rows(tmp_path, change)
    assert refused(tmp_path).code == "secrets.damaged"


def test_a_lost_key_says_what_to_do_and_no_new_one_is_made(tmp_path: Path) -> None:
    vault(tmp_path).set("a", CANARY)
    own_key(tmp_path).unlink()
    error = refused(tmp_path)
    assert (error.code, error.exit_code) == ("secrets.key", 2)
    assert "penstock secrets remove" in (error.hint or "")
    with pytest.raises(ConfigError):
        vault(tmp_path).set("b", "another")
    assert not own_key(tmp_path).exists()


def test_a_wrong_key_is_named(tmp_path: Path) -> None:
    vault(tmp_path).set("a", CANARY)
    error = refused(tmp_path, PENSTOCK_SECRET_KEY="not the right one")
    assert error.code == "secrets.key"
    assert "PENSTOCK_SECRET_KEY" in error.message
    assert "not the right one" not in str(error.to_dict())


@pytest.mark.parametrize("content", [None, b"", b"short", b"\xff\xfe"])
def test_a_key_file_that_cannot_be_one_is_named(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "my.key").write_bytes(content)
    with pytest.raises(ConfigError) as raised:
        vault(tmp_path, PENSTOCK_SECRET_KEY_FILE="my.key").set("a", CANARY)
    assert raised.value.code == "secrets.key_file"
    assert str(tmp_path / "my.key") in raised.value.message


def test_after_the_last_secret_is_removed_one_may_begin_with_another_key(tmp_path: Path) -> None:
    vault(tmp_path).set("a", CANARY)
    vault(tmp_path).set("b", CANARY)
    own_key(tmp_path).unlink()
    assert vault(tmp_path).remove("a")
    assert refused(tmp_path, "b").code == "secrets.key"
    assert vault(tmp_path).remove("b")
    vault(tmp_path).set("a", "new value")
    assert vault(tmp_path).get("a") == "new value"


def test_rotation_wraps_the_data_key_anew_and_leaves_the_values(tmp_path: Path) -> None:
    vault(tmp_path).set("a", CANARY)
    old = own_key(tmp_path).read_text()
    kept = rows(tmp_path, "select sealed, key_id from secret")
    wrapped = rows(tmp_path, "select wrapped from data_key")
    vault(tmp_path).rotate()
    assert own_key(tmp_path).read_text() != old
    assert stat.S_IMODE(own_key(tmp_path).stat().st_mode) == 0o600
    assert rows(tmp_path, "select sealed, key_id from secret") == kept
    assert rows(tmp_path, "select wrapped from data_key") != wrapped
    assert vault(tmp_path).get("a") == CANARY
    assert refused(tmp_path, PENSTOCK_SECRET_KEY=old).code == "secrets.key"


def test_a_key_of_the_user_is_rotated_to_one_in_a_file(tmp_path: Path) -> None:
    vault(tmp_path, PENSTOCK_SECRET_KEY="a long phrase of mine").set("a", CANARY)
    with pytest.raises(ConfigError) as raised:
        vault(tmp_path, PENSTOCK_SECRET_KEY="a long phrase of mine").rotate()
    assert "--key-file" in (raised.value.hint or "")
    new = tmp_path / "new.key"
    vault(tmp_path, PENSTOCK_SECRET_KEY="a long phrase of mine").rotate(new)
    assert stat.S_IMODE(new.stat().st_mode) == 0o600
    assert vault(tmp_path, PENSTOCK_SECRET_KEY_FILE=str(new)).get("a") == CANARY
    assert vault(tmp_path, PENSTOCK_SECRET_KEY=new.read_text()).get("a") == CANARY


@pytest.mark.parametrize("rewrapped", [False, True], ids=["before", "after the catalog has it"])
def test_a_rotation_that_was_cut_short_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rewrapped: bool
) -> None:
    vault(tmp_path).set("a", CANARY)

    def die(*_given: object) -> None:
        raise KeyboardInterrupt

    cut = vault(tmp_path)
    if rewrapped:
        monkeypatch.setattr(Vault, "_settled", die)
    else:
        monkeypatch.setattr("penstock.store.secrets.Secrets.rewrap", die)
    with pytest.raises(KeyboardInterrupt):
        cut.rotate()
    monkeypatch.undo()
    assert vault(tmp_path).get("a") == CANARY
    vault(tmp_path).rotate()
    assert vault(tmp_path).get("a") == CANARY
    assert not own_key(tmp_path).with_name("secrets.key.next").exists()


def test_many_may_set_the_first_secret_and_rotate_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda n: vault(tmp_path).set(f"s{n}", f"value {n}"), range(6)))
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: vault(tmp_path).rotate(), range(3)))
    assert [vault(tmp_path).get(f"s{n}") for n in range(6)] == [f"value {n}" for n in range(6)]


def test_the_second_to_make_a_key_keeps_the_first(tmp_path: Path) -> None:
    make_key(tmp_path / "one.key")
    before = (tmp_path / "one.key").read_bytes()
    make_key(tmp_path / "one.key")
    assert (tmp_path / "one.key").read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["one.key"]


def test_a_key_that_cannot_be_written_is_the_users_to_mend(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError) as raised:
        make_key(tmp_path / "file" / "one.key")
    assert raised.value.code == "secrets.key_file"


def test_another_machine_needs_the_catalog_and_the_key(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    vault(here).set("a", CANARY)
    shutil.copytree(here, there)
    assert vault(there).get("a") == CANARY
    own_key(there).unlink()
    assert refused(there).code == "secrets.key"


@pytest.mark.parametrize("name", ["", "a b", "-a", "a=b", "ä", "a" * 129, "a/b", "a}"])
def test_a_name_that_cannot_be_one_is_refused_and_not_shown(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError) as raised:
        vault(tmp_path).set(name, CANARY)
    assert raised.value.code == "secrets.name"
    assert list(tmp_path.iterdir()) == []
