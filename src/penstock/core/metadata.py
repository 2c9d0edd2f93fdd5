"""Columns and tables that Penstock adds (pipelines.md 3.4)."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

INGESTED_AT: Final = "_ps_ingested_at"
LOADED_AT: Final = "_ps_loaded_at"
DELETED: Final = "_ps_deleted"
ID: Final = "_ps_id"
SOURCE_MODIFIED_AT: Final = "_ps_source_modified_at"
OP: Final = "_ps_op"
REF_ID: Final = "_ps_ref_id"
"""Of children of nested data: the key of the event they come from."""
ARRAY_INDEX: Final = "_ps_array_index"
"""Of children of nested data: their place in its array."""
VALID_FROM: Final = "_ps_valid_from"
VALID_TO: Final = "_ps_valid_to"
IS_ACTIVE: Final = "_ps_is_active"

SCHEMA: Final = "_ps_schema"
DATABASE: Final = "_ps_database"
XMIN: Final = "_ps_xmin"

GENERATED_KEY: Final = (ID,)
"""The key of rows whose source gives none."""
CHILD_KEY: Final = (REF_ID, ARRAY_INDEX)
"""The key of children of nested data (pipelines.md 8.3)."""

# Staging only: never columns of a target table (OP may be, by option).
SEQ: Final = "_ps_seq"
HINT: Final = "_ps_hint"
STAGING_COLUMNS: Final = frozenset({OP, SEQ, HINT})
LEFT_OUT: Final = "_ps_left_out"
"""In rows of a log: struct of booleans (`core.batch.Batch`). In staged files: 64-bit masks, one
for every `LEFT_OUT_BITS` columns, named by `left_out_column`."""
LEFT_OUT_BITS: Final = 62

LEDGER: Final = "_ps_loads"
STAGING_PREFIX: Final = "_ps_stg_"
RESERVED_COLUMNS: Final = 6

TIMESTAMP: Final = pa.timestamp("us")
INSTANTS: Final = frozenset({INGESTED_AT, LOADED_AT, SOURCE_MODIFIED_AT})
"""Epoch ms in staged files; in tables epoch ms or UTC timestamps, as the destination is set."""
OPEN_END_US: Final = 253402300799000000
"""9999-12-31 23:59:59 in microseconds: `_ps_valid_to` of the version that is active."""


def is_ours(name: str) -> bool:
    return name.startswith("_ps_")


def left_out_column(word: int) -> str:
    """Name of the staged mask for columns `word * LEFT_OUT_BITS` and on."""
    return f"{LEFT_OUT}_{word}"


def is_left_out(name: str) -> bool:
    return name.startswith(f"{LEFT_OUT}_")
