"""What the log of a pipeline needs in the server: publications, a slot, and rights."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

import psycopg

from penstock.connectors.sources.postgres.log import slot as slots
from penstock.connectors.sources.postgres.log import wire
from penstock.connectors.sources.postgres.log.errors import translate
from penstock.connectors.sources.postgres.log.lsn import lsn_number
from penstock.connectors.sources.postgres.log.position import Position
from penstock.connectors.sources.postgres.log.publication import Name
from penstock.connectors.sources.postgres.log.session import Session, check_system
from penstock.connectors.sources.postgres.log.settings import LogSettings
from penstock.core.errors import ConfigError, PenstockError

T = TypeVar("T")


class Needs:
    """Makes, checks and drops them; every method raises errors of `core.errors`.

    Args:
        connection: for libpq.
        names: user, database, and the database for messages.
    """

    def __init__(
        self,
        settings: LogSettings,
        connection: Mapping[str, Any],
        names: tuple[str, str, str],
        session: Session,
    ) -> None:
        self._settings = settings
        self._connect = connection
        self._user, self._database, self._where = names
        self._session = session
        self._owned = "penstock"
        self.may_begin_anew = False
        """Every table is read whole again: the log may begin anywhere."""
        self.barrier = 0
        """Where the publications were changed last in this job; 0 when they were not."""
        self.warnings: list[str] = []

    def belongs_to(self, pipeline: str, catalog: str) -> None:
        self._owned = slots.slot_name(pipeline, catalog)

    @property
    def slot_name(self) -> str:
        return self._settings.slot or self._owned

    @property
    def publications(self) -> tuple[str, ...]:
        if self._settings.publication is not None:
            return (self._settings.publication,)
        return self._owned, f"{self._owned}_inserts"

    def published(self) -> set[Name] | None:
        """Tables whose changes the log has now; None where somebody else looks after that."""
        if self._settings.publication is not None:
            return None
        return self.guarded(lambda: self._session.members(self.publications))

    def prepare(
        self, tables: Collection[Name], saved: Position | None, cancel: threading.Event
    ) -> Position:
        """See that the log has these tables, and that it is kept from a position on.

        Returns:
            The saved position where the log can be read on from it; else one at the log's end,
            when every table is read whole again anyway.
        """
        self.guarded(self._session.check_server)
        foreign = self._settings.publication
        if foreign is not None:
            self.warnings += self.guarded(
                lambda: self._session.check_publication(foreign, list(tables))
            )
        else:
            self.guarded(lambda: self._publish(tables, cancel))
        return self.guarded(lambda: self._settled(saved, cancel))

    def check_server(self) -> str:
        self.guarded(self._session.check_server)
        return "wal_level is logical"

    def check_rights(self) -> str:
        """Log in for replication, as a run does."""
        system, timeline, _end = self.guarded(self._identify)
        return f"{self._user} may follow the log of system {system}, timeline {timeline}"

    def check_publication(self, tables: Collection[Name]) -> str:
        """Whether the publication that is named is there, or one can be made for the tables."""
        name = self._settings.publication
        if name is None:
            return self.guarded(lambda: self._session.check_owner(tables))
        lacks = self.guarded(lambda: self._session.check_publication(name, []))
        return " ".join([f"{name} is there.", *lacks])

    def check_room(self) -> str:
        """Whether the slot is there, or one can still be made."""
        return self.guarded(lambda: self._session.check_room(self._settings.slot))

    def is_server_of(self, position: Position) -> bool:
        """Whether the position is one of this server's."""
        system, _timeline, _end = self.guarded(self._identify)
        return system == position.system

    def check_slot(self, position: Position) -> None:
        """Whether the log is still there from the position on."""
        found = self._session.slot(position.slot)
        slots.check(found, position.slot, self._database, position, self._session.end())

    def drop(self) -> list[str]:
        """Drop what belongs to us in the server; statements for what could not be dropped."""
        name = self._settings.slot
        ours = [] if self._settings.publication else list(self.publications)
        return self.guarded(lambda: self._session.drop("" if name else self._owned, ours))

    def guarded(self, work: Callable[[], T]) -> T:
        """The work's result; our errors in place of the driver's."""
        try:
            return work()
        except (psycopg.Error, ConnectionError) as error:
            raise self.meaning(error) from error

    def meaning(self, error: Exception) -> PenstockError:
        """What an error of the driver is for the user."""
        return translate(error, self._user, self._where)

    def _publish(self, tables: Collection[Name], cancel: threading.Event) -> None:
        found = self._session.identities()
        there = [name for name in tables if name in found]
        changed = self._session.publish(self._owned, there, cancel)
        self.barrier = max(self.barrier, changed or 0)
        for name in there:
            if not found[name].names_rows:
                self.warnings.append(
                    f"{'.'.join(name)} has nothing by which its log names old rows (REPLICA "
                    "IDENTITY): only its inserts are read, no updates and no deletes."
                )

    def _settled(self, saved: Position | None, cancel: threading.Event) -> Position:
        system, timeline, end = self._identify()
        if saved is not None:
            try:
                check_system(saved, system, timeline, end)
                self.check_slot(saved)
            except ConfigError:
                if not self.may_begin_anew:
                    raise
            else:
                return saved
        return Position(self._begin(cancel), self.slot_name, system, timeline)

    def _begin(self, cancel: threading.Event) -> int:
        """A slot at the end of the log. One of ours that is there is left from a job that died
        before its first position was saved, or from before everything was read again."""
        name = self.slot_name
        self._session.free_slot(name, None, cancel)
        found = self._session.slot(name)
        slots.check(found, name, self._database, None)
        if found is not None and self._settings.slot is not None and not found.is_lost:
            return found.confirmed or 0
        if found is not None:
            self._session.run(lambda connection: slots.drop(connection, name))
        return self._session.make_slot(name, cancel)

    def _identify(self) -> tuple[str, int, int]:
        connection = wire.connect(self._connect)
        try:
            return system_of(connection)
        finally:
            connection.finish()


def system_of(connection: Any) -> tuple[str, int, int]:
    """Of a replication connection: the data's identifier, the timeline, the end of the log."""
    ((system, timeline, end, _database),) = wire.ask(connection, "IDENTIFY_SYSTEM")
    return system or "", int(timeline or 0), lsn_number(end or "0/0")
