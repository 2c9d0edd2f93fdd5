"""Destinations that take rows by a bulk copy into a temporary table first."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from penstock.core import metadata
from penstock.core.load import TableLoad
from penstock.sdk.sql.destination import SqlDestination
from penstock.sdk.sql.engine import SWEEP_KEYS
from penstock.sdk.sql.filling import mask_columns
from penstock.sdk.sql.tx import Tx

STAGED_ROWS = "_ps_stg_rows"
_FIELDS = (
    pa.field(metadata.OP, pa.string()),
    pa.field(metadata.SEQ, pa.int64()),
    pa.field(metadata.HINT, pa.int16()),
)


class StagedDestination(SqlDestination):
    """Engines that cannot read Parquet themselves; the target is locked only after the copy."""

    @abstractmethod
    def copy_in(
        self,
        tx: Tx,
        table: str,
        fields: Sequence[pa.Field],
        files: Sequence[Path],
        key: Sequence[pa.Field],
    ) -> None:
        """Make a temporary table of these columns and fill it from Parquet files.

        Columns that a file lacks are null; columns of a file that are not asked for stay out.

        Args:
            key: the columns of the key as the target has them.

        Raises:
            DataError: a value does not fit its column.
        """

    @contextmanager
    def rows_of(self, tx: Tx, load: TableLoad, existing: pa.Schema) -> Iterator[str]:
        fields = [*load.schema, *(f for f in _FIELDS if f.name not in load.schema.names)]
        fields += [pa.field(name, pa.int64()) for name in mask_columns(load)]
        key = [existing.field(name) for name in load.key]
        self.copy_in(tx, STAGED_ROWS, fields, load.files, key)
        parts = []
        known = {field.name: field for field in existing}
        for field in fields:
            name = self.dialect.ident(field.name)
            wanted = known.get(field.name, field)
            parts.append(f"{self.dialect.cast(name, field.type, wanted)} AS {name}")
        yield f"(SELECT {', '.join(parts)} FROM {STAGED_ROWS})"
        tx.run(self.dialect.drop_temporary(STAGED_ROWS))

    def keys_of(self, tx: Tx, load: TableLoad, existing: pa.Schema) -> None:
        assert load.sweep is not None
        fields = [existing.field(name) for name in load.key]
        self.copy_in(tx, SWEEP_KEYS, fields, load.sweep.key_files, fields)
