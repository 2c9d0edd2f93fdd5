"""What the tests of the suite share: loads made of plain rows, and tables read back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from penstock.core import metadata
from penstock.core.load import Deletes, Receipt, TableLoad, WriteMode
from penstock.core.metadata import LEFT_OUT_BITS, left_out_column
from penstock.sdk.sql import SqlDestination

PEOPLE = pa.schema([("id", pa.int64()), ("v", pa.string())])
NOW = 999
Row = Mapping[str, Any]
Rows = list[tuple[Any, ...]]


class Loads:
    """Makes loads. A row is its fields and, where they matter, `at`, `op`, `seq` and `hint`, and
    `out`, the names of the columns that a log left out of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)

    def __call__(
        self,
        rows: Sequence[Row],
        mode: WriteMode = WriteMode.MERGE,
        *,
        shape: pa.Schema = PEOPLE,
        table: str = "people",
        key: tuple[str, ...] = ("id",),
        deletes: bool = True,
        modified: bool = False,
        **more: Any,
    ) -> TableLoad:
        number = next(self._numbers)
        ours = [pa.field(metadata.INGESTED_AT, pa.int64())]
        if deletes:
            ours.append(pa.field(metadata.DELETED, pa.bool_()))
        if modified:
            ours.append(pa.field(metadata.SOURCE_MODIFIED_AT, pa.int64()))
        schema = pa.schema([*shape, *ours])
        left_out = {
            name: place for place, name in enumerate(shape.names)
            if any(name in row.get("out", ()) for row in rows)
        }  # fmt: skip
        files = (self._file(number, rows, schema, left_out),) if rows else ()
        settings: dict[str, Any] = {
            "load_id": f"load-{number}",
            "pipeline": "suite",
            "loaded_at": NOW,
            "package_no": number,
            "left_out": left_out,
            "deletes": more.pop("deletes_as", Deletes.SOFT),
        }
        return TableLoad(
            table=table, schema=schema, key=key, mode=mode, files=files, rows=len(rows),
            **{**settings, **more},
        )  # fmt: skip

    def keys(
        self, values: Sequence[Any], kind: pa.DataType | None = None, *, name: str = "id"
    ) -> Path:
        """A file of keys, as a complete read leaves it."""
        file = self._folder / f"keys-{next(self._numbers)}.parquet"
        pq.write_table(pa.table({name: pa.array(values, kind or pa.int64())}), file)
        return file

    def _file(
        self, number: int, rows: Sequence[Row], schema: pa.Schema, left_out: Mapping[str, int]
    ) -> Path:
        staged = pa.schema(
            [
                *schema,
                pa.field(metadata.OP, pa.string()),
                pa.field(metadata.SEQ, pa.int64()),
                pa.field(metadata.HINT, pa.uint8()),
            ]
        )
        full = [_staged(row, seq) for seq, row in enumerate(rows)]
        columns = [pa.array([row.get(f.name) for row in full], _storage(f.type)) for f in staged]
        arrays = [_typed(array, f.type) for array, f in zip(columns, staged, strict=True)]
        table = pa.Table.from_arrays(arrays, schema=staged)
        for word in sorted({place // LEFT_OUT_BITS for place in left_out.values()}):
            masks = [_mask(row, word, left_out) for row in rows]
            table = table.append_column(left_out_column(word), pa.array(masks, pa.int64()))
        file = self._folder / f"rows-{number}.parquet"
        pq.write_table(table, file)
        return file


def _mask(row: Row, word: int, left_out: Mapping[str, int]) -> int:
    places = [left_out[name] for name in row.get("out", ())]
    return sum(1 << place % LEFT_OUT_BITS for place in places if place // LEFT_OUT_BITS == word)


def _staged(row: Row, seq: int) -> dict[str, Any]:
    op = row.get("op", "U")
    return {
        **row,
        metadata.INGESTED_AT: row.get("at", 100),
        metadata.DELETED: op == "D",
        metadata.SOURCE_MODIFIED_AT: row.get("changed"),
        metadata.OP: op,
        metadata.SEQ: row.get("seq", seq),
        metadata.HINT: row.get("hint", 0),
    }


def _storage(kind: pa.DataType) -> pa.DataType:
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def _typed(array: pa.Array, kind: pa.DataType) -> pa.Array:
    if isinstance(kind, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(kind, array)
    return array


def read(destination: SqlDestination, *columns: str, table: str = "people") -> Rows:
    """The rows of a table, in the order of the columns asked for."""
    names = ", ".join(destination.dialect.ident(name) for name in columns)
    order = ", ".join(str(n + 1) for n in range(len(columns)))
    found = destination.query(
        f"SELECT {names} FROM {destination.qualified(table)} ORDER BY {order}"
    )
    return list(zip(*map(_values, columns, found.columns), strict=True))


def _values(name: str, column: pa.ChunkedArray) -> list[Any]:
    """A column's values; times of ours as epoch ms, however the table keeps them."""
    if name in metadata.INSTANTS and pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("ms")).cast(pa.int64())
    values: list[Any] = column.to_pylist()
    return values


class Suite:
    """Base of the suite's parts."""

    @pytest.fixture
    def opened(self) -> Callable[[], SqlDestination]:
        raise NotImplementedError("give the fixture `opened`")

    @pytest.fixture
    def reopened(
        self, opened: Callable[[], SqlDestination]
    ) -> Iterator[Callable[[], SqlDestination]]:
        """Opens one more, as the next job would."""
        made: list[SqlDestination] = []

        def one_more() -> SqlDestination:
            for earlier in made:
                earlier.close()
            made.append(opened())
            return made[-1]

        yield one_more
        for one in made:
            one.close()

    @pytest.fixture
    def destination(self, reopened: Callable[[], SqlDestination]) -> SqlDestination:
        return reopened()

    @pytest.fixture
    def loads(self, tmp_path: Path) -> Loads:
        folder = tmp_path / "loads"
        folder.mkdir()
        return Loads(folder)

    def needs(self, destination: SqlDestination, mode: WriteMode) -> None:
        if mode not in destination.capabilities.modes:
            pytest.skip(f"{mode} is not declared")

    def put(self, destination: SqlDestination, load: TableLoad) -> Receipt:
        """What the engine does with one load."""
        destination.evolve(
            load.table, load.schema, load.key, mode=load.mode, generation=load.generation
        )
        return destination.load(load)

    def run(self, destination: SqlDestination, sql: str) -> None:
        """What a user does behind our back."""
        with destination.transaction() as tx:
            tx.run(sql)
