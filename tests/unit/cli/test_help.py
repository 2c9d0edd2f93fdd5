"""What commands and connectors say about themselves."""

from __future__ import annotations

import json

import pytest

from penstock.cli.main import execute


@pytest.fixture(autouse=True)
def _signals_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signal.signal", lambda *_: None)


@pytest.mark.parametrize(
    ("line", "usage"),
    [
        (["run"], "penstock run [OPTIONS] PIPELINE"),
        (["failed"], "penstock failed [OPTIONS] PIPELINE [show|replay|skip]"),
        (["status"], "penstock status [OPTIONS] [PIPELINE]"),
        (["secrets"], "penstock secrets [OPTIONS] [list|set|remove|rotate] [NAME]"),
    ],
)
def test_only_what_may_be_left_out_stands_in_brackets(
    line: list[str], usage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute([*line, "--help"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"Usage: {usage}"


def test_settings_that_a_url_may_stand_for_are_not_called_required(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert execute(["connectors", "postgres", "--json"]) == 0
    cards = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [loader] = [card for card in cards if card["role"] == "destination"]
    settings = {row["setting"]: row for row in loader["settings"]}
    assert [name for name, row in settings.items() if row["required"]] == []
    without_url = [name for name, row in settings.items() if row["required_unless"] == "url"]
    assert without_url == ["host", "user", "database"]
    assert execute(["connectors", "postgres"]) == 0
    assert "(required without url, e.g. loader)" in " ".join(capsys.readouterr().out.split())


def test_a_connector_tells_its_uri(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["connectors", "mysql", "--json"]) == 0
    cards = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for card in cards:
        assert card["uri"]["schemes"] == ["mysql", "mariadb"]
        assert card["uri"]["environment"] == {"password": "MYSQL_PWD"}
    assert execute(["connectors", "mysql"]) == 0
    said = capsys.readouterr().out
    assert all(card["uri"]["example"] in said for card in cards)
    assert "Also mariadb://." in said
