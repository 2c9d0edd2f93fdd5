"""The contract of a destination."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from penstock.core.digest import Digest, DigestPlan, Part
from penstock.core.load import Receipt, TableLoad, WriteMode
from penstock.sdk.source import Step


@dataclass(frozen=True)
class Capabilities:
    """What a destination can do; the conformance suite holds it to each, and to refusing the rest.

    Args:
        modes: write modes it offers.
        atomic_load: rows and ledger row are committed together.
        atomic_package: all tables of a package, too (`load_package`).
        widen_column: can change a column's type in place (or by copy) without losing rows.
        publish: can show a full reload at once.
        table_limit, column_limit: longest names, in `name_unit`.
        max_columns: columns a table can have, ours included.
        nonfinite: columns of floating numbers hold NaN and infinity; else those become null, and
            the receipt warns of it.
        signed_zero: those columns hold both zeros; else a negative one may lose its sign.
        reserved_columns: names that no column can have, in lower case.
        server: a load's rows are compared with stored ones in another process's memory.
    """

    modes: frozenset[WriteMode]
    atomic_load: bool = True
    atomic_package: bool = False
    widen_column: bool = True
    publish: bool = True
    table_limit: int = 255
    column_limit: int = 255
    name_unit: str = "characters"
    max_columns: int = 1600
    nonfinite: bool = True
    signed_zero: bool = True
    reserved_columns: frozenset[str] = frozenset()
    server: bool = False


@dataclass(frozen=True)
class Refused:
    """One row of a load that the destination will not take; `index` counts rows over its files."""

    index: int
    code: str
    reason: str


@dataclass(frozen=True)
class LedgerEntry:
    """A newest ledger row of one table and split: where the destination says we are.

    `published` is the generation of the table that its readers see.
    """

    load_id: str
    table: str
    split: str
    package_no: int
    checkpoint: str | None
    fence: int = 0
    loaded_at: int = 0
    published: int = 0


@dataclass(frozen=True)
class TableRead:
    """Rows of a table as a comparison wants them: none that are flagged as deleted, of a table
    with history the active versions.

    Args:
        columns: names, in the order wanted.
        key: names of key columns.
        part: those asked for; an engine that cannot tell them gives more.
        newest: only the newest row of each key.
    """

    table: str
    columns: tuple[str, ...]
    key: tuple[str, ...] = ()
    part: Part = ()
    newest: bool = False


class Destination(ABC):
    """Writes one system. Built for one job, called from one thread at a time, closed at its end.

    In time, for each package: for each table `evolve`, `load`; then, when a full reload ended,
    `publish`. Each may be repeated after a crash: `evolve` finds nothing to do, `load` answers
    from its ledger, `publish` finds the generation in place.

    Errors: `TransientError` (unreachable, locked, restarting: the package waits), `DataError`
    (some row is refused: `refused` finds which), `NoRoom` (perhaps for a row: the same),
    `ConfigError`/`AuthError` (the user must act).
    """

    capabilities: Capabilities

    @property
    @abstractmethod
    def identity(self) -> str:
        """Which system and schema this is, without secrets: two connections that write the same
        tables have the same identity, so that names chosen there are chosen once."""

    @abstractmethod
    def check(self) -> Iterator[Step]:
        """Connect, create a table, insert, merge, drop it; each failing step is named.

        Leaves nothing behind, not even what a run would make for itself.
        """

    @abstractmethod
    def describe(self, table: str) -> pa.Schema | None:
        """Columns as they are now, ours included; None when there is no such table."""

    @abstractmethod
    def changes(
        self,
        table: str,
        schema: pa.Schema,
        key: Sequence[str],
        *,
        mode: WriteMode = WriteMode.MERGE,
        generation: int = 0,
    ) -> list[str]:
        """Statements that `evolve` would run now; runs none."""

    @abstractmethod
    def evolve(
        self,
        table: str,
        schema: pa.Schema,
        key: Sequence[str],
        *,
        mode: WriteMode,
        generation: int = 0,
    ) -> list[str]:
        """Create the table, or add and widen columns so that it can take `schema`.

        Columns are never dropped or narrowed. Repeated calls do nothing. Returns what was run.
        A generation above the published one evolves its shadow table.
        """  # fmt: skip

    def check_modes(  # noqa: B027
        self, wanted: Mapping[str, tuple[Sequence[str], WriteMode]]
    ) -> None:
        """Before anything is read: raises `ConfigError` when a table cannot go on in its mode.

        Args:
            wanted: key columns and load mode of each table.
        """

    @abstractmethod
    def load(self, load: TableLoad) -> Receipt:
        """In one transaction: look the load id up; else copy the files in, apply them by
        mode, apply the sweep, write the ledger row, commit.

        A load whose ledger row exists changes nothing and returns the first receipt again,
        marked as replayed.
        """

    def load_package(self, loads: Sequence[TableLoad]) -> list[Receipt]:
        """`load` for each table of a package; with `atomic_package` in one transaction, so that
        readers see a source's transaction as a whole. Some may be known from the ledger."""
        return [self.load(load) for load in loads]

    @abstractmethod
    def refused(self, load: TableLoad, before: Sequence[TableLoad] = ()) -> list[Refused]:
        """After `load` or `load_package` raised `DataError` or `NoRoom`: the rows of this load to
        blame, found by halving in transactions that are rolled back, each after the loads
        `before` it in the package. Empty when the load as a whole goes through.

        Raises `NoRoom` when it is no row by itself that needs too much memory.
        """

    @abstractmethod
    def publish(self, table: str, generation: int) -> None:
        """Put the shadow table of `generation` in the table's place, at once for every reader."""

    def free_generation(self, table: str) -> int:  # noqa: ARG002
        """A number for a full reload of the table that nobody has used in this destination:
        above what readers see, and above shadow tables that others have left."""
        return 1

    def purge(self, table: str) -> None:
        """Remove the rows that are flagged as deleted (`Deletes.HARD`, after history was read).

        Destinations that can merge override this.
        """
        raise NotImplementedError

    def drop(self, table: str) -> None:
        """Drop a table for good, because its user said so; nothing when there is none.

        Destinations whose tables can be dropped override this.
        """
        raise NotImplementedError

    @abstractmethod
    def ledger(self, pipeline: str) -> list[LedgerEntry]:
        """Newest ledger rows of a pipeline by split and table, and the newest of those that
        hold a checkpoint where the newest do not; empty at first."""

    @abstractmethod
    def query(self, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """Rows of a read-only statement: for previews, tests and `demo`."""

    def returned(self, table: str) -> pa.Schema | None:
        """Types in which `read` gives the columns of a table; None when there is no such table.

        The column's own type, or text in the very form of `core.convert`.
        """
        return self.describe(table)

    def read(self, wanted: TableRead) -> Iterator[pa.RecordBatch]:
        """Rows of a table, a batch at a time, in the types of `returned`."""
        raise NotImplementedError

    def key_span(self, table: str, column: str) -> tuple[int, int] | None:  # noqa: ARG002
        """Least and greatest value of a column of whole numbers, of rows that count; None
        without rows, or where the engine does not compute."""
        return None

    def digest(self, table: str, plan: DigestPlan) -> Digest | None:  # noqa: ARG002
        """Sums of hashes by bucket of the rows that count, computed by the engine; None when
        it cannot."""
        return None

    def stored(self, column: pa.Array) -> pa.Array:
        """Text as this destination keeps it, where it cannot keep every character."""
        return column

    def limit_memory(self, limit_bytes: int) -> None:  # noqa: B027
        """What an engine inside our process may use; called once, before the first load."""

    def stop_with(self, cancel: threading.Event) -> None:  # noqa: B027
        """Waits of ours end with `Interrupted` when this is set; called once, before all else."""

    def quote(self, name: str) -> str:
        """The name as an identifier in this destination's SQL."""
        return '"' + name.replace('"', '""') + '"'

    def close(self) -> None:  # noqa: B027
        """Let go of connections; called once."""
