"""From pgoutput messages to changes in commit order; what is rolled back never appears."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from penstock.connectors.sources.postgres.log import fields
from penstock.connectors.sources.postgres.log import messages as kind
from penstock.connectors.sources.postgres.log.changes import Changes, read_changes
from penstock.connectors.sources.postgres.log.fields import Commit, Relation
from penstock.connectors.sources.postgres.log.messages import Messages
from penstock.sdk.log.spill import Spill

_STREAMED: Final = 4
"""Bytes of the transaction's number, in each message of a streamed transaction."""
_NUMBER: Final = 17
"""Where a BEGIN has the transaction's number, behind its kind, end and time."""


def _table(*kinds: int) -> kind.Mask:
    table = np.zeros(256, bool)
    table[list(kinds)] = True
    return table


_ROWS = _table(kind.INSERT, kind.UPDATE, kind.DELETE)
# Messages after which the ones before and behind must not be read in one go.
_CUTS = _table(
    kind.RELATION, kind.TRUNCATE, kind.STREAM_START, kind.STREAM_STOP, kind.STREAM_COMMIT,
    kind.STREAM_ABORT,
)  # fmt: skip
_KNOWN = _ROWS | _CUTS | _table(kind.BEGIN, kind.COMMIT, kind.TYPE, kind.ORIGIN, kind.MESSAGE)


@dataclass(frozen=True)
class Emptied:
    """A TRUNCATE: these relations have no rows any more."""

    relations: tuple[Relation, ...]


Piece = Changes | Emptied | Commit
KeyOf = Callable[[Relation], Sequence[int] | None]
"""Places of a relation's key columns; None for a relation that is not wanted."""


@dataclass
class _Open:
    """A transaction that the server sends before it ends."""

    spill: Spill
    aborted: set[int] = field(default_factory=set)


