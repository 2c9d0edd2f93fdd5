"""The replication slot: made, checked, watched, dropped."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import psycopg
from psycopg import sql

from penstock.connectors.sources.postgres.log.lsn import lsn_number, lsn_text
from penstock.connectors.sources.postgres.log.position import Position
from penstock.core.errors import ConfigError, TransientError

PLUGIN: Final = "pgoutput"
_FAILOVER_SINCE: Final = 170_000
_LOOK_S: Final = 0.5
_READABLE: Final = 30


@dataclass(frozen=True)
class Slot:
    """One row of `pg_replication_slots`.

    Args:
        restart: from here on the server keeps its log for this slot; None when it is lost.
        confirmed: up to here we said that everything is safe.
        wal_status: reserved, extended, unreserved or lost; "" before PostgreSQL 13.
        safe_bytes: log that may still be written before the slot is in danger; None: no limit.
    """

    name: str
    plugin: str
    database: str
    active_pid: int | None
    restart: int | None
    confirmed: int | None
    wal_status: str
    safe_bytes: int | None

    @property
    def is_lost(self) -> bool:
        return self.wal_status == "lost" or self.restart is None


def slot_name(pipeline: str, owner: str) -> str:
    """A slot of the pipeline's own: readable, and another one for another catalog.

    Args:
        owner: what else tells it apart, e.g. the catalog's id.
    """
    readable = re.sub("[^a-z0-9]+", "_", pipeline.lower()).strip("_")[:_READABLE]
    digest = sha256(f"{owner}/{pipeline}".encode()).hexdigest()[:8]
    return "_".join(part for part in ("penstock", readable, digest) if part)


def find(connection: psycopg.Connection[Any], name: str) -> Slot | None:
    row = connection.execute(
        "SELECT to_jsonb(s) FROM pg_replication_slots s WHERE slot_name = %s", [name]
    ).fetchone()
    if row is None:
        return None
    found = row[0]
    restart, confirmed = found["restart_lsn"], found["confirmed_flush_lsn"]
    return Slot(
        name=name,
        plugin=found["plugin"] or "",
        database=found["database"] or "",
        active_pid=found["active_pid"],
        restart=lsn_number(restart) if restart else None,
        confirmed=lsn_number(confirmed) if confirmed else None,
        wal_status=found.get("wal_status") or "",
        safe_bytes=found.get("safe_wal_size"),
    )


def create(connection: psycopg.Connection[Any], name: str, cancel: threading.Event) -> int:
    """A new slot at the end of the log; waits for the transactions that are open now.

    From PostgreSQL 17 on it is one that standbys keep, too (`sync_replication_slots`), so that
    reading goes on there when one takes over.

    Returns:
        Where its log begins: all that is committed later will come.

    Raises:
        psycopg.Error: also when `cancel` is set meanwhile.
    """
    with cancelled_by(connection, cancel):
        standby = connection.execute("SELECT pg_is_in_recovery()").fetchone()
        kept = connection.info.server_version >= _FAILOVER_SINCE and standby == (False,)
        option = ", failover => true" if kept else ""
        row = connection.execute(
            f"SELECT lsn::text FROM pg_create_logical_replication_slot(%s, %s{option})".encode(),
            [name, PLUGIN],
        ).fetchone()
    assert row is not None
    return lsn_number(row[0])


def drop(connection: psycopg.Connection[Any], name: str) -> None:
    connection.execute("SELECT pg_drop_replication_slot(%s)", [name])


def drop_statement(name: str) -> str:
    """What a person can run instead."""
    return f"SELECT pg_drop_replication_slot({sql.Literal(name).as_string()});"


@contextmanager
def cancelled_by(connection: psycopg.Connection[Any], cancel: threading.Event) -> Iterator[None]:
    """Stop the statement that runs inside when the job is told to stop."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_LOOK_S):
            if cancel.is_set():
                connection.cancel_safe()
                return

    watcher = threading.Thread(target=watch, name="cancel", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def check(
    slot: Slot | None, name: str, database: str, position: Position | None, end: int | None = None
) -> None:
    """Whether the slot can be followed from the position on.

    Args:
        end: the present end of the server's log.

    Raises:
        ConfigError: it is another kind of slot, or changes after the position are gone.
    """
    if slot is not None and (slot.plugin != PLUGIN or slot.database != database):
        raise ConfigError(
            f"The slot {name} is not one of {PLUGIN} for the database {database}.",
            hint=f"Name another one, or make it: SELECT pg_create_logical_replication_slot("
            f"'{name}', '{PLUGIN}');",
            code="source.slot_unfit",
            slot=name,
        )
    if position is None:
        return
    if slot is None:
        raise expired(name, position, end, "the slot does not exist any more")
    if slot.is_lost:
        reason = "the server dropped log that the slot needed (max_slot_wal_keep_size)"
        raise expired(name, position, end, reason)
    if slot.confirmed is not None and slot.confirmed > position.lsn:
        raise expired(name, position, slot.confirmed, "somebody else has read from the slot")


def expired(name: str, position: Position, oldest: int | None, reason: str) -> ConfigError:
    """The position is lost (pipelines.md 19.3): from where to where changes are missing."""
    start = lsn_text(position.lsn)
    stop = lsn_text(oldest) if oldest is not None else "the present end of the log"
    size = f" ({_size(oldest - position.lsn)} of log)" if oldest and oldest > position.lsn else ""
    since = position.committed_at
    read = f", the last one read at {since}" if since else ""
    return ConfigError(
        f"Changes cannot be read on from {start}{read}: {reason}. What was changed between {start} "
        f"and {stop}{size} is not known.",
        code="OFFSET_EXPIRED",
        slot=name,
        position=start,
        since=since,
        oldest=lsn_text(oldest) if oldest is not None else None,
    )


def in_use(connection: psycopg.Connection[Any], slot: Slot) -> TransientError:
    """Somebody follows the slot already."""
    row = connection.execute(
        "SELECT application_name, coalesce(host(client_addr), 'this host'), "
        "to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') "
        "FROM pg_stat_activity WHERE pid = %s",
        [slot.active_pid],
    ).fetchone()
    who = f"{row[0] or 'a program'} from {row[1]} since {row[2]} UTC" if row else "another session"
    return TransientError(
        f"The slot {slot.name} is being read by {who} (server process {slot.active_pid}): "
        "it can have one reader only.",
        hint="Stop the other reader, or give one of the pipelines a slot of its own. After a "
        "network failure the server lets go of a slot within wal_sender_timeout.",
        code="source.slot_in_use",
        slot=slot.name,
        pid=slot.active_pid,
    )


def warnings(slot: Slot, end: int, most_bytes: int) -> Iterator[str]:
    """What the slot does to the server's disk, in sentences; nothing while all is well.

    Args:
        end: the present end of the server's log.
        most_bytes: log that it may hold back.
    """
    if slot.is_lost:
        return
    assert slot.restart is not None
    held = end - slot.restart
    if slot.wal_status == "unreserved":
        yield (
            f"The slot {slot.name} is about to be lost: it holds back {_size(held)} of log, more "
            "than max_slot_wal_keep_size allows. Let the pipeline catch up now."
        )
    elif slot.safe_bytes is not None and slot.safe_bytes < held:
        yield (
            f"The slot {slot.name} holds back {_size(held)} of log; after {_size(slot.safe_bytes)} "
            "more the server drops it (max_slot_wal_keep_size)."
        )
    elif held > most_bytes:
        yield (
            f"The slot {slot.name} makes the server keep {_size(held)} of log on its disk "
            f"(slot_warn_bytes is {_size(most_bytes)}). Run the pipeline more often, or look for "
            "transactions that stay open."
        )


def _size(count: int) -> str:
    for unit, size in (("GB", 1 << 30), ("MB", 1 << 20), ("kB", 1 << 10)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"
