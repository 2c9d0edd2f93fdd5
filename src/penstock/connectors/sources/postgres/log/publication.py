"""The publications: which tables' changes the server sends, and which kinds of changes."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import sql

from penstock.connectors.sources.postgres.log.slot import cancelled_by
from penstock.core.errors import AuthError, ConfigError

Name = tuple[str, str]
"""Schema and table."""

_ROOTS_SINCE: Final = 130_000
"""Partitioned tables can be published as one table."""
_WAIT_S: Final = 0.2

_IDENTITIES: Final = """
SELECT n.nspname, c.relname, c.oid::bigint, c.relreplident::text,
  CASE c.relreplident WHEN 'i' THEN (
      SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_index i
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
      WHERE i.indrelid = c.oid AND i.indisreplident)
    ELSE (
      SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_index i
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
      WHERE i.indrelid = c.oid AND i.indisprimary) END,
  (SELECT array_agg(a.attname::text) FROM pg_attribute a
   WHERE a.attrelid = c.oid AND coalesce(to_jsonb(a)->>'attgenerated', '') <> '')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence = 'p'
"""


@dataclass(frozen=True)
class Identity:
    """How the log names an old row of a table.

    Args:
        kind: d(efault: the primary key), n(othing), f(ull) or i(ndex).
        columns: of the primary key, or of the index; empty when there is none.
        computed: columns that the server computes, which are not in its log.
        oid: of the table; one that was dropped and made again has another.
    """

    kind: str
    columns: tuple[str, ...]
    computed: frozenset[str] = frozenset()
    oid: int = 0

    @property
    def names_rows(self) -> bool:
        """Whether updates and deletes can be published. Publishing them without makes the
        server refuse every update of the table."""
        return self.kind == "f" or (self.kind in "di" and bool(self.columns))


def identities(connection: psycopg.Connection[Any]) -> dict[Name, Identity]:
    """Of every table that can be published: views, foreign, unlogged and temporary ones cannot."""
    rows = connection.execute(_IDENTITIES.encode()).fetchall()
    return {
        (schema, name): Identity(kind, tuple(columns or ()), frozenset(computed or ()), oid)
        for schema, name, oid, kind, columns, computed in rows
    }


@dataclass(frozen=True)
class Publication:
    """One publication of ours, with the tables it is to have."""

    name: str
    tables: frozenset[Name]
    changes: str


def wanted(base: str, tables: Collection[Name], found: dict[Name, Identity]) -> list[Publication]:
    """Tables whose old rows have names, and the others, of which inserts alone are published."""
    whole = frozenset(name for name in tables if found[name].names_rows)
    rest = frozenset(tables) - whole
    made = [Publication(base, whole, "insert, update, delete, truncate")]
    return [*made, Publication(f"{base}_inserts", rest, "insert, truncate")]


def statements(
    connection: psycopg.Connection[Any], publications: Sequence[Publication]
) -> Iterator[sql.Composed]:
    """What brings the publications to what they are to be; nothing when they are."""
    for publication in publications:
        yield from _statements(connection, publication)


def _statements(connection: psycopg.Connection[Any], wanted: Publication) -> Iterator[sql.Composed]:
    name = sql.Identifier(wanted.name)
    row = connection.execute("SELECT 1 FROM pg_publication WHERE pubname = %s", [wanted.name])
    if row.fetchone() is None:
        options = sql.SQL("publish = {}").format(sql.Literal(wanted.changes))
        if connection.info.server_version >= _ROOTS_SINCE:
            options += sql.SQL(", publish_via_partition_root = true")
        of = (
            sql.SQL(" FOR TABLE {}").format(_listed(wanted.tables))
            if wanted.tables
            else sql.SQL("")
        )
        yield sql.SQL("CREATE PUBLICATION {}{} WITH ({})").format(name, of, options)
        return
    present = members(connection, [wanted.name])
    if gone := present - wanted.tables:
        yield sql.SQL("ALTER PUBLICATION {} DROP TABLE {}").format(name, _listed(gone))
    if new := wanted.tables - present:
        yield sql.SQL("ALTER PUBLICATION {} ADD TABLE {}").format(name, _listed(new))


def members(connection: psycopg.Connection[Any], publications: Sequence[str]) -> set[Name]:
    """Tables that one of the publications has."""
    rows = connection.execute(
        "SELECT n.nspname, c.relname FROM pg_publication p "
        "JOIN pg_publication_rel r ON r.prpubid = p.oid JOIN pg_class c ON c.oid = r.prrelid "
        "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE p.pubname = ANY (%s)",
        [list(publications)],
    ).fetchall()
    return {(schema, table) for schema, table in rows}


def _listed(tables: Collection[Name]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(*name) for name in sorted(tables))


def apply(
    connection: psycopg.Connection[Any], todo: Sequence[sql.Composed], cancel: threading.Event
) -> None:
    """Run the statements in one transaction, and wait until no older transaction is open.

    A transaction that was open meanwhile is decoded as if the table were not published. Once
    those have ended, what they did is seen by a snapshot taken later.

    Raises:
        AuthError: a right is missing; the statements to run are shown.
    """
    try:
        with connection.transaction():
            for statement in todo:
                connection.execute(statement)
            row = connection.execute("SELECT txid_current()").fetchone()
    except (
        psycopg.errors.InsufficientPrivilege,
        psycopg.errors.FeatureNotSupported,
        psycopg.errors.ReadOnlySqlTransaction,
    ) as error:
        raise AuthError(
            f"The publication cannot be made or changed: {error.diag.message_primary}.",
            hint="Let the owner of the tables run: "
            + " ".join(f"{statement.as_string(connection)};" for statement in todo)
            + " and name the publication in the source's `publication`, or give our user "
            "CREATE on the database and ownership of the tables.",
            code="source.publication_rights",
        ) from error
    assert row is not None
    _wait_for_older(connection, int(row[0]), cancel)


def _wait_for_older(connection: psycopg.Connection[Any], own: int, cancel: threading.Event) -> None:
    with cancelled_by(connection, cancel):
        while not cancel.wait(_WAIT_S):
            row = connection.execute(
                "SELECT txid_snapshot_xmin(txid_current_snapshot())"
            ).fetchone()
            if row is None or int(row[0]) > own:
                return


def check_foreign(
    connection: psycopg.Connection[Any], name: str, tables: Collection[Name]
) -> list[str]:
    """A publication that is not ours: what it lacks, in sentences.

    Raises:
        ConfigError: it does not exist, or does not have one of the tables.
    """
    row = connection.execute(
        "SELECT pubinsert, pubupdate, pubdelete FROM pg_publication WHERE pubname = %s", [name]
    ).fetchone()
    if row is None:
        raise ConfigError(
            f"There is no publication {name}.",
            hint=f"Let an administrator run: CREATE PUBLICATION {sql.Identifier(name).as_string()} "
            f"FOR {f'TABLE {_listed(tables).as_string()}' if tables else 'ALL TABLES'};",
            code="source.publication",
            publication=name,
        )
    present = connection.execute(
        "SELECT schemaname, tablename FROM pg_publication_tables WHERE pubname = %s", [name]
    ).fetchall()
    if missing := set(tables) - {(schema, table) for schema, table in present}:
        raise ConfigError(
            f"The publication {name} does not have {len(missing)} of the pipeline's tables: "
            f"{', '.join('.'.join(item) for item in sorted(missing)[:5])}.",
            hint=f"Let its owner run: ALTER PUBLICATION {sql.Identifier(name).as_string()} "
            f"ADD TABLE {_listed(missing).as_string()}; or leave the tables out of the pipeline.",
            code="source.publication",
            publication=name,
        )
    lacks = [
        what for what, has in zip(("inserts", "updates", "deletes"), row, strict=True) if not has
    ]
    return (
        [f"The publication {name} has no {', '.join(lacks)}: they are not seen."] if lacks else []
    )


def drop_statement(name: str) -> str:
    return f"DROP PUBLICATION IF EXISTS {sql.Identifier(name).as_string()};"
