"""Bodies of API pages, whole and damaged."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.sdk.json_pages import NoEnvelope, NotAnArray, PageReader
from penstock.sdk.json_slices import NotJson


def _ids(reader: PageReader, body: bytes) -> list:
    return reader.values(reader.decode(body).rows, "id")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", NotJson),
        (b"   ", NotJson),
        (b"null", NotJson),
        (b"[]", NotJson),
        (b"<html></html>", NotJson),
        (b'{"rows":[{"id":1}', NotJson),
        (b'{"rows":[{"id":"1}]}', NotJson),
        (b'{"rows":[{"id":1}]}}', NotJson),
        (b'{"rows":[{"id":1}]} {}', NotJson),
        (b'{"rows":[{"id":1},]}', NotJson),
        (b'{"rows":[{"id":1]}}', NotJson),
        (b"{rows:[]}", NotJson),
        (b'{"\xff":[]}', NotJson),
        (b"{}", NoEnvelope),
        (b'{"row":[]}', NoEnvelope),
        (b'{"meta":{"rows":[]}}', NoEnvelope),
        (b'{"rows":null}', NotAnArray),
        (b'{"rows":{}}', NotAnArray),
        (b'{"rows":"[]"}', NotAnArray),
    ],
)
def test_bodies_that_are_no_page_say_what_is_wrong(body: bytes, error: type[ValueError]) -> None:
    reader = PageReader("rows")
    for _ in range(2):
        with pytest.raises(error):
            reader.decode(body)
        assert _ids(reader, b'{"rows":[{"id":1}],"meta":{}}') == [1]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b'{"id":2,"t":"\\ud800"}', "decoded"),
        (b'{"id":2,"t":"\\ud800\\u0041"}', "decoded"),
        (b'{"id":2,"\\udc00":1}', "decoded"),
        (b'{"id":2,"t":"\xff"}', "UTF-8"),
        (b'{"id":2,"t":"\x01"}', "decoded"),
        (b'{"id":2,"t":"\\x"}', "decoded"),
        (b'{"id":2,"t":oops}', "decoded"),
        (b'{"id":2,"t":' + b"[" * 200_000 + b"]" * 200_000 + b"}", "deeply"),
        (b"null", "object"),
        (b"7", "object"),
        (b'"a,]}b"', "object"),
        (b'[{"id":2}]', "object"),
    ],
)
def test_one_bad_row_is_set_aside_and_the_others_go_on(row: bytes, reason: str) -> None:
    reader = PageReader("rows", frozenset({"links"}))
    good = b'{"id":1,"links":{"a":"]"}}'
    body = b'{"meta":{"total":"3"},"rows":[ ' + good + b" , " + row + b',{"id":3, "new":"x"}]}'
    for _ in range(2):
        page = reader.decode(body)
        assert reader.values(page.rows, "id") == [1, 3]
        assert [raw for raw, _ in page.bad] == [row]
        assert reason in page.bad[0][1]
        assert page.count == 3
        assert page.other == {"meta": {"total": "3"}}


def test_members_appear_in_order_and_dropped_ones_never() -> None:
    reader = PageReader("rows", frozenset({"links"}))
    reader.decode(b'{"rows":[{"b":1,"links":[]},{"a":1,"b":2}]}')
    reader.decode(b'{"rows":[{"c":1,"a":2}]}')
    assert reader.members == ["b", "a", "c"]


def test_a_row_without_a_member_has_none_there() -> None:
    reader = PageReader("rows")
    rows = reader.decode(b'{"rows":[{"a":1},{"b":2}]}').rows
    rows += reader.decode(b'{"rows":[{"c":3}]}').rows
    assert reader.values(rows, "b") == [None, 2, None]
    assert reader.values(rows, "unheard of") == [None] * 3


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "\x7f1", "\x00", "", "f0", "é/"])
def test_any_name_will_do_for_a_member(name: str) -> None:
    reader = PageReader("rows", frozenset({"links"}))
    body = json.dumps({"rows": [{"id": 1, "links": [], name: 1.5}, {"id": 2}], name: "x"})
    for _ in range(2):
        page = reader.decode(body.encode())
        assert reader.values(page.rows, name) == ["1.5", None]
        assert reader.values(page.rows, "id") == [1, 2]
        assert page.other == {name: "x"}


def test_sideloads_may_come_and_go() -> None:
    reader = PageReader("rows")
    assert reader.decode(b'{"rows":[]}').other == {}
    assert reader.decode(b'{"side":[{"x":1.5}],"rows":[]}').other == {"side": [{"x": 1.5}]}
    assert reader.decode(b'{"rows":[]}').other == {}


def test_a_sideload_that_cannot_be_read_harms_no_row() -> None:
    page = PageReader("rows").decode(b'{"side":"\\ud800","rows":[{"id":1}]}')
    assert (page.count, page.bad, page.other) == (1, [], {"side": None})


@pytest.mark.parametrize(
    ("row", "found"),
    [
        (b'{"id":"7","t":"' + b"x" * 99 + b'"}', "7"),
        (b'{"id":7,"t":"' + b"x" * 99 + b'"}', "7"),
        (b'{"t":"' + b"x" * 99 + b'"}', None),
        (b'"' + b"x" * 99 + b'"', None),
        (b'{"id":"7","t":"\\ud800' + b"x" * 99 + b'"}', None),
    ],
)
def test_rows_over_the_limit_are_reported_with_their_id(row: bytes, found: str | None) -> None:
    reader = PageReader("rows", max_row_bytes=60)
    page = reader.decode(b'{"rows":[{"id":"1"},' + row + b',{"id":"3"}]}')
    assert reader.values(page.rows, "id") == ["1", "3"]
    assert (page.oversize, page.bad, page.count) == ([(found, row)], [], 3)


def test_many_small_rows_are_not_oversize() -> None:
    reader = PageReader("rows", max_row_bytes=60)
    assert reader.decode(b'{"rows":[' + b",".join([b'{"id":1}'] * 50) + b"]}").count == 50


def test_a_byte_order_mark_is_no_harm() -> None:
    assert _ids(PageReader("rows"), b'\xef\xbb\xbf{"rows":[{"id":1}]}') == [1]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    pages=st.lists(
        st.tuples(
            st.lists(json_values | st.dictionaries(st.text(), json_values, max_size=4), max_size=5),
            st.dictionaries(st.text(), json_values, max_size=2),
            st.booleans(),
        ),
        max_size=4,
    )
)
def test_every_element_of_every_page_arrives_once_and_unchanged(pages: list) -> None:
    reader = PageReader("rows")
    for elements, others, ascii_only in pages:
        body = json.dumps({**others, "rows": elements}, ensure_ascii=ascii_only)
        page = reader.decode(body.encode(errors="surrogatepass"))
        assert page.count == len(elements)
        good = [e for e in elements if isinstance(e, dict)]
        if not _has_surrogates(pages):
            assert len(page.rows) == len(good)
            for member in reader.members:
                assert reader.values(page.rows, member) == [row.get(member) for row in good]
            assert page.other == {k: v for k, v in others.items() if k != "rows"}


def _has_surrogates(value: object) -> bool:
    return any("\ud800" <= c <= "\udfff" for c in repr(value)) or "\\ud" in repr(value)


@given(st.binary(max_size=60))
def test_arbitrary_bytes_are_a_page_or_refused(noise: bytes) -> None:
    reader = PageReader("rows")
    for body in (noise, b'{"rows":[' + noise + b"]}", b'{"rows":[{"id":1},' + noise + b"]}"):
        try:
            reader.decode(body)
        except (NotJson, NoEnvelope, NotAnArray):
            continue
