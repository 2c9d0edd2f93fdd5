"""Finding the key of a row in a body that passes by."""

from __future__ import annotations

import json

import pytest

from penstock.sdk.json_skim import RowKey


def skim(body: bytes, records: str = "rows", field: str = "id", size: int = 7) -> str | None:
    looking = RowKey(records, field)
    for at in range(0, len(body), size):
        if looking.feed(body[at : at + size]):
            break
    return looking.found


@pytest.mark.parametrize("size", [1, 2, 3, 5, 64, 4096])
@pytest.mark.parametrize("row_id", ["71", 71])
def test_a_key_is_found_wherever_chunks_end(size: int, row_id: object) -> None:
    row = {"text": 'a "quoted" \\ {"id": "9"} é' * 20, "links": {"id": "8"}, "id": row_id}
    body = {"meta": {"rows": [{"id": "1"}]}, "id": "2", "others": [{"id": "3"}], "rows": [row]}
    assert skim(json.dumps(body).encode(), size=size) == "71"


@pytest.mark.parametrize(
    ("body", "records", "found"),
    [
        (b'{"data": {"rows": [{"id": "7"}]}}', "data.rows", "7"),
        (b'[{"x": [1, {"id": 5}], "id": 7}]', "", "7"),
        (b'{"rows": [{"\\u0069d": "7\\/8"}]}', "rows", "7/8"),
        (b'{"rows": [{"id": null}, {"id": 8}]}', "rows", "8"),
        (b'{"rows": [{"id": true}]}', "rows", None),
        (b'{"rows": []}', "rows", None),
        (b'{"rows": {"id": "7"}}', "rows", None),
        (b"<html>id</html>", "rows", None),
        (b"]]}}", "rows", None),
        (b"", "rows", None),
    ],
)
def test_only_the_key_of_a_row_counts(body: bytes, records: str, found: str | None) -> None:
    assert skim(body, records) == found


def test_what_passes_by_is_not_kept() -> None:
    looking = RowKey("rows", "id")
    looking.feed(b'{"rows": [{"text": "')
    for _ in range(100):
        assert not looking.feed(b"x" * 10_000)
    held = [value for value in vars(looking).values() if isinstance(value, bytes)]
    assert sum(map(len, held)) <= 2_000
    assert looking.feed(b'", "id": "7"}')
