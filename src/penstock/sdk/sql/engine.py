"""What an engine brings to the SQL that all of them share."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import pyarrow as pa

from penstock.core.instants import Instants
from penstock.core.load import TableLoad
from penstock.core.types import is_json, json_array
from penstock.sdk.destination import Destination
from penstock.sdk.sql.ddl import add_columns
from penstock.sdk.sql.dialect import Dialect
from penstock.sdk.sql.ledger import Ledger
from penstock.sdk.sql.merge import Counts, merge
from penstock.sdk.sql.names import shadow_name
from penstock.sdk.sql.publish import publish, rename
from penstock.sdk.sql.switch import VALIDITY, adopt
from penstock.sdk.sql.target import Target
from penstock.sdk.sql.tx import Tx

SWEEP_KEYS = "_ps_stg_keys"
SWEEP_GROUPS = "_ps_stg_groups"


class SqlEngine(Destination):
    """A dialect, transactions, ways to read files; and statements where engines differ."""

    dialect: Dialect
    ledger_book: Ledger
    instants: Instants = "EPOCH_MS"
    """How tables keep the times of ours; columns made under the other setting are changed."""
    table_options: str = ""
    """What stands behind the columns of a table that is made."""

    def __init__(self) -> None:
        self.cancel = threading.Event()
        # What a load has to tell; engines add to it while they copy.
        self.warnings: list[str] = []

    @abstractmethod
    def transaction(self) -> AbstractContextManager[Tx]:
        """A transaction that commits when the block ends well; foreign errors are translated."""

    @abstractmethod
    def looking(self) -> AbstractContextManager[Tx | None]:
        """A transaction that makes and changes nothing; None where there is nothing yet."""

    @abstractmethod
    def qualified(self, table: str) -> str:
        """Schema and table, quoted."""

    @abstractmethod
    def columns(self, tx: Tx, table: str) -> pa.Schema | None:
        """The table's columns now; None when there is no such table."""

    @abstractmethod
    def rows_of(self, tx: Tx, load: TableLoad, existing: pa.Schema) -> AbstractContextManager[str]:
        """Bring the files within reach: a table expression in the table's types."""

    @abstractmethod
    def keys_of(self, tx: Tx, load: TableLoad, existing: pa.Schema) -> None:
        """Make the temporary table `SWEEP_KEYS` out of the sweep's key files."""

    def add_key(self, table: str, key: Sequence[str]) -> list[str]:  # noqa: ARG002
        """Clauses for a key inside CREATE TABLE; none where the engine enforces no key."""
        return [f"PRIMARY KEY ({', '.join(self.dialect.ident(name) for name in key)})"]

    def add_index(self, table: str, key: Sequence[str]) -> list[str]:  # noqa: ARG002
        """Statements for an index on a key that is not unique, where that makes loads quicker."""
        return []

    def drop_key(self, tx: Tx, table: str, key: Sequence[str]) -> list[str]:  # noqa: ARG002
        """Statements that let a key come several times, where the engine enforces this one now."""
        return []

    def column_types(
        self,
        fields: Sequence[pa.Field],
        key: Sequence[str],  # noqa: ARG002
        current: pa.Schema | None,  # noqa: ARG002
    ) -> list[str]:
        """Types of columns that are made, in a new table (None) or beside the current ones."""
        return [self.dialect.column_type(field) for field in fields]

    def widen_column(self, table: str, field: pa.Field, current: pa.Schema) -> list[str]:
        """Statements that change a column's type without losing a value."""
        name = self.dialect.ident(field.name)
        using = self.dialect.cast(name, current.field(field.name).type, field)
        kind = self.dialect.type_name(field)
        return [f"ALTER TABLE {self.qualified(table)} ALTER {name} TYPE {kind} USING {using}"]

    def first_versions(self, table: str, columns: pa.Schema) -> list[str]:
        """Statements that add the columns of validity and make each row the first of its key."""
        validity = [field for field in columns if field.name in VALIDITY]
        added = add_columns(self, table, validity, columns)
        return [*added, adopt(self.dialect, self.qualified(table), columns)]

    def insert_new(
        self,
        tx: Tx,  # noqa: ARG002
        load: TableLoad,  # noqa: ARG002
        place: str,  # noqa: ARG002
        existing: pa.Schema,  # noqa: ARG002
    ) -> Counts | None:
        """Rows of which none is stored yet, straight into the table `place`.

        None, and nothing done, where the engine has no such way or finds that it is not so.
        """
        return None

    def merge_rows(self, tx: Tx, target: Target) -> Counts:
        """Merge mode. The shared way is a join; engines with a better one override this."""
        return merge(tx, target)

    def show(self, tx: Tx, table: str, generation: int) -> None:
        """Swap the shadow of a generation in, and record it."""
        publish(self, tx, table, generation)

    def swap(self, tx: Tx, table: str, shadow: str) -> None:
        """Put the shadow in the table's place; readers see one or the other."""
        rename(self, tx, table, shadow)

    def batches(self, tx: Tx, sql: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Rows of a SELECT, a piece at a time. Engines with a way that is quicker override this."""
        rows = tx.rows(sql)
        columns = list(zip(*rows, strict=True)) if rows else [() for _ in schema]
        arrays = [
            pa.array(list(values), pa.string() if is_json(field) else field.type)
            for values, field in zip(columns, schema, strict=True)
        ]
        yield as_batch(arrays, schema)

    def prepare(self, tx: Tx) -> None:
        """Make our own tables; called once per object of this class."""
        self.ledger_book.create(tx)

    def stop_with(self, cancel: threading.Event) -> None:
        self.cancel = cancel

    def place(self, tx: Tx, table: str, generation: int) -> str:
        """The table itself, or the shadow while its generation is not shown yet."""
        if generation == 0 or self.ledger_book.generation(tx, table) >= generation:
            return table
        return shadow_name(table, generation, self.capabilities.table_limit)

    @contextmanager
    def taken_back(self) -> Iterator[Tx]:
        """A transaction that is rolled back at its end, with all that it made."""
        try:
            with self.transaction() as tx:
                yield tx
                raise _TakenBack
        except _TakenBack:
            return


def as_batch(arrays: Sequence[pa.Array], schema: pa.Schema) -> pa.RecordBatch:
    """Columns as an engine gives them, in the types of the schema."""
    done = [
        json_array(array.cast(pa.string())) if is_json(field) else array.cast(field.type)
        for array, field in zip(arrays, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(done, schema=schema)


class _TakenBack(Exception):
    """Ends a trial's transaction without a commit."""