class Decoder:
    """Reads the messages of one connection, in the order they came.

    Args:
        key_of: asked for each relation as it is now.
        numbered: whether the changes of a relation shall tell which transactions made them.
        new_spill: makes the file of a transaction that comes before its end.
    """

    def __init__(
        self,
        key_of: KeyOf,
        new_spill: Callable[[], Spill] = Spill,
        numbered: Callable[[Relation], bool] = lambda _relation: False,
    ) -> None:
        self._key_of = key_of
        self._numbered = numbered
        self._new_spill = new_spill
        self._relations: dict[int, Relation] = {}
        self._open: dict[int, _Open] = {}
        self._streaming: int | None = None
        self._number = 0
        """Of the transaction that began last."""
        self.in_transaction = False
        """A transaction has begun whose end has not been read yet."""

    def feed(self, messages: Messages) -> Iterator[Piece]:
        """Changes by relation, truncates and ends of transactions.

        Changes of different relations between two ends may come in another order than they
        were made; those of one relation do not. The end of a transaction comes after all
        that belongs to it.

        Raises:
            ValueError: the bytes are not what the protocol says.
        """
        kinds = messages.kinds
        if not _KNOWN[kinds].all():
            odd = int(kinds[~_KNOWN[kinds]][0])
            raise ValueError(f"an unknown message {chr(odd)!r}")
        start = 0
        for cut in np.flatnonzero(_CUTS[kinds]).tolist():
            yield from self._between(messages.part(start, cut))
            yield from self._single(messages.part(cut, cut + 1))
            start = cut + 1
        yield from self._between(messages.part(start, messages.count))

    def tables_in(self, messages: Messages) -> set[tuple[str, str]]:
        """Schema and name of tables that these messages describe or change, whatever becomes of
        their transactions."""
        kinds = messages.kinds
        parts = (kinds == kind.STREAM_START).astype(int) - (kinds == kind.STREAM_STOP)
        inside = np.cumsum(parts) + (self._streaming is not None) > 0
        shifts = np.where(inside, _STREAMED, 0)
        at = np.flatnonzero(kinds == kind.RELATION)
        told = [fields.relation(messages.payload(i), int(shifts[i])) for i in at.tolist()]
        rows = _ROWS[kinds]
        oids = np.unique(messages.u32(messages.starts[rows] + 1 + shifts[rows])).tolist()
        known = [self._relations[oid] for oid in oids if oid in self._relations]
        return {(relation.schema, relation.name) for relation in (*told, *known)}

    def close(self) -> None:
        """Forget what is open: a new connection sends it again."""
        for transaction in self._open.values():
            transaction.spill.close()
        self._open.clear()

    def _between(self, part: Messages) -> Iterator[Piece]:
        if not part.count:
            return
        if self._streaming is not None:
            self._keep(part)
            return
        yield from self._rows(part, 0, lambda at: self._numbers(part, at))
        kinds = part.kinds
        ends = np.flatnonzero((kinds == kind.COMMIT) | (kinds == kind.BEGIN))
        if len(ends):
            self.in_transaction = bool(kinds[ends[-1]] == kind.BEGIN)
            self._number = int(self._numbers(part, np.array([part.count]))[0])
        commits = ends[kinds[ends] == kind.COMMIT]
        if len(commits):
            yield fields.commit(part.payload(int(commits[-1])))

    def _single(self, one: Messages) -> Iterator[Piece]:
        what = int(one.kinds[0])
        if self._streaming is not None and what in (kind.RELATION, kind.TRUNCATE):
            self._keep(one)
        elif what in (kind.RELATION, kind.TRUNCATE):
            yield from self._described(one.payload(0), 0)
        elif what == kind.STREAM_START:
            self._streaming = fields.stream_start(one.payload(0))
        elif what == kind.STREAM_STOP:
            self._streaming = None
        elif what == kind.STREAM_ABORT:
            self._abort(*fields.stream_abort(one.payload(0)))
        else:
            yield from self._commit(*fields.stream_commit(one.payload(0)))

    def _described(self, payload: bytes, shift: int) -> Iterator[Piece]:
        if payload[0] == kind.RELATION:
            relation = fields.relation(payload, shift)
            self._relations[relation.oid] = relation
            return
        known = (self._relations.get(oid) for oid in fields.truncated(payload, shift))
        wanted = tuple(item for item in known if item and self._key_of(item) is not None)
        if wanted:
            yield Emptied(wanted)

    def _numbers(self, part: Messages, at: kind.Ints) -> kind.Ints:
        """Numbers of the transactions in which these messages are."""
        begins = np.flatnonzero(part.kinds == kind.BEGIN)
        begun = np.append(self._number, part.u32(part.starts[begins] + _NUMBER))
        found: kind.Ints = begun[np.searchsorted(begins, at)]
        return found

    def _rows(
        self, part: Messages, shift: int, numbers: Callable[[kind.Ints], kind.Ints]
    ) -> Iterator[Piece]:
        places = np.flatnonzero(_ROWS[part.kinds])
        rows = part.chosen(places)
        if not rows.count:
            return
        oids = rows.u32(rows.starts + 1 + shift)
        for oid in np.unique(oids).tolist():
            relation = self._relations.get(oid)
            if relation is None:
                raise ValueError(f"a row of relation {oid}, which was not described")
            key = self._key_of(relation)
            if key is None:
                continue
            its = oids == oid
            told = numbers(places[its]) if self._numbered(relation) else None
            yield read_changes(rows.chosen(its), relation, key, shift, told)

    def _keep(self, part: Messages) -> None:
        assert self._streaming is not None
        if self._streaming not in self._open:
            self._open[self._streaming] = _Open(self._new_spill())
        data, places = part.block()
        self._open[self._streaming].spill.append(data, places.tobytes())

    def _abort(self, transaction: int, inner: int) -> None:
        if transaction not in self._open:
            return
        if inner == transaction:
            self._open.pop(transaction).spill.close()
        else:
            self._open[transaction].aborted.add(inner)

    def _commit(self, transaction: int, end: Commit) -> Iterator[Piece]:
        """Replay a streamed transaction without its parts that were rolled back."""
        kept = self._open.pop(transaction, None)
        if kept is not None:
            aborted = np.fromiter(kept.aborted, np.int64, len(kept.aborted))
            self.in_transaction = True
            for data, index in kept.spill.blocks():
                yield from self._replay(Messages.of_block(data, index), aborted, transaction)
            self.in_transaction = False
            kept.spill.close()
        yield end

    def _replay(self, block: Messages, aborted: kind.Ints, number: int) -> Iterator[Piece]:
        def numbers(at: kind.Ints) -> kind.Ints:
            return np.full(len(at), number, np.int64)

        # A description serves the whole transaction, also when the part that it came with fails.
        kinds = block.kinds
        gone = np.isin(block.u32(block.starts + 1), aborted) & (kinds != kind.RELATION)
        block = block.chosen(~gone)
        start = 0
        for cut in np.flatnonzero(_CUTS[block.kinds]).tolist():
            yield from self._rows(block.part(start, cut), _STREAMED, numbers)
            yield from self._described(block.payload(cut), _STREAMED)
            start = cut + 1
        yield from self._rows(block.part(start, block.count), _STREAMED, numbers)
