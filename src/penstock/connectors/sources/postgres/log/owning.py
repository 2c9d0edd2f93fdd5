"""Whether our user may make the publications that its tables need, told before the first run."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import psycopg
from psycopg import sql

from penstock.connectors.sources.postgres.log.publication import Name
from penstock.core.errors import AuthError

_SHOWN: Final = 10
_MAY: Final = """
SELECT current_database(), current_user, has_database_privilege(current_database(), 'CREATE')
"""
_OWNED: Final = """
SELECT n.nspname, c.relname, pg_has_role(c.relowner, 'USAGE')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND has_schema_privilege(n.oid, 'USAGE')
  AND has_table_privilege(c.oid, 'SELECT')
"""


def check_owner(connection: psycopg.Connection[Any], tables: Collection[Name]) -> str:
    """Only the owner of a table can publish it, and only who may create in the database.

    Args:
        tables: of the schemas that are read; those that our user cannot read do not count.

    Raises:
        AuthError: no publication can be made; the statements that help are in its hint.
    """
    may = connection.execute(_MAY.encode()).fetchone()
    assert may is not None
    database, user, create = may
    rows = connection.execute(_OWNED.encode()).fetchall()
    owned = {(schema, table): own for schema, table, own in rows if (schema, table) in tables}
    foreign = sorted(name for name, own in owned.items() if not own)
    if create and (not owned or len(foreign) < len(owned)):
        told = f"a publication can be made for {len(owned) - len(foreign)} of {len(owned)} tables"
        return told + (f"; others own {_names(foreign)}" if foreign else "")
    lacks = [] if create else [f"it may not CREATE in the database {database}"]
    lacks += [f"it owns none of the {len(owned)} tables"] if foreign else []
    raise AuthError(
        f"The user {user} cannot make a publication: {' and '.join(lacks)}.",
        hint=f"Let the owner of the tables run: {_statement(foreign or sorted(owned))} and set "
        "`publication: penstock` for the source. Or let an administrator run: "
        f"{_grant(database, user)} and GRANT the role that owns the tables to our user.",
        code="source.publication_rights",
    )


def _names(tables: Collection[Name]) -> str:
    shown = [".".join(name) for name in sorted(tables)[:_SHOWN]]
    return ", ".join(shown) + (" ..." if len(tables) > _SHOWN else "")


def _statement(tables: Collection[Name]) -> str:
    if not 0 < len(tables) <= _SHOWN:
        return "CREATE PUBLICATION penstock FOR ALL TABLES;"
    listed = sql.SQL(", ").join(sql.Identifier(*name) for name in sorted(tables))
    return f"CREATE PUBLICATION penstock FOR TABLE {listed.as_string()};"


def _grant(database: str, user: str) -> str:
    names = sql.Identifier(database), sql.Identifier(user)
    return sql.SQL("GRANT CREATE ON DATABASE {} TO {};").format(*names).as_string()
