"""Objects of one name in two pipelines into one destination are told (pipelines.md 12.2)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from penstock.core.load import WriteMode
from penstock.core.mapping import Mapping
from penstock.core.spec import PipelineSpec
from penstock.core.stream import Stream
from penstock.engine.task import StreamPlan
from penstock.store import Catalog
from penstock.worker.sharing import shared_tables

STREAM = Stream("contacts", pa.schema([("id", pa.int64())]), ("id",))
PLAN = StreamPlan(STREAM, "contacts", WriteMode.MERGE, ("id",))


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with closing(Catalog.open(str(tmp_path / "catalog.db"))) as opened:
        for name in ("one", "two"):
            opened.pipelines.ensure(name, "activecampaign", "duckdb")
        opened.mappings.save("one", Mapping("contacts", "contacts", ("id",)))
        yield opened


def told(catalog: Catalog, **differs: Any) -> list[str]:
    one = PipelineSpec(source="a", destination="d")
    two = PipelineSpec(**{"source": "b", "destination": "d", **differs})
    return list(shared_tables(catalog, {"one": one, "two": two}, "two", [PLAN]))


def test_the_second_pipeline_hears_of_the_first_and_of_a_prefix(catalog: Catalog) -> None:
    [text] = told(catalog)
    assert "pipeline one fills tables of this one too: contacts." in text
    assert "destination_prefix" in text


def test_of_many_tables_some_are_named(catalog: Catalog) -> None:
    plans = []
    for name in ("a", "b", "c", "d", "e"):
        catalog.mappings.save("one", Mapping(name, f"t_{name}", ("id",)))
        plans.append(StreamPlan(replace(STREAM, name=name), name, WriteMode.MERGE, ("id",)))
    both = {name: PipelineSpec(source=name, destination="d") for name in ("one", "two")}
    [text] = shared_tables(catalog, both, "two", plans)
    assert "t_a, t_b, t_c and 2 more." in text


@pytest.mark.parametrize("differs", [{"destination": "e"}, {"destination_prefix": "b"}])
def test_tables_that_are_apart_are_not_told(catalog: Catalog, differs: Any) -> None:
    assert told(catalog, **differs) == []


def test_a_pipeline_that_left_the_object_out_since_is_none(catalog: Catalog) -> None:
    one = PipelineSpec.model_validate(
        {"source": "a", "destination": "d", "objects": {"exclude": ["contacts"]}}
    )
    two = PipelineSpec(source="b", destination="d")
    assert list(shared_tables(catalog, {"one": one, "two": two}, "two", [PLAN])) == []
    assert list(shared_tables(catalog, {"two": two}, "two", [PLAN])) == []
