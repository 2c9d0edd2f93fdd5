"""Events with nested data into events that the mapper takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core import metadata
from penstock.core.events import Events, Refused
from penstock.nested import columns, json_columns, json_strings
from penstock.nested.flatten_split import split
from penstock.nested.joining import joined
from penstock.nested.names import PathNames
from penstock.nested.node import Places
from penstock.nested.reading import Malformed
from penstock.nested.refs import key_of, refs_of
from penstock.nested.rows import batch, only, slices
from penstock.nested.seen import Seen
from penstock.nested.settings import ArrayIndex, NestedSettings, Strategy, strategy_at
from penstock.nested.shaped import Children, Shaped
from penstock.nested.table import Table, counts
from penstock.nested.ways import Steps


class Shaper:
    """Shapes the events of a pipeline by one set of settings; batches come one at a time.

    Args:
        settings: with a strategy that the destination offers (`settings.resolved`).
        names: those chosen so far; it learns new ones, which the caller keeps.
    """

    def __init__(self, settings: NestedSettings, names: PathNames) -> None:
        self._settings = settings
        self._names = names
        self._seen: dict[tuple[str, str], Seen] = {}

    def shape(self, events: Events) -> Shaped:
        """The events in the shape of the strategy, and their children; no value is changed."""
        fields = list(events.rows.schema)
        if not any(self._opens(field.name, field.type, events.keys) for field in fields):
            nested = any(columns.is_nested(field.type) for field in fields)
            known = self._names.children(events.name)
            return self._shaped(events) if nested or known else Shaped((events,))
        pieces = list(slices(events))
        return joined([self._sound(p) for p in pieces], [p.rows.num_rows for p in pieces])

    def schema(self, declared: pa.Schema, keys: tuple[str, ...] = ()) -> pa.Schema:
        """Declared fields as they will be; of those that are opened the parts come with data."""
        fields = []
        for field in declared:
            if self._opens(field.name, field.type, keys):
                continue
            empty = self._whole(field.name, pa.nulls(0, field.type), keys)
            fields.append(field.with_type(empty.type))
        return pa.schema(fields)

    def _strategy(self, name: str) -> Strategy:
        return strategy_at(self._settings, (name,))[0]

    def _opens(self, name: str, kind: pa.DataType, keys: tuple[str, ...]) -> bool:
        whole = self._strategy(name) in (Strategy.JSON_COLUMNS, Strategy.JSON_STRINGS)
        return columns.is_nested(kind) and not whole and name not in keys

    def _whole(self, name: str, array: pa.Array, keys: tuple[str, ...]) -> pa.Array:
        if name in keys or not columns.is_nested(array.type):
            return array
        strings = self._strategy(name) is Strategy.JSON_STRINGS
        return (json_strings if strings else json_columns).column(array)

    def _sound(self, events: Events) -> Shaped:
        """A slice; rows that cannot be shaped are refused, and the others shaped without them."""
        try:
            return self._shaped(events)
        except Malformed as bad:
            refused = [Refused(row, "PARSE_ERROR", "", why) for row, why in bad.rows.items()]
        except _Keyless as bad:
            why = "A part of the key is null, and the event has children."
            refused = [Refused(row, "NULL_IN_PRIMARY_KEY", "", why) for row in bad.rows]
        gone = {one.row for one in refused}
        kept = [row for row in range(events.rows.num_rows) if row not in gone]
        there = pa.array([row not in gone for row in range(events.rows.num_rows)], pa.bool_())
        rest = self._sound(only(events, there))
        refused += [Refused(kept[r.row], r.code, r.sub_code, r.reason) for r in rest.refused]
        refused.sort(key=lambda one: one.row)
        return Shaped(
            rest.outputs, rest.refs, rest.children, rest.sources, tuple(refused), rest.created
        )

    def _shaped(self, events: Events) -> Shaped:
        total = events.rows.num_rows
        root = Table(total, pa.arange(0, total))
        tables: dict[Steps, Table] = {}
        own: dict[str, pa.Array] = {}
        for field, array in zip(events.rows.schema, events.rows.columns, strict=True):
            if self._opens(field.name, field.type, events.keys):
                node = columns.read(array, self._place(events.name, field.name))
                split(node, (field.name,), Places.every(total), root, tables)
            else:
                own[field.name] = self._whole(field.name, array, events.keys)
        main, sources = self._main(events, own, root)
        self._names.name_children(events.name, tables, self._settings.separator)
        known = self._names.children(events.name)
        if not known:
            return Shaped((main,), sources=sources)
        refs = _refs(events, tables.values())
        made = [self._child(known[way], table, events, refs) for way, table in tables.items()]
        told = [_told(name, way, tables.get(way), total) for way, name in known.items()]
        created = sum(child.rows.num_rows for child in made)
        return Shaped((main, *made), refs, tuple(told), sources, created=created)

    def _place(self, event_type: str, field: str) -> Seen:
        key = event_type, field
        if key not in self._seen:
            self._seen[key] = Seen(self._settings, (field,))
        return self._seen[key]

    def _main(
        self, events: Events, own: Mapping[str, pa.Array], root: Table
    ) -> tuple[Events, dict[str, str]]:
        """The events themselves, parts of a field where it stood; and the fields of the parts."""
        found = root.arrays()
        names = self._names.name_fields(events.name, found, self._settings.separator, own)
        arrays: dict[str, pa.Array] = {}
        sources: dict[str, str] = {}
        for field in events.rows.schema.names:
            parts = {p: a for p, a in found.items() if p[0] == field}
            for path, array in (parts or {(field,): own.get(field)}).items():
                name = names.get(path, field)
                if array is None:
                    continue
                arrays[name] = array
                if name != field:
                    sources[name] = field
        nulls = {names.get((n,), n): marks for n, marks in events.nulls.items() if n in own}
        rows = batch(arrays, root.rows)
        return Events(events.name, events.keys, rows, events.origin, nulls), sources

    def _child(self, name: str, table: Table, events: Events, refs: pa.Array) -> Events:
        found = table.arrays()
        names = self._names.name_fields(name, found, self._settings.separator)
        arrays = {
            metadata.REF_ID: refs.take(table.origin),
            metadata.ARRAY_INDEX: self._index(table),
            **{names[path]: array for path, array in found.items()},
        }
        keys = metadata.CHILD_KEY if key_of(events) else ()
        return Events(name, keys, batch(arrays, table.rows), events.origin.take(table.origin))

    def _index(self, table: Table) -> pa.Array:
        if self._settings.array_index is ArrayIndex.PATH:
            return table.index
        first = pc.index_in(table.origin, table.origin)
        return pc.subtract(pa.arange(0, table.rows), first.cast(pa.int64()))


class _Keyless(Exception):
    """Rows that have children and a null in their key."""

    def __init__(self, rows: list[int]) -> None:
        super().__init__(rows)
        self.rows = rows


def _refs(events: Events, tables: Iterable[Table]) -> pa.StringArray:
    """What the children of each row are known by.

    Raises:
        _Keyless: a row has children, and a key that is not known.
    """
    refs = refs_of(events)
    if refs.null_count and key_of(events):
        origins = pa.chunked_array([table.origin for table in tables], pa.int64())
        orphans = pc.unique(origins.filter(pc.is_null(pc.take(refs, origins))))
        if len(orphans):
            raise _Keyless(orphans.to_pylist())
    return refs


def _told(name: str, way: Steps, table: Table | None, total: int) -> Children:
    origin = pa.array([], pa.int64()) if table is None else table.origin
    return Children(name, str(way[0]), counts(origin, total))
