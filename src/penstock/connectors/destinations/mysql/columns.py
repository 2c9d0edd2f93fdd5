"""Columns that are made, and statements that change their types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from penstock.connectors.destinations.mysql.dialect import MySqlDialect, stored_kind
from penstock.connectors.destinations.mysql.types import (
    key_types,
    row_bytes,
    text_types,
)
from penstock.core import metadata
from penstock.core.errors import SchemaConflict
from penstock.core.types import Logical, logical, logical_name
from penstock.sdk.sql.dialect import is_turned
from penstock.sdk.sql.switch import first_validity

# Of these the server's own conversion to text is ours, too.
_PLAIN_TEXT = {
    Logical.BYTE, Logical.SHORT, Logical.INT, Logical.LONG, Logical.DECIMAL, Logical.DATE,
    Logical.UUID,
}  # fmt: skip

# MariaDB keeps JSON as the text that came.
_JSON = {Logical.JSON, Logical.ARRAY}


def column_types(
    dialect: MySqlDialect,
    fields: Sequence[pa.Field],
    key: Sequence[str],
    current: pa.Schema | None,
) -> list[str]:
    """Types of new columns: of a key what an index takes, of text what the row has room for."""
    by_name = {field.name: field for field in fields}
    parts = [by_name[name] for name in key if name in by_name]
    found = dict(zip(key, key_types([part.type for part in parts]), strict=False))
    texts = []
    for field in fields:
        if field.name in found:
            continue
        found[field.name] = dialect.column_type(field)
        if found[field.name] == "longtext":
            texts.append(field.name)
    there = [stored_kind(field) for field in current] if current is not None else []
    taken = row_bytes([*there, *(kind for name, kind in found.items() if name not in texts)])
    found |= zip(texts, text_types(len(texts), taken), strict=True)
    return [found[field.name] for field in fields]


def change_type(
    dialect: MySqlDialect,
    place: str,
    field: pa.Field,
    current: pa.Schema,
    *,
    key: Sequence[str],
    indexed: bool,
) -> list[str]:
    """Statements that change a column's type without losing a value.

    A value whose text is not what the server would write goes by way of a second column: each
    row's new value is its default. That is one statement, and the change of places another, so
    that it can be broken off at any point and begun again.

    Raises:
        SchemaConflict: the column stands in an index, which the second column would not.
    """
    name, old = dialect.ident(field.name), current.field(field.name).type
    kind = dialect.type_name(field)
    if field.name in key:
        types = [field.type if part == field.name else current.field(part).type for part in key]
        kind = key_types(types)[list(key).index(field.name)]
    becomes_text = kind == "longtext" or kind.startswith("varchar")
    turned = field.name in metadata.INSTANTS and is_turned(old, field.type)
    as_it_is = logical(old) in _PLAIN_TEXT or (dialect.maria and logical(old) in _JSON)
    if not turned and (not becomes_text or as_it_is):
        return [f"ALTER TABLE {place} MODIFY {name} {kind}"]
    if indexed:
        raise SchemaConflict(
            f"The column {field.name} would have to become {logical_name(field)}, and it stands "
            "in an index.",
            hint="Drop the index, or copy the table into one with the wider column.",
            code="schema.cannot_widen",
            column=field.name,
        )
    spare = _spare(field.name)
    wanted = dialect.cast(name, old, field)
    left_over = [f"ALTER TABLE {place} DROP COLUMN {dialect.ident(spare)}"]
    quoted = dialect.ident(spare)
    return [
        *(left_over if spare in current.names else []),
        f"ALTER TABLE {place} ADD COLUMN {quoted} {kind} DEFAULT ({wanted}) AFTER {name}",
        f"ALTER TABLE {place} DROP COLUMN {name}, CHANGE {quoted} {name} {kind}",
    ]


def first_versions(dialect: MySqlDialect, place: str, columns: pa.Schema) -> list[str]:
    """Add the columns of validity with the first version's values, in one statement."""
    values: Mapping[str, str] = first_validity(dialect, columns)
    kinds = {dialect.ident(field.name): dialect.type_name(field) for field in columns}
    added = ", ".join(
        f"ADD COLUMN {name} {kinds[name]} DEFAULT ({value})" for name, value in values.items()
    )
    plain = ", ".join(f"ALTER COLUMN {name} DROP DEFAULT" for name in values)
    return [f"ALTER TABLE {place} {added}", f"ALTER TABLE {place} {plain}"]


def _spare(column: str) -> str:
    return f"{metadata.STAGING_PREFIX}{column}"[:64]
