"""From a mapping file to mappings: what changes, or everything that is wrong with it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import pyarrow as pa

from penstock.core.errors import ConfigError
from penstock.core.mapping import Column, Left
from penstock.core.mapping import Mapping as EventType
from penstock.core.metadata import GENERATED_KEY
from penstock.core.naming import NameKind
from penstock.core.records import MappingStatus
from penstock.core.types import arrow_type, logical_name
from penstock.core.widen import widen
from penstock.mapper.actions import unmapped
from penstock.mapper.document import EventTypeEntry, FieldEntry, MappingFile
from penstock.mapper.findings import Finding, finding
from penstock.mapper.limits import Limits, twice
from penstock.mapper.proposals import Place, key_of

Loc = tuple[str, ...]
DESELECTED = "it was taken out of the mapping"


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong in a mapping file: where, as a path of keys, and what."""

    loc: Loc
    text: str
    key: bool = False
    """The key at this place is wrong, not its value."""


@dataclass(frozen=True)
class Edited:
    """One event type before and after, with what is to be said of its new columns."""

    before: EventType
    after: EventType
    findings: tuple[Finding, ...] = ()


@dataclass
class Applied:
    """Event types that change; none is to be saved when there are faults."""

    edited: list[Edited] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


@dataclass(frozen=True)
class Around:
    """What a mapping has to do with.

    Args:
        auto_mapping: the pipeline's switch.
        describe: columns of a table in the destination, None when there is none.
        keys: fields of the source's key, by event type.
    """

    auto_mapping: bool
    limits: Limits
    describe: Callable[[str], pa.Schema | None]
    keys: Mapping[str, tuple[str, ...]]


def applied(file: MappingFile, mappings: Mapping[str, EventType], around: Around) -> Applied:
    """What the file means for these mappings. Event types and fields that it does not name stay."""
    done = Applied()
    for name, entry in file.event_types.items():
        before = mappings.get(name)
        if before is None:
            text = f"no event was of a type called {name!r}.{_nearest(name, mappings)}"
            done.faults.append(Fault(("event_types", name), text, key=True))
            continue
        edit = _Edit(before, entry, around, ("event_types", name))
        after = edit.after()
        done.faults += edit.faults
        if after != before:
            done.edited.append(Edited(before, after, tuple(edit.findings)))
    return done


