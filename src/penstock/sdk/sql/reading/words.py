"""The few words of SQL that reading needs, and where engines differ in them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from penstock.core.digest import Form
from penstock.sdk.sql.digest.sums import DigestWords

if TYPE_CHECKING:
    from penstock.sdk.sql.reading.server import Column


class SqlWords(ABC):
    """Quoting, literals and comparisons of one engine.

    Values of keys and cursors travel as text (they are kept in checkpoints), and become
    literals of the column's own type.
    """

    @abstractmethod
    def ident(self, name: str) -> str:
        """The name as a quoted identifier."""

    @abstractmethod
    def literal(self, text: str, column: Column) -> str:
        """A value of the column, given in the form of `text`."""

    def text(self, value: Any, column: Column) -> str:  # noqa: ARG002 (engines may differ by type)
        """A value that was read, as text from which `literal` makes the same value."""
        if isinstance(value, bytes):
            return value.hex()
        if isinstance(value, datetime):
            return value.isoformat(" ")
        if isinstance(value, date | time):
            return value.isoformat()
        return str(value)

    def moment(self, epoch_ms: int, column: Column) -> str:
        """A time of the server's clock as the column's text, in UTC."""
        at = pa.scalar(epoch_ms, pa.timestamp("ms", tz=column.type.tz)).as_py()
        return self.text(at, column)

    def after(self, columns: Sequence[Column], values: Sequence[str]) -> str:
        """Rows that come after these values in the order of the columns."""
        return self._beyond(columns, values, ">")

    def up_to(self, columns: Sequence[Column], values: Sequence[str]) -> str:
        """Rows that come before or at these values: what `after` leaves out."""
        return f"NOT {self.after(columns, values)}"

    def compared(self, column: Column, operator: str, value: str) -> str:
        return f"{self.ident(column.name)} {operator} {self.literal(value, column)}"

    def order(self, columns: Sequence[Column]) -> str:
        return ", ".join(self.ident(item.name) for item in columns)

    def select(
        self,
        columns: Sequence[Column],
        origin: str,
        where: Sequence[str] = (),
        order: Sequence[Column] = (),
        limit: int = 0,
    ) -> str:
        """A whole statement."""
        parts = [f"SELECT {', '.join(item.select for item in columns)} FROM {origin}"]
        if where:
            parts.append("WHERE " + " AND ".join(where))
        if order:
            parts.append("ORDER BY " + self.order(order))
        if limit:
            parts.append(f"LIMIT {limit}")
        return " ".join(parts)

    @property
    def digests(self) -> DigestWords | None:
        """Words for sums of hashes; None where an engine has none."""
        return None

    def sums(self) -> tuple[Column, Column, Column]:
        """Columns of a digest's answer: bucket and n, whole numbers, and total, a decimal."""
        from penstock.sdk.sql.reading.server import Column  # it names this class, too

        kinds = {"bucket": pa.int64(), "n": pa.int64(), "total": pa.decimal128(38, 0)}
        bucket, n, total = (Column(name, kind, name, "") for name, kind in kinds.items())
        return bucket, n, total

    def digested(self, column: Column, form: Form) -> str | None:  # noqa: ARG002
        """A column's value in a form, None when it cannot be written so."""
        return None

    def _beyond(self, columns: Sequence[Column], values: Sequence[str], operator: str) -> str:
        """`a > 1 OR (a = 1 AND b > 2)`, with a bound on `a` alone by which an index is found."""
        if len(columns) == 1:
            return f"({self.compared(columns[0], operator, values[0])})"
        cases = []
        for at, column in enumerate(columns[: len(values)]):
            same = [
                self.compared(earlier, "=", value)
                for earlier, value in zip(columns[:at], values[:at], strict=True)
            ]
            cases.append(
                "(" + " AND ".join([*same, self.compared(column, operator, values[at])]) + ")"
            )
        bound = self.compared(columns[0], f"{operator}=", values[0])
        return f"({bound} AND ({' OR '.join(cases)}))"
