"""Log lines: form, level, and no secrets."""

from __future__ import annotations

import json
import logging
import textwrap
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


@pytest.mark.parametrize("kind", ["text", "json"])
def test_no_line_of_a_key_is_in_a_traceback(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = ["MIIEvQIBADANBgkqhkiG9w0BAQEFAASC", "BKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"]
    key = "\n".join(["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----"])
    configure({"PENSTOCK_LOG": kind}, [key])
    try:
        raise ValueError(textwrap.indent(key, "  > "))
    except ValueError:
        logging.getLogger("driver").exception("bad key %r", key)
    told = capsys.readouterr().err
    assert "ValueError" in told
    assert [line for line in lines if line in told] == []


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
