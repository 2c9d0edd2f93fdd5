"""Keeping secrets out of what people see."""

from __future__ import annotations

import pytest

from penstock.control.secrets import has_password, redact


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        pytest.param("sent tops3cret!", "sent ********!", id="a known one"),
        pytest.param("b64 dG9wczNjcmV0", "b64 ********", id="in base64"),
        pytest.param("postgresql://u:pw@h/d", "postgresql://u:********@h/d", id="in a URL"),
        pytest.param("Api-Token: abc", "Api-Token: ********", id="by its header"),
        pytest.param('{"password": "x y"}', '{"password": ********}', id="by its name"),
        pytest.param("authorization: Bearer abc", "authorization: ********", id="bearer"),
        pytest.param("a table of tokens", "a table of tokens", id="a word alone"),
    ],
)
def test_secrets_are_blotted_out(text: str, clean: str) -> None:
    assert redact(text, ["tops3cret"]) == clean


def test_short_values_do_not_blot_out_words() -> None:
    assert redact("on and on", ["on"]) == "on and on"


def test_a_password_by_reference_is_no_clear_text() -> None:
    assert has_password("postgresql://u:pw@h/d")
    assert not has_password("postgresql://u:${PW}@h/d")
    assert not has_password("https://example.com/a@b")
