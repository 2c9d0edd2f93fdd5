"""Where SQL engines differ, as data and small functions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import pyarrow as pa

from penstock.core import metadata
from penstock.core.digest import Form
from penstock.core.types import normal
from penstock.sdk.sql.digest.sums import DigestWords
from penstock.sdk.sql.tx import Tx


class Dialect(ABC):
    """Names, types and text forms of one engine."""

    name: str
    place = ""
    """The engine's own column that grows with each row that is added; empty without one."""

    def ident(self, name: str) -> str:
        """The name as a quoted identifier."""
        return '"' + name.replace('"', '""') + '"'

    def same(self, one: str, other: str) -> str:
        """Whether two values are equal, or both null."""
        return f"{one} IS NOT DISTINCT FROM {other}"

    def newest_first(self, column: str) -> str:
        """An order that begins with the greatest and ends with nulls."""
        return f"{column} DESC NULLS LAST"

    def milliseconds(self, count: str = "") -> str:
        """An interval of one millisecond, or of so many."""
        return f"({count}) * INTERVAL '1 millisecond'" if count else "INTERVAL '1 millisecond'"

    def update(self, table: str, values: Mapping[str, str], sources: str, where: str) -> str:
        """Set columns of `table`, which is `t`, in rows that meet rows of `sources`."""
        done = ", ".join(f"{name} = {value}" for name, value in values.items())
        return f"UPDATE {table} AS t SET {done} FROM {sources} WHERE {where}"

    def delete(self, table: str, name: str, where: str, sources: str = "") -> str:
        """Delete rows of `table`, under the name given, that meet rows of `sources`, if any."""
        using = f" USING {sources}" if sources else ""
        return f"DELETE FROM {table} AS {name}{using} WHERE {where}"

    def drop_temporary(self, table: str) -> str:
        """Drop a temporary table, without an end of the transaction."""
        return f"DROP TABLE {table}"

    def again(
        self,
        tx: Tx,  # noqa: ARG002
        rows: str,
        key: Sequence[str],  # noqa: ARG002
        columns: str = "*",  # noqa: ARG002
    ) -> str:
        """Rows that a statement reads a second time, by their key; some engines need a copy."""
        return rows

    @abstractmethod
    def type_name(self, field: pa.Field) -> str:
        """The column type that holds every value of the Arrow type (pipelines.md 12.8)."""

    def column_type(self, field: pa.Field) -> str:
        """The type of a column that is made."""
        return "CHAR(1)" if field.name == metadata.OP else self.type_name(field)

    @abstractmethod
    def arrow_type(self, name: str) -> pa.DataType:
        """The Arrow type of a column type as the engine's catalogue writes it."""

    @abstractmethod
    def to_text(self, expression: str, kind: pa.DataType) -> str:
        """An expression's value as text, in the very form of `core.convert`."""

    def returned(self, field: pa.Field) -> pa.DataType:
        """The type in which a SELECT of `fetched` arrives: the column's own, or text."""
        return normal(field)

    def fetched(self, field: pa.Field) -> str:
        """A column in a select list; where `returned` is text, in the form of `core.convert`."""
        return self.ident(field.name)

    @property
    def digests(self) -> DigestWords | None:
        """Words for sums of hashes; None where an engine has none."""
        return None

    def digested(self, field: pa.Field, form: Form) -> str | None:  # noqa: ARG002
        """A column's value in a form, None when it cannot be written so."""
        return None

    def compared(self, expression: str, field: pa.Field) -> str:  # noqa: ARG002
        """A column's value in a form that has an equality; most have one as they are."""
        return expression

    def fingerprint(self, values: Sequence[tuple[str, pa.Field]]) -> str:
        """Values of a row as one that is equal only where all are; engines have shorter ones."""
        return f"ROW({', '.join(expression for expression, _ in values)})"

    def moment(self, expression: str) -> str:
        """Epoch milliseconds as a timestamp without zone, exact."""
        return f"(TIMESTAMP '1970-01-01' + {expression} * INTERVAL '1 millisecond')"

    def epoch_ms(self, expression: str) -> str:
        """A timestamp without zone as epoch milliseconds."""
        return f"CAST(round(extract(epoch FROM {expression}) * 1000) AS BIGINT)"

    def cast(self, expression: str, kind: pa.DataType, target: pa.Field) -> str:
        """An expression of one type as a value of a wider column."""
        wanted = self.type_name(target)
        if wanted == self.type_name(pa.field("x", kind)):
            return expression
        if target.name in metadata.INSTANTS and is_turned(kind, target.type):
            turned = self.moment if target.type == metadata.TIMESTAMP else self.epoch_ms
            return turned(expression)
        if pa.types.is_string(target.type):
            return self.to_text(expression, kind)
        return f"CAST({expression} AS {wanted})"


def is_turned(old: pa.DataType, new: pa.DataType) -> bool:
    """Whether one is epoch milliseconds and the other a timestamp."""
    return {old, new} == {pa.int64(), metadata.TIMESTAMP}
