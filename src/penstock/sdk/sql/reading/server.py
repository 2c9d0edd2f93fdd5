"""What a database engine gives so that its tables and queries can be read."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import pyarrow as pa

from penstock.core import metadata
from penstock.core.types import logical_name
from penstock.sdk.source import SourceStats, Step
from penstock.sdk.sql.reading.blocks import Blocks
from penstock.sdk.sql.reading.words import SqlWords

Kind = Literal["table", "view", "query"]


@dataclass(frozen=True)
class Column:
    """One column of a table or query.

    Args:
        type: of the batches that `Server.read` gives; null when it is learned from the values.
        select: what to write in a select list to get this type; the name itself mostly.
        native: the engine's name of the type, fit for a cast.
    """

    name: str
    type: pa.DataType
    select: str
    native: str
    nullable: bool = True

    @property
    def no_place(self) -> str:
        """Why a row was set aside for its value here."""
        kind = "DECIMAL" if pa.types.is_null(self.type) else logical_name(self.type)
        return (
            f"{self.name!r} ({self.native}) holds a value that has no place in a {kind}. "
            "With `unusual_values: TEXT` the source gives such columns as text."
        )

    @property
    def is_integer(self) -> bool:
        return bool(pa.types.is_integer(self.type))

    @property
    def is_moment(self) -> bool:
        """A date with a time, which can be the cursor of DELTA_TIMESTAMP."""
        return bool(pa.types.is_timestamp(self.type))


@dataclass(frozen=True)
class Table:
    """One object that can be read: a table, a view, or a query of the user's.

    Args:
        key: columns of the primary key, else of the first unique key without nulls.
        indexes: leading columns of indexes by which it can be read in order.
        rows: estimated, None when the engine cannot tell.
        origin: what stands after FROM, quoted.
        paged: can be read by ranges of physical places (see `Server.places`).
        versioned: its rows tell which transaction wrote them (see `Server.late`).
    """

    schema: str
    name: str
    columns: tuple[Column, ...]
    origin: str
    key: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()
    rows: int | None = None
    kind: Kind = "table"
    paged: bool = False
    versioned: bool = False
    title: str = ""

    def column(self, name: str) -> Column | None:
        return next((item for item in self.columns if item.name == name), None)

    def columns_of(self, names: Sequence[str]) -> tuple[Column, ...]:
        by_name = {item.name: item for item in self.columns}
        return tuple(by_name[name] for name in names)

    @property
    def arrow_schema(self) -> pa.Schema:
        return pa.schema([pa.field(item.name, item.type) for item in self.columns])


@dataclass(frozen=True)
class Refusal:
    """One value that has no place in its column's type: its row is set aside."""

    index: int
    column: str
    reason: str


@dataclass(frozen=True)
class Rows:
    """A piece of an answer, rows in the order of the statement.

    Args:
        batch: refused rows are among them, with null in the refused place.
        refusals: at most one for a row.
        texts: the refused rows as the server wrote them, by index.
        warnings: plain sentences for the job's log.
    """

    batch: pa.RecordBatch
    refusals: tuple[Refusal, ...] = ()
    texts: Mapping[int, Mapping[str, str | None]] = field(default_factory=dict)
    size: int = 0
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Horizon:
    """What is decided in the server at one moment, taken before a snapshot.

    Args:
        clock_ms: the server's clock, epoch ms, before anything else was asked.
        open: transactions under way, by a name that is never used again: when each began
            (epoch ms, server's clock), None where this user may not know.
        token: the snapshot in the engine's words, for `Server.late`.
    """

    clock_ms: int
    open: Mapping[str, int | None]
    token: str = ""


class Read(Protocol):
    """What `Server.read` is: runs a statement, and gives its rows."""

    def __call__(
        self,
        sql: str,
        columns: Sequence[Column],
        *,
        cancel: threading.Event,
        blocks: Blocks,
    ) -> Iterator[Rows]: ...


class Server(ABC):
    """One database server, read by several threads at once; each statement is its own snapshot.

    In time: `catalogue`, or `query_table`, then any number of `read`, `horizon` and `cuts`
    from any thread, then `close`.

    Every method raises errors of `core.errors`, never the driver's.
    """

    words: SqlWords
    stats: SourceStats
    origin: str = metadata.SCHEMA
    """The column that says where a row comes from, when there are several schemas."""

    cancel: threading.Event | None = None
    """Statements are given up, and raise `Interrupted`, when this is set."""

    @property
    @abstractmethod
    def identity(self) -> str:
        """Which database this is, without secrets."""

    @abstractmethod
    def check(self) -> Iterator[Step]:
        """Steps of a connection test, to the first failure: network, login, rights."""

    @abstractmethod
    def catalogue(self) -> list[Table]:
        """Every table and view that this user may read, in order of schema and name."""

    @abstractmethod
    def query_table(self, name: str, query: str) -> Table:
        """The user's query as a table, described by a run without rows.

        Raises:
            ConfigError: it cannot stand as a table expression, or two columns share a name.
        """

    @abstractmethod
    def read(
        self,
        sql: str,
        columns: Sequence[Column],
        *,
        cancel: threading.Event,
        blocks: Blocks,
    ) -> Iterator[Rows]:
        """The answer in pieces of the size that `blocks` tells; ends early when cancelled.

        Closing the iterator stops the statement.
        """

    @abstractmethod
    def scalar(self, sql: str) -> Any:
        """The first column of the first row, None when there is none."""

    @abstractmethod
    def horizon(self) -> Horizon:
        """What is under way now."""

    def clock_ms(self) -> int:
        """The server's clock, epoch ms."""
        return self.horizon().clock_ms

    def late(self, token: str) -> str | None:
        """A condition for rows that were perhaps not to be seen yet under an earlier horizon.

        It holds for every row that became visible since, and for some others; None when
        rows of this engine do not tell.
        """
        del token
        return None

    @abstractmethod
    def cuts(self, table: Table, column: Column, parts: int) -> list[str]:
        """At most `parts` - 1 values of the column, ascending, that share its rows evenly.

        From statistics, without reading the whole table; in the form of `SqlWords.text`.
        """

    def places(self, table: Table, parts: int) -> list[str]:
        """Conditions that divide the table by physical place; none when it cannot be done."""
        del table, parts
        return []

    @abstractmethod
    def close(self) -> None:
        """Let go of all connections."""
