"""Tables read back for a comparison: whole, in part, and as sums of hashes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, ClassVar, Final

import pyarrow as pa

from penstock.core.convert import convert
from penstock.core.digest import DigestPlan, Form, KeyBuckets, Part
from penstock.core.keys import KeyRange
from penstock.core.load import WriteMode
from penstock.sdk.conformance.kit import Loads, Row, Suite
from penstock.sdk.conformance.reference import bucket_of, digest_of
from penstock.sdk.destination import TableRead
from penstock.sdk.sql import SqlDestination

_SHAPE: Final = pa.schema([
    ("id", pa.int64()), ("v", pa.string()), ("yes", pa.bool_()), ("n", pa.decimal128(12, 3)),
    ("f", pa.float64()), ("raw", pa.binary()), ("day", pa.date32()), ("hour", pa.time64("us")),
    ("local", pa.timestamp("us")), ("moment", pa.timestamp("us", tz="UTC")),
])  # fmt: skip
_FORMS: Final = (
    Form.INTEGER, Form.TEXT, Form.BOOLEAN, Form.DECIMAL, Form.DOUBLE, Form.BYTES, Form.DATE,
    Form.TIME, Form.TIMESTAMP, Form.TIMESTAMPTZ,
)  # fmt: skip
_COLUMNS: Final = tuple(zip(_SHAPE.names, _FORMS, strict=True))
_AT: Final = datetime(2025, 7, 14, 18, 22, 5, 500_000)  # noqa: DTZ001 (the column has no zone)
_EMPTY: Final = dict.fromkeys(_SHAPE.names)
VALUES: Final[list[dict[str, Any]]] = [
    {"id": 1, "v": "a", "yes": True, "n": Decimal("1.500"), "f": 0.5, "raw": b"\x00\xff",
     "day": date(2025, 2, 28), "hour": time(12, 30), "local": _AT,
     "moment": _AT.replace(tzinfo=UTC)},
    {"id": -7, "v": "", "yes": False, "n": Decimal("-0.001"), "f": -2.25, "raw": b"",
     "day": date(1969, 12, 31), "hour": time(23, 59, 59, 999_999),
     "local": _AT.replace(microsecond=0), "moment": datetime(1970, 1, 1, tzinfo=UTC)},
    {**_EMPTY, "id": 30, "v": "ünï ☃ 𝄞, 1:x "},
    {**_EMPTY, "id": 2_000_000_000_000, "v": "e\u0301 \\ ' \" -"},
]  # fmt: skip


class ReadingBack(Suite):
    """Tests of `read`, `returned`, `key_span` and `digest`, which `penstock verify` stands on."""

    digests: ClassVar[bool] = True
    """The engine computes sums of hashes."""

    def filled(self, destination: SqlDestination, loads: Loads) -> None:
        self.put(destination, loads(VALUES, shape=_SHAPE, table="kinds"))

    def seen(self, destination: SqlDestination, part: Part = (), **more: Any) -> list[int]:
        """Ids of the rows of a part."""
        table = more.pop("table", "kinds")
        wanted = TableRead(table, ("id",), ("id",), part, **more)
        ids = [value for batch in destination.read(wanted) for value in batch[0].to_pylist()]
        return sorted(ids)

    def test_rows_come_back_as_they_were_given_in_the_types_that_are_told(
        self, destination: SqlDestination, loads: Loads
    ) -> None:
        self.filled(destination, loads)
        types = destination.returned("kinds")
        assert types is not None
        wanted = TableRead("kinds", tuple(_SHAPE.names), ("id",))
        batches = list(destination.read(wanted))
        for batch in batches:
            assert batch.schema.names == _SHAPE.names
            assert [f.type for f in batch.schema] == [types.field(f.name).type for f in _SHAPE]
        rows = [row for batch in batches for row in batch.to_pylist()]
        assert sorted(rows, key=_id) == sorted(_as_told(types), key=_id)

    def test_what_is_not_there_is_not_read(self, destination: SqlDestination) -> None:
        assert destination.returned("nothing") is None
        assert self.seen(destination, table="nothing") == []
        assert destination.key_span("nothing", "id") is None

    def test_a_part_is_read_by_ranges_or_by_buckets(
        self, destination: SqlDestination, loads: Loads
    ) -> None:
        self.filled(destination, loads)
        ids = sorted(row["id"] for row in VALUES)
        assert self.seen(destination) == ids
        assert self.seen(destination, (KeyRange(1, 29), KeyRange(30, 30))) == [1, 30]
        assert self.seen(destination, (KeyRange(None, 0),)) == [-7]
        for key in (("id", Form.INTEGER),), (("id", Form.INTEGER), ("v", Form.TEXT)):
            for number in range(3):
                buckets = KeyBuckets(key, 3, (number,))
                found = self.seen(destination, buckets)
                named = sorted(r["id"] for r in VALUES if bucket_of(r, buckets) == number)
                assert found == named if self.digests else set(found) >= set(named)

    def test_sums_are_those_of_every_engine(
        self, destination: SqlDestination, loads: Loads
    ) -> None:
        self.filled(destination, loads)
        buckets = KeyBuckets((("v", Form.TEXT),), 5)
        plans = [
            DigestPlan(_COLUMNS),
            DigestPlan(_COLUMNS, "id", low=-7, width=10),
            DigestPlan(_COLUMNS, buckets=buckets),
        ]
        # By columns, so that a failure names the type.
        plans += [DigestPlan((("id", Form.INTEGER), column)) for column in _COLUMNS[1:]]
        for plan in plans:
            wanted = digest_of(VALUES, plan) if self.digests else None
            assert destination.digest("kinds", plan) == wanted, plan

    def test_rows_that_are_flagged_as_deleted_count_nowhere(
        self, destination: SqlDestination, loads: Loads
    ) -> None:
        self.needs(destination, WriteMode.MERGE)
        self.put(destination, loads([{"id": n, "v": "a"} for n in (1, 5, 9)]))
        self.put(destination, loads([{"id": 9, "at": 200, "op": "D"}]))
        assert self.seen(destination, table="people") == [1, 5]
        plan = DigestPlan((("id", Form.INTEGER), ("v", Form.TEXT)))
        if self.digests:
            assert destination.key_span("people", "id") == (1, 5)
            left = [{"id": n, "v": "a"} for n in (1, 5)]
            assert destination.digest("people", plan) == digest_of(left, plan)

    def test_of_a_history_the_active_versions_count(
        self, destination: SqlDestination, loads: Loads
    ) -> None:
        self.needs(destination, WriteMode.HISTORY)
        rows: list[Row] = [{"id": 1, "v": "a"}, {"id": 2, "v": "a"}]
        self.put(destination, loads(rows, WriteMode.HISTORY))
        self.put(destination, loads([{"id": 1, "v": "b", "at": 200}], WriteMode.HISTORY))
        assert self.seen(destination, table="people") == [1, 2]
        plan = DigestPlan((("id", Form.INTEGER), ("v", Form.TEXT)))
        if self.digests:
            active = [{"id": 1, "v": "b"}, {"id": 2, "v": "a"}]
            assert destination.digest("people", plan) == digest_of(active, plan)

    def test_of_appended_rows_the_newest_of_a_key_is_read(
        self, destination: SqlDestination, loads: Loads
    ) -> None:
        self.needs(destination, WriteMode.APPEND)
        self.put(destination, loads([{"id": 1, "v": "a", "at": 100}], WriteMode.APPEND))
        self.put(destination, loads([{"id": 1, "v": "b", "at": 200}], WriteMode.APPEND))
        wanted = TableRead("people", ("id", "v"), ("id",), newest=True)
        rows = [row for batch in destination.read(wanted) for row in batch.to_pylist()]
        assert rows == [{"id": 1, "v": "b"}]


def _as_told(types: pa.Schema) -> list[dict[str, Any]]:
    """The values in the destination's types: some have none for bytes, and give text."""
    given = pa.Table.from_pylist(VALUES, schema=_SHAPE)
    columns = [
        convert(given.column(f.name).combine_chunks(), f.type, types.field(f.name).type).array
        for f in _SHAPE
    ]
    rows: list[dict[str, Any]] = pa.table(columns, names=_SHAPE.names).to_pylist()
    return rows


def _id(row: Mapping[str, Any]) -> int:
    return int(row["id"])
