"""Tables that fit the terminal."""

from __future__ import annotations

import pytest

from penstock.cli.table import Column, cell_width, render

COLUMNS = (
    Column("name"),
    Column("extra", drop=1),
    Column("first to go", drop=2),
    Column("rows", lambda n: f"{n:,}", right=True),
    Column("reason", cut=True),
)
ROWS = (
    {"name": "contacts", "extra": "x", "first to go": "y", "rows": 1234, "reason": "too long " * 4},
    {"name": "deals", "extra": None, "first to go": "", "rows": 5, "reason": "short"},
)


def test_columns_are_aligned() -> None:
    assert render(COLUMNS, ROWS, None) == [
        "name      extra  first to go   rows  reason",
        "contacts  x      y            1,234  too long too long too long too long",
        "deals     -      -                5  short",
    ]


def test_no_line_is_wider_than_the_terminal() -> None:
    for width in (30, 40, 60, 80):
        assert max(map(len, render(COLUMNS, ROWS, width))) <= width


def test_the_least_important_columns_go_first() -> None:
    assert render(COLUMNS, ROWS, 62)[0].split() == ["name", "extra", "rows", "reason"]
    assert render(COLUMNS, ROWS, 57)[0].split() == ["name", "rows", "reason"]


def test_long_text_is_cut_when_nothing_is_left_to_drop() -> None:
    assert render(COLUMNS, ROWS, 35)[1] == "contacts  1,234  too long too long…"


def test_control_characters_of_data_never_reach_the_terminal() -> None:
    lines = render([Column("a")], [{"a": "x\x1b[31m\ny"}], None)
    assert lines[1] == "x [31m y"


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("日本", 4), ("é", 1), ("e\u0301", 1)])
def test_width_is_that_on_the_screen(text: str, width: int) -> None:
    assert cell_width(text) == width


def test_a_table_without_rows_is_its_heading() -> None:
    assert render([Column("a"), Column("b")], [], 80) == ["a  b"]
