"""Everything about the log that is asked or done by SQL, beside the replication connection."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, TypeVar

import psycopg

from penstock.connectors.sources.postgres.log import owning, publication, slot, wire
from penstock.connectors.sources.postgres.log.lsn import lsn_number, lsn_text
from penstock.connectors.sources.postgres.log.position import Position
from penstock.connectors.sources.postgres.log.publication import Identity, Name
from penstock.connectors.sources.postgres.log.slot import Slot
from penstock.connectors.sources.postgres.log.snapshot import Snapshot, words
from penstock.connectors.sources.postgres.types import Forms, PgType, cast_name
from penstock.core.errors import ConfigError

T = TypeVar("T")
_PATIENCE_S: Final = 10.0
_LOOK_S: Final = 0.2
PREFIX: Final = "penstock"
"""Of the messages that we write to the log."""

_TYPES: Final = (
    "SELECT t.typname, t.typtype::text, n.nspname, format_type(t.oid, NULL) "
    "FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.oid = %s"
)


class Session:
    """One SQL connection, made when it is needed and again after it broke.

    Args:
        settings: of libpq; they hold the password.
    """

    def __init__(self, settings: Mapping[str, Any], user: str) -> None:
        self._settings = {name: value for name, value in settings.items() if value is not None}
        self._user = user
        self._connection: psycopg.Connection[Any] | None = None
        self._mutex = threading.RLock()
        self._types: dict[int, tuple[str, str, str]] = {}

    def run(self, work: Callable[[psycopg.Connection[Any]], T]) -> T:
        """Do the work on the connection; once more with a new one when it turns out broken."""
        with self._mutex:
            old = self._connection
            try:
                return work(self._open())
            except psycopg.OperationalError:
                if old is None or not old.closed:
                    raise
                return work(self._open())

    def close(self) -> None:
        with self._mutex:
            if self._connection is not None:
                self._connection.close()

    def identities(self) -> dict[Name, Identity]:
        return self.run(publication.identities)

    def check_server(self) -> None:
        """Raises `ConfigError` where the server cannot give a logical log."""

        def ask(connection: psycopg.Connection[Any]) -> str:
            row = connection.execute("SHOW wal_level").fetchone()
            return str(row[0]) if row else ""

        level = self.run(ask)
        if level != "logical":
            raise ConfigError(
                f"The server's wal_level is {level}; a log that can be followed needs logical.",
                hint="Let an administrator run: ALTER SYSTEM SET wal_level = logical; and restart "
                "the server (managed servers: set rds.logical_replication, "
                "cloudsql.logical_decoding or azure.replication_support).",
                code="source.wal_level",
            )

    def check_room(self, name: str | None) -> str:
        """Raises `ConfigError` where a slot that is named is unfit, or none can be made."""
        if name is not None:
            found = self.slot(name)
            slot.check(found, name, str(self._settings.get("dbname", "")), None)
            if found is not None:
                return f"slot {name} is there"

        def ask(connection: psycopg.Connection[Any]) -> tuple[int, int]:
            row = connection.execute(
                "SELECT current_setting('max_replication_slots')::int, count(*)::int "
                "FROM pg_replication_slots"
            ).fetchone()
            return row or (0, 0)

        most, used = self.run(ask)
        if used >= most:
            raise ConfigError(
                f"All {most} replication slots of the server are in use.",
                hint="Raise max_replication_slots and restart the server, or drop a slot that "
                "nobody needs: SELECT slot_name, active FROM pg_replication_slots;",
                code="source.no_slot_left",
            )
        return f"{used} of {most} replication slots are in use"

    def publish(self, base: str, tables: Collection[Name], cancel: threading.Event) -> int | None:
        """Bring our publications up to date.

        Returns:
            Where the log was when nothing undecided was left; None when nothing was changed.
        """
        found = self.identities()

        def change(connection: psycopg.Connection[Any]) -> int | None:
            todo = list(publication.statements(connection, publication.wanted(base, tables, found)))
            if not todo:
                return None
            publication.apply(connection, todo, cancel)
            return _end(connection)

        return self.run(change)

    def members(self, publications: Sequence[str]) -> set[Name]:
        return self.run(lambda connection: publication.members(connection, publications))

    def check_publication(self, name: str, tables: Collection[Name]) -> list[str]:
        return self.run(lambda connection: publication.check_foreign(connection, name, tables))

    def check_owner(self, tables: Collection[Name]) -> str:
        return self.run(lambda connection: owning.check_owner(connection, tables))

    def slot(self, name: str) -> Slot | None:
        return self.run(lambda connection: slot.find(connection, name))

    def make_slot(self, name: str, cancel: threading.Event) -> int:
        return self.run(lambda connection: slot.create(connection, name, cancel))

    def free_slot(self, name: str, own: int | None, cancel: threading.Event) -> None:
        """Wait a little until nobody reads the slot; a connection of ours that is dead is ended.

        Args:
            own: server process of an earlier connection of this job.

        Raises:
            TransientError: somebody else reads it.
        """
        until = time.monotonic() + _PATIENCE_S
        while not cancel.is_set():
            found = self.slot(name)
            if found is None or found.active_pid is None:
                return
            if found.active_pid == own:
                pid = found.active_pid
                self.run(lambda c: c.execute("SELECT pg_terminate_backend(%s)", [pid]))  # noqa: B023
            if time.monotonic() > until:
                raise self.run(lambda connection: slot.in_use(connection, found))  # noqa: B023
            cancel.wait(_LOOK_S)

    def drop(self, name: str, publications: Collection[str]) -> list[str]:
        """Drop slot and publications.

        Returns:
            Statements to run by hand for what could not be dropped.
        """
        left = []
        if self.slot(name) is not None:
            try:
                self.run(lambda connection: slot.drop(connection, name))
            except psycopg.Error:
                left.append(slot.drop_statement(name))
        for item in publications:
            statement = publication.drop_statement(item)
            try:
                self.run(lambda connection: connection.execute(statement.encode()))  # noqa: B023
            except psycopg.Error:
                left.append(statement)
        return left

    def end(self) -> int:
        """The present end of the log, with everything that was committed before it."""
        return self.run(_end)

    def snapshot(self) -> Snapshot:
        """What is visible now."""

        def ask(connection: psycopg.Connection[Any]) -> Snapshot:
            shown = words(connection.info.server_version)
            row = connection.execute(f"SELECT {shown}::text".encode()).fetchone()
            assert row is not None
            return Snapshot.parsed(row[0], 0)

        return self.run(ask)

    def beat(self) -> int:
        """Write a message to the log, so that there is a place to come to.

        Where that is not allowed (a standby, a missing right) the log moves by others alone.

        Returns:
            Its position: what was committed before lies before it.
        """

        def write(connection: psycopg.Connection[Any]) -> int:
            try:
                row = connection.execute(
                    "SELECT pg_logical_emit_message(true, %s, '')::text", [PREFIX]
                ).fetchone()
            except (
                psycopg.errors.InsufficientPrivilege,
                psycopg.errors.ReadOnlySqlTransaction,
                psycopg.errors.ObjectNotInPrerequisiteState,
            ):
                return _end(connection)
            assert row is not None
            return lsn_number(row[0])

        return self.run(write)

    def type_of(self, oid: int, modifier: int, forms: Forms) -> tuple[PgType, str]:
        """As in the catalogue, with its name for a cast; a type that was dropped since is text."""
        if oid not in self._types:
            row = self.run(lambda connection: connection.execute(_TYPES, [oid]).fetchone())
            name, kind, schema, shown = row or ("text", "b", "pg_catalog", "text")
            native = shown if schema == "pg_catalog" else cast_name(schema, name)
            self._types[oid] = (name, kind, native)
        name, kind, native = self._types[oid]
        return PgType(name, kind, modifier, forms), native

    def _open(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(
                **{**self._settings, "options": wire.SESSION}, autocommit=True
            )
        return self._connection


def _end(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute(
        "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() "
        "ELSE pg_current_wal_lsn() END::text"
    ).fetchone()
    assert row is not None
    return lsn_number(row[0])


def check_system(position: Position | None, system: str, timeline: int, end: int) -> list[str]:
    """Whether this server is the one that the position is of; what is to be said about it.

    Raises:
        ConfigError: it is another one, or it lacks changes that were read already.
    """
    if position is None:
        return []
    if system != position.system:
        raise ConfigError(
            "The server is not the one that was read before (its data has the identifier "
            f"{system}, not {position.system}): its log cannot be read on from "
            f"{lsn_text(position.lsn)}, and what was changed since"
            f"{f' {position.committed_at}' if position.committed_at else ''} is not known.",
            hint="Point the source at the old server if this is a mistake.",
            code="OFFSET_EXPIRED",
            was=position.system,
            now=system,
            position=lsn_text(position.lsn),
            since=position.committed_at,
            oldest=lsn_text(end),
        )
    if end < position.lsn:
        raise ConfigError(
            f"The server's log ends at {lsn_text(end)} (timeline {timeline}), before the position "
            f"that was read, {lsn_text(position.lsn)} (timeline {position.timeline}): it was set "
            "back, or a standby took over that did not have everything. The destination has "
            "changes that the server lost.",
            code="OFFSET_EXPIRED",
            position=lsn_text(position.lsn),
            since=position.committed_at,
            oldest=lsn_text(end),
        )
    if timeline != position.timeline:
        told = f"Another server took over (timeline {timeline} after {position.timeline}); "
        return [told + "its log goes on where the old one's was read."]
    return []
