"""Keeping secrets out of what people see."""

from __future__ import annotations

import base64
import html
import json
import textwrap
from urllib.parse import quote, quote_plus

import pytest

from penstock.control.secrets import HIDDEN, has_password, redact, redacted


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        pytest.param("sent tops3cret!", "sent ********!", id="a known one"),
        pytest.param("b64 dG9wczNjcmV0", "b64 ********", id="in base64"),
        pytest.param("postgresql://u:pw@h/d", "postgresql://u:********@h/d", id="in a URL"),
        pytest.param("Api-Token: abc", "Api-Token: ********", id="by its header"),
        pytest.param('{"password": "x y"}', '{"password": ********}', id="by its name"),
        pytest.param("authorization: Bearer abc", "authorization: ********", id="bearer"),
        pytest.param("postgres://u:${PW}@h/d", "postgres://u:${PW}@h/d", id="a reference"),
        pytest.param("?api_key=${AC_API_KEY}&x", "?api_key=${AC_API_KEY}&x", id="one by its name"),
        pytest.param("?api_key=${AC&x", "?api_key=********", id="no reference"),
        pytest.param("a table of tokens", "a table of tokens", id="a word alone"),
    ],
)
def test_secrets_are_blotted_out(text: str, clean: str) -> None:
    assert redact(text, ["tops3cret"]) == clean


ODD = "o'd\"d%+ü<&\\n"


@pytest.mark.parametrize(
    "form",
    [
        pytest.param(ODD, id="as it is"),
        pytest.param(repr(ODD), id="in a traceback"),
        pytest.param(repr(ODD.encode()), id="as bytes"),
        pytest.param(json.dumps(ODD), id="in JSON"),
        pytest.param(json.dumps(ODD, ensure_ascii=False), id="in JSON with its letters"),
        pytest.param(html.escape(ODD), id="in HTML"),
        pytest.param(quote(ODD, safe=""), id="in a URL"),
        pytest.param(quote(ODD, safe="").lower(), id="in a URL of small letters"),
        pytest.param(quote_plus(ODD), id="in a form"),
        pytest.param(base64.urlsafe_b64encode(ODD.encode()).decode(), id="in base64 for URLs"),
    ],
)
def test_a_secret_is_known_in_every_form(form: str) -> None:
    quotes = str.maketrans("", "", "'\"")
    assert redact(f"said {form}", [ODD]).translate(quotes) in ("said ********", "said b********")


BODY = ["MIIEvQIBADANBgkqhkiG9w0BAQEFAASC", "BKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj", "MzEfYyji/wQ=="]
PEM = "\n".join(["-----BEGIN PRIVATE KEY-----", *BODY, "-----END PRIVATE KEY-----", ""])
ACCOUNT = json.dumps({"type": "service_account", "private_key": PEM})
"""As in the key file of a cloud: the key's line ends are written as two characters."""


@pytest.mark.parametrize("secret", [PEM, PEM.replace("\n", "\r\n"), ACCOUNT])
@pytest.mark.parametrize(
    "said",
    [
        pytest.param(PEM, id="as it is"),
        pytest.param(PEM.strip(), id="without the last line end"),
        pytest.param(textwrap.indent(PEM, "    | "), id="indented, as in a traceback"),
        pytest.param(repr(PEM), id="quoted"),
        pytest.param(PEM[:70], id="cut short"),
        pytest.param(" ".join(BODY), id="in one line"),
        pytest.param(json.dumps({"key": PEM}), id="in JSON"),
        pytest.param(quote(PEM, safe=""), id="in a URL"),
    ],
)
def test_no_line_of_a_key_is_said(secret: str, said: str) -> None:
    told = redact(f"could not read {said}", [secret])
    assert HIDDEN in told
    assert [line for line in BODY if line in told] == []


def test_records_are_cleaned_in_depth() -> None:
    record = {"a": ["tops3cret", 1, None], "b": {"c": "tops3cret"}}
    assert redacted(record, ["tops3cret"]) == {"a": ["********", 1, None], "b": {"c": "********"}}


def test_short_values_do_not_blot_out_words() -> None:
    assert redact("on and on", ["on"]) == "on and on"


def test_a_password_by_reference_is_no_clear_text() -> None:
    assert has_password("postgresql://u:pw@h/d")
    assert not has_password("postgresql://u:${PW}@h/d")
    assert not has_password("https://example.com/a@b")
