"""Questions to the server's catalogue about a table."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.sdk.sql.tx import Tx, one


def has_unique_index(tx: Tx, table: str, key: Sequence[str]) -> bool:
    """Whether ON CONFLICT can name the key: a whole unique index on just these columns."""
    found = tx.rows(
        "SELECT 1 FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid "
        "WHERE i.indrelid = CAST(? AS regclass) AND c.relkind = 'r' AND i.indisunique "
        "AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL "
        "AND (SELECT array_agg(a.attname::text ORDER BY a.attname) FROM pg_attribute a "
        "WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey[:i.indnkeyatts - 1])) "
        "= (SELECT array_agg(x ORDER BY x::name) FROM unnest(CAST(? AS text[])) x) LIMIT 1",
        [table, list(key)],
    )
    return bool(found)


def has_rules(tx: Tx, table: str) -> bool:
    """Whether INSERT is rewritten, which COPY is not."""
    return bool(
        one(tx, "SELECT relhasrules FROM pg_class WHERE oid = CAST(? AS regclass)", [table])
    )


def primary_key(tx: Tx, table: str) -> tuple[str, tuple[str, ...]] | None:
    """Name and columns of the table's primary key."""
    found = tx.rows(
        "SELECT k.conname, array_agg(a.attname::text) FROM pg_constraint k "
        "JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey) "
        "WHERE k.conrelid = CAST(? AS regclass) AND k.contype = 'p' GROUP BY k.conname",
        [table],
    )
    return (found[0][0], tuple(found[0][1])) if found else None


# What somebody has added to a table, and what would go with it when it is dropped.
# Foreign keys to and from a table have triggers too; views and rules are rewritings.
_ADDITIONS = """
c.relacl IS NOT NULL OR c.relhastriggers OR c.relrowsecurity OR c.relispartition
OR EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL)
OR EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype <> 'p')
OR EXISTS (SELECT 1 FROM pg_publication_rel p WHERE p.prrelid = c.oid)
OR EXISTS (SELECT 1 FROM pg_inherits h WHERE h.inhparent = c.oid)
OR EXISTS (SELECT 1 FROM pg_description d
    WHERE d.classoid = 'pg_class'::regclass AND d.objoid = c.oid)
OR EXISTS (SELECT 1 FROM pg_depend d WHERE d.refclassid = 'pg_class'::regclass
    AND d.refobjid = c.oid AND d.classid = 'pg_rewrite'::regclass)
OR EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND NOT i.indisprimary
    AND NOT EXISTS (SELECT 1 FROM pg_index j WHERE j.indrelid = CAST(? AS regclass)
        AND j.indisunique >= i.indisunique
        AND substring(pg_get_indexdef(j.indexrelid) FROM ' USING .*')
            = substring(pg_get_indexdef(i.indexrelid) FROM ' USING .*')))
"""


def has_additions(tx: Tx, table: str, new: str) -> bool:
    """Whether the table has grants, views, indexes, comments ... that its successor lacks."""
    return bool(
        one(
            tx,
            f"SELECT {_ADDITIONS} FROM pg_class c WHERE c.oid = CAST(? AS regclass)",
            [new, table],
        )
    )
