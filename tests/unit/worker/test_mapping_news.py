"""The activity log tells of columns that were promoted or are new (pipelines.md 12.9)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest

from penstock.core.mapping import Column, Mapping
from penstock.core.records import Severity
from penstock.store import Catalog
from penstock.worker.memory import CatalogMemory


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with closing(Catalog.open(str(tmp_path / "catalog.db"))) as opened:
        opened.pipelines.ensure("crm", "activecampaign", "duckdb")
        yield opened


def mapping(version: int, **types: pa.DataType) -> Mapping:
    columns = (Column(f"{name}Field", name, pa.field(name, kind)) for name, kind in types.items())
    return Mapping("deals", "ac_deals", ("id",), tuple(columns), version)


def told(catalog: Catalog, *versions: Mapping) -> list[tuple[str, str]]:
    memory = CatalogMemory(catalog, "crm", "warehouse")
    for version in versions:
        memory.save_mapping(version)
    entries = catalog.activity.list(pipeline="crm")
    assert {entry.severity for entry in entries} <= {Severity.MEDIUM}
    return [(entry.action, entry.summary) for entry in entries]


def test_a_promotion_is_told_with_its_old_and_new_type(catalog: Catalog) -> None:
    first = mapping(1, id=pa.int64(), value=pa.int64())
    second = mapping(2, id=pa.int64(), value=pa.decimal128(20, 2))
    assert told(catalog, first, second) == [
        ("mapping.promoted", "ac_deals.value was LONG and is DECIMAL(20,2) now.")
    ]
    [entry] = catalog.activity.list()
    assert entry.details == {
        "event_type": "deals",
        "field": "valueField",
        "table": "ac_deals",
        "column": "value",
        "before": "LONG",
        "after": "DECIMAL(20,2)",
    }


def test_new_columns_are_told_together(catalog: Catalog) -> None:
    first = mapping(1, id=pa.int64())
    second = mapping(2, id=pa.int64(), won=pa.bool_(), at=pa.date32())
    assert told(catalog, first, second) == [
        ("mapping.columns_added", "ac_deals has new columns: won, at.")
    ]


def test_the_first_mapping_and_a_first_type_are_no_news(catalog: Catalog) -> None:
    first = mapping(1, id=pa.int64(), note=pa.null())
    second = mapping(2, id=pa.int64(), note=pa.string())
    assert told(catalog, first, second, second) == []
