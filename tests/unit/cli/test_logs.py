"""Log lines: form, level, and no secrets."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from penstock.cli.logs import configure
from penstock.core.errors import ConfigError


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_secrets_never_reach_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    configure({"PENSTOCK_LOG_LEVEL": "info"}, ["tops3cret"])
    logging.getLogger("x").info("sent %s to %s", "tops3cret", "https://u:pw@h/")
    told = capsys.readouterr().err
    assert told.endswith("INFO x: sent ******** to https://u:********@h/\n")


def test_json_has_one_object_per_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure({"PENSTOCK_LOG": "json"}, ["tops3cret"])
    try:
        raise ValueError("tops3cret")
    except ValueError:
        logging.getLogger("x").exception("broken")
    line = json.loads(capsys.readouterr().err)
    assert (line["level"], line["logger"]) == ("error", "x")
    assert line["message"].startswith("broken\nTraceback")
    assert "tops3cret" not in line["message"]


@pytest.mark.parametrize(("verbose", "lines"), [(False, 1), (True, 2)])
def test_only_errors_are_logged_unless_asked(
    verbose: bool, lines: int, capsys: pytest.CaptureFixture[str]
) -> None:
    configure({}, [], verbose=verbose)
    logging.getLogger("x").warning("retried")
    logging.getLogger("x").error("broken")
    assert len(capsys.readouterr().err.splitlines()) == lines


@pytest.mark.parametrize("wrong", [{"PENSTOCK_LOG": "xml"}, {"PENSTOCK_LOG_LEVEL": "loud"}])
def test_a_wrong_setting_is_told(wrong: dict[str, str]) -> None:
    with pytest.raises(ConfigError):
        configure(wrong, [])