@dataclass
class _Edit:
    """One event type while its entry is read."""

    before: EventType
    entry: EventTypeEntry
    around: Around
    loc: Loc
    faults: list[Fault] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def after(self) -> EventType:
        entry, before = self.entry, self.before
        auto = entry.auto_mapping if entry.says("auto_mapping") else before.auto
        table = (entry.table or "") if entry.says("table") else before.table
        if before.table not in ("", table) and replace(before, auto=auto).is_auto(
            self.around.auto_mapping
        ):
            self._fault("the table can change only with `auto_mapping: false`.", "table")
        if not table:
            wanted = unmapped(before) if before.table else before
            wanted = self._fields_without_table(wanted)
        else:
            wanted = self._mapped(table)
        wanted = replace(wanted, auto=auto, skipped=self._skipped())
        same = replace(wanted, version=before.version) == before
        if not same and entry.status is not None:
            self._check_status(wanted)
        # However much has changed, it is one step.
        return before if same else replace(wanted, version=before.version + 1)

    def _fault(self, text: str, *more: str, key: bool = False) -> None:
        self.faults.append(Fault((*self.loc, *more), text, key))

    def _check_name(self, name: str, kind: NameKind, *loc: str) -> None:
        if why := self.around.limits.name_problem(name, kind):
            self._fault(f"{why}.", *loc)

    def _skipped(self) -> bool:
        if not self.entry.says("status"):
            return self.before.skipped
        return self.entry.status is MappingStatus.SKIPPED

    def _check_status(self, wanted: EventType) -> None:
        """A status that was typed has to be what the rest of the entry amounts to."""
        told = self.entry.status
        was, will = (item.status(self.around.auto_mapping) for item in (self.before, wanted))
        if told not in (was, will):
            self._fault(f"'status' follows from the rest: it would be {will}.", "status")

    def _mapped(self, table: str) -> EventType:
        before, moved = self.before, table != self.before.table
        existing = self.around.describe(table)
        if moved and existing is None:
            self._check_name(table, "table", "table")
        columns, left = self._columns(existing, moved)
        self._check_columns(columns, existing)
        key = self._key(table, columns, moved)
        return replace(before, table=table, columns=columns, left=left, key=key)

    def _columns(
        self, existing: pa.Schema | None, moved: bool
    ) -> tuple[tuple[Column, ...], tuple[Left, ...]]:
        """Every field that is known, as the file says or as it was; in the order of the file."""
        known = self._known()
        for name in self.entry.fields:
            if name not in known:
                text = f"no event had a field called {name!r}.{_nearest(name, known)}"
                self._fault(text, "fields", name, key=True)
        order = [*(n for n in self.entry.fields if n in known), *known]
        columns: list[Column] = []
        left: list[Left] = []
        for name in dict.fromkeys(order) if self.entry.fields else known:
            told, was = self.entry.fields.get(name), known[name]
            if told is None:
                (columns if isinstance(was, Column) else left).append(was)  # type: ignore[arg-type]
            elif told.ignored or told.column is None:
                left.append(self._left_out(was, told))
            else:
                columns.append(self._column(was, told, existing, moved))
        if not moved and [*columns] != [*self.before.columns]:
            columns = _in_order(columns, self.before.columns)
        return tuple(columns), tuple(left)

    def _known(self) -> dict[str, Column | Left]:
        known: dict[str, Column | Left] = {c.field: c for c in self.before.columns}
        return known | {item.field: item for item in self.before.left}

    def _left_out(self, was: Column | Left, told: FieldEntry) -> Left:
        if isinstance(was, Left) and was.ignored == told.ignored:
            return was
        reason = was.reason if isinstance(was, Left) else DESELECTED
        return Left(was.field, _type(was), reason, told.ignored)

    def _column(
        self, was: Column | Left, told: FieldEntry, existing: pa.Schema | None, moved: bool
    ) -> Column:
        assert told.column is not None
        if isinstance(was, Column) and not moved and _says_the_same(was, told):
            return was
        source, name = _type(was), told.column
        wanted = self._wanted_type(was.field, told, source)
        if existing is not None and name in existing.names:
            there = existing.field(name).type
            if logical_name(wanted) in (logical_name(source), logical_name(there)):
                wanted = there
            elif widen(there, wanted) != wanted:
                text = f"a {logical_name(there)} column cannot become {logical_name(wanted)}."
                self._fault(text, "fields", was.field, "type")
        elif not (isinstance(was, Column) and was.name == name):
            self._check_name(name, "column", "fields", was.field, "column")
        self.findings += finding(was.field, source, name, wanted)
        return Column(was.field, name, pa.field(name, wanted))

    def _wanted_type(self, name: str, told: FieldEntry, source: pa.DataType) -> pa.DataType:
        """The type that is written; one that was not changed stays exactly what it was."""
        if told.type is None or told.type == logical_name(source):
            return source
        try:
            return arrow_type(told.type)
        except ConfigError as error:
            self._fault(f"{error.message} {error.hint}", "fields", name, "type")
            return source

    def _check_columns(self, columns: tuple[Column, ...], existing: pa.Schema | None) -> None:
        for name in twice(column.name for column in columns):
            fields = [c.field for c in columns if c.name.lower() == name.lower()]
            text = f"{' and '.join(map(repr, fields))} have one column, {name!r}."
            told = next((field for field in fields if field in self.entry.fields), fields[-1])
            self._fault(text, "fields", told, "column")
        there = {*existing.names} if existing is not None else set()
        total = len({column.name for column in columns} | {n for n in there if n[:4] != "_ps_"})
        if total > self.around.limits.columns:
            most = self.around.limits.columns
            self._fault(f"the table would have {total} columns; {most} are possible.", "fields")

    def _key(self, table: str, columns: tuple[Column, ...], moved: bool) -> tuple[str, ...]:
        before, names = self.before, {column.name for column in columns}
        fields = self.around.keys.get(before.event_type, ())
        default = key_of(Place(table, None, fields), columns) if moved else before.key
        # The key of an event type that has no table yet is written as none.
        told = self.entry.key if self.entry.says("key") else None
        key = tuple(told) if told is not None and (told != before.key or not moved) else default
        if not moved and key != before.key:
            self._fault(
                f"the table keeps the key that it was made with: {_list(before.key)}.", "key"
            )
        if key != GENERATED_KEY and (unknown := [name for name in key if name not in names]):
            self._fault(f"the key needs the column {unknown[0]!r}; no field has it.", "key")
        if moved and not told and fields and not key:
            missing = ", ".join(map(repr, fields))
            self._fault(f"the key of the source ({missing}) needs columns.", "fields")
        return key

    def _fields_without_table(self, wanted: EventType) -> EventType:
        """Fields may be ignored before there is a table; columns wait for one."""
        known = {item.field: item for item in wanted.left}
        left: list[Left] = []
        for name, told in self.entry.fields.items():
            if name not in known:
                text = f"no event had a field called {name!r}.{_nearest(name, known)}"
                self._fault(text, "fields", name, key=True)
            elif told.column is not None and not self.before.table:
                self._fault("a column needs a table: write its name.", "fields", name, "column")
        for item in wanted.left:
            told_of = self.entry.fields.get(item.field)
            left.append(item if told_of is None else self._left_out(item, told_of))
        return replace(wanted, left=tuple(left))


def _says_the_same(was: Column, told: FieldEntry) -> bool:
    return told.column == was.name and told.type in (None, logical_name(was.type))


def _type(item: Column | Left) -> pa.DataType:
    return item.type.type if isinstance(item, Column) else item.type


def _in_order(columns: Iterable[Column], before: Iterable[Column]) -> list[Column]:
    """Columns of a table that there is stay in its order; new ones follow."""
    places = {column.field: at for at, column in enumerate(before)}
    return sorted(columns, key=lambda column: places.get(column.field, len(places)))


def _list(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def differences(edited: Edited, *, auto_mapping: bool) -> Iterator[str]:
    """Each change of an event type, in words."""
    before, after = edited.before, edited.after
    statuses = [item.status(auto_mapping) for item in (before, after)]
    if statuses[0] != statuses[1]:
        yield f"{statuses[0]} -> {statuses[1]}"
    if before.auto != after.auto:
        words = {None: "as the pipeline", True: "on", False: "off"}
        yield f"auto mapping {words[before.auto]} -> {words[after.auto]}"
    if before.table != after.table:
        yield f"table {before.table or 'none'} -> {after.table or 'none'}"
    if before.key != after.key:
        yield f"key {_list(before.key)} -> {_list(after.key)}"
    for column in after.columns:
        old = before.column(column.field)
        if old is None or before.table != after.table:
            yield f"{column.field} -> column {column.name} ({logical_name(column.type)})"
        elif (old.name, old.type) != (column.name, column.type):
            was = f"{old.name} ({logical_name(old.type)})"
            yield f"{column.field}: column {was} -> {column.name} ({logical_name(column.type)})"
    for item in after.left:
        left = before.unloaded(item.field)
        if left is None or left.ignored != item.ignored:
            yield f"{item.field}: {'ignored' if item.ignored else 'not loaded'}"
