"""Ids of rows without a key: the examples of docs/row-ids.md, which hold for ever."""

from __future__ import annotations

import hashlib
import json
import re
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.stream import RowId
from penstock.sdk.json_columns import JsonColumns
from penstock.sdk.json_pages import PageReader
from penstock.sdk.row_ids import canonical_number, row_id

PAGE = Path(__file__).parents[3] / "docs" / "row-ids.md"
WHOLE = RowId()
DAYS = RowId(("day", "campaign"))
CLICK = "9330c0988770720342601ceb88ea97a2520ac1795650409390fc88294ec4b8c4"


# Made with sha256sum from the canonical forms, which were written by hand.
@pytest.mark.parametrize(
    ("record", "spec", "found"),
    [
        ('{"what":"click","at":"2025-01-01","n":null}', WHOLE, CLICK),
        ('\n{ "n" : null, "at" : "2025-01-01", "what" : "\\u0063lick" }', WHOLE, CLICK),
        (
            '{"b":{"\\u00e9":"\\u000a\\u001F\\"\\/"},"a":[{"y":1.0,"x":2},null]}',
            WHOLE,
            "048339be167a52161ac4662e326ee130b01d4798795c1424a1daf089af554ca7",
        ),
        (
            (
                '{"n":[-0.0,1.0,1.50,-12.3,1e-6,0.0000001,1E20,1e21,333333333.33333329,'
                "123456789012345678901234567890]}"
            ),
            WHOLE,
            "6dd3d80e75ecff9d89790cc00c5fe53d545ffaca0a8e0866bdd0554929f2e834",
        ),
        (
            '{"day":"2025-01-01","campaign":"spring","cost":10}',
            DAYS,
            "c40cef5737e28c4a46553272a00631954c18190ee77cf9e63bd50b38ed0a4f10",
        ),
        (
            '{"day":"2025-01-01","cost":11}',
            DAYS,
            "b158552546b27fa1b422d27dd874d96fe3a339636000a72829e4eb404c98ce20",
        ),
        (
            "{}",
            WHOLE,
            "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        ),
        # The example of RFC 8785, 3.2.2, whose first number keeps its digits here.
        (
            (
                '{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, '
                "0.000000000000000000000000001], "
                '"string": "\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/", '
                '"literals": [null, true, false]}'
            ),
            WHOLE,
            "0074c281498b09fdf5849e778773eed7e1f6cc8747b36c936f32d9d829c9b62a",
        ),
    ],
)
def test_an_id_is_for_ever(record: str, spec: RowId, found: str) -> None:
    assert row_id(record.encode(), spec) == found


def test_null_and_missing_differ_and_what_is_dropped_does_not_count() -> None:
    without = row_id(b'{"what":"click","at":"2025-01-01"}', WHOLE)
    assert without != CLICK
    assert (
        row_id(b'{"what":"click","at":"2025-01-01","n":3}', RowId(drop=frozenset("n"))) == without
    )


@pytest.mark.parametrize(
    "record", [b"[1]", b"", b'{"a":', b'{"a":"\xff"}', b'{"a":"\\ud800"}', b"null"]
)
def test_what_is_no_record_has_no_id(record: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        row_id(record, WHOLE)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), values, max_size=5))
def test_another_library_finds_the_same(record: dict) -> None:
    plain = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    # The standard library escapes as RFC 8785 does but for one character.
    spaced = json.dumps(record, indent=3, ensure_ascii=True)
    expected = hashlib.sha256(plain.encode()).hexdigest()
    assert row_id(spaced.encode(), WHOLE) == expected


digits = st.from_regex(
    r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?", fullmatch=True
)


@given(digits.filter(lambda text: not re.fullmatch("-?[0-9]+", text)))
def test_a_number_has_one_form_of_its_own_value(text: str) -> None:
    form = canonical_number(text)
    assert Decimal(form) == Decimal(text)
    assert canonical_number(f"{form}.0" if form.lstrip("-").isdigit() else form) == form
    assert not re.search(r"[E+]0|\.[0-9]*0$|^-?0[0-9]|-0$|^\+", form)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_written_as_ecmascript_writes_it(number: float) -> None:
    form = canonical_number(f"{number!r}")
    assert float(form) == number
    plain = 1e-6 <= abs(number) < 1e21 or number == 0
    assert ("e" in form) is not plain


def test_pages_give_ids_beside_rows_whatever_came_before() -> None:
    reader = PageReader("rows", row_id=WHOLE)
    alone = row_id(b'{"a":1}', WHOLE)
    assert reader.decode(b'{"rows":[{"a":1}]}').ids == [alone]
    bad = b'{"rows":[{"a":1},{"a":2,"b":null},7,{"a":"\\ud800"},{"a":1.0}],"meta":{}}'
    page = reader.decode(bad)
    assert reader.values(page.rows, "a") == [1, 2, "1.0"]
    assert page.ids == [alone, row_id(b'{"b":null,"a":2}', WHOLE), alone]
    assert len(page.bad) == 2
    # The reader knows b now; the record without it is the same as before.
    assert reader.decode(b'{"rows":[{"a":1},{"a":2,"b":null}]}').ids == page.ids[:2]


def test_rows_with_a_key_get_no_ids() -> None:
    columns = JsonColumns((), envelope="rows")
    assert columns.decode(b'{"rows":[{"a":1},{"b":2}]}').ids == []


def test_the_page_tells_the_examples_as_they_are() -> None:
    rows = re.findall(
        r"^\| `(\{.*\})` \| (`[^|]*`|) ?\| `([0-9a-f]{64})` \|$", PAGE.read_text(), re.MULTILINE
    )
    assert len(rows) == 5
    for record, fields, found in rows:
        spec = RowId(tuple(re.findall(r"\w+", fields)))
        assert row_id(record.encode(), spec) == found, record
