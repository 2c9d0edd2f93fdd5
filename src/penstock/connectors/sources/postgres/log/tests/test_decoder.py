"""The decoder, on what a real server wrote."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import psycopg
import pytest

from penstock.connectors.sources.postgres.log.changes import Changes
from penstock.connectors.sources.postgres.log.decoder import Decoder, Emptied, Piece
from penstock.connectors.sources.postgres.log.fields import Commit, Relation
from penstock.connectors.sources.postgres.log.messages import Messages

pytestmark = pytest.mark.postgres

BIG = 200_000
"""Characters of a text that is stored apart from its row; no compression makes it small."""


class Log:
    """One database with a slot; what is done is read back as messages."""

    def __init__(self, url: str, setup: str) -> None:
        self.connection = psycopg.connect(url, autocommit=True)
        self.do(setup)
        self.do("create publication p for all tables")
        self.do(
            "select pg_create_logical_replication_slot('s' || md5(current_database()), 'pgoutput')"
        )

    def do(self, *statements: str) -> None:
        for statement in statements:
            self.connection.execute(statement.encode())

    def messages(self, **options: str) -> list[bytes]:
        words = {"proto_version": "2", "publication_names": "p", **options}
        pairs = ", ".join(f"'{name}', '{value}'" for name, value in words.items())
        sql = (
            "select data from pg_logical_slot_get_binary_changes("
            f"'s' || md5(current_database()), null, null, {pairs})"
        )
        return [bytes(row[0]) for row in self.connection.execute(sql.encode()).fetchall()]


@pytest.fixture
def log(logical_url: str) -> Iterator[Log]:
    log = Log(logical_url, "create table t(id int primary key, note text, n numeric)")
    with closing(log.connection):
        yield log


def first_column(relation: Relation) -> Sequence[int]:
    return [0] if relation.identity != "n" else []


def decode(messages: list[bytes], *, at_once: int = 1_000_000) -> list[Piece]:
    decoder = Decoder(first_column)
    pieces: list[Piece] = []
    for start in range(0, len(messages), at_once):
        pieces += decoder.feed(Messages.of(messages[start : start + at_once]))
    decoder.close()
    return pieces


def rows(pieces: Sequence[Piece]) -> list[tuple[Any, ...]]:
    """(table, op, *values); a value that the log left out is "left out"."""
    found: list[tuple[Any, ...]] = []
    for piece in pieces:
        if isinstance(piece, Changes):
            columns = [array.to_pylist() for array in piece.raw]
            for i, op in enumerate(piece.ops.tolist()):
                cells = [
                    "left out" if mask is not None and mask[i] else column[i]
                    for column, mask in zip(columns, piece.left_out, strict=True)
                ]
                found.append((piece.relation.name, chr(op), *cells))
        elif isinstance(piece, Emptied):
            found += [(relation.name, "emptied") for relation in piece.relations]
    return found


def test_changes_come_in_order_with_all_their_values(log: Log) -> None:
    log.do("insert into t values (1, 'one', 1.50), (2, null, 'NaN')")
    log.do("update t set note = 'zwölf' where id = 1", "delete from t where id = 2")
    pieces = decode(log.messages())
    assert rows(pieces) == [
        ("t", "I", "1", "one", "1.50"),
        ("t", "I", "2", None, "NaN"),
        ("t", "U", "1", "zwölf", "1.50"),
        ("t", "D", "2", None, None),
    ]
    assert isinstance(pieces[-1], Commit)


@pytest.mark.parametrize("at_once", [1, 2, 3, 7])
def test_messages_may_be_cut_anywhere(log: Log, at_once: int) -> None:
    log.do("insert into t select i, 'n' || i, i from generate_series(1, 20) i")
    log.do("update t set id = id + 100 where id % 2 = 0", "truncate t", "insert into t values (1)")
    messages = log.messages()
    assert rows(decode(messages, at_once=at_once)) == rows(decode(messages))


def test_a_changed_key_is_the_end_of_the_old_row_and_a_new_one(log: Log) -> None:
    log.do("insert into t values (1, 'a', 1), (2, 'b', 2)")
    log.do("update t set id = id + 10", "update t set note = 'c' where id = 11")
    assert rows(decode(log.messages()))[2:] == [
        ("t", "D", "1", None, None),
        ("t", "I", "11", "a", "1"),
        ("t", "D", "2", None, None),
        ("t", "I", "12", "b", "2"),
        ("t", "U", "11", "c", "1"),
    ]


def test_a_stored_text_that_did_not_change_is_left_out(log: Log) -> None:
    log.do("alter table t alter note set storage external")
    log.do(f"insert into t values (1, repeat('x', {BIG}), 1), (2, 'short', 2)")
    log.do("update t set n = n + 1", "update t set id = 3 where id = 1")
    pieces = decode(log.messages())
    assert rows(pieces)[2:] == [
        ("t", "U", "1", "left out", "2"),
        ("t", "U", "2", "short", "3"),
        ("t", "D", "1", None, None),
        ("t", "I", "3", "left out", "2"),
    ]
    assert [piece.rekeyed.tolist() for piece in pieces if isinstance(piece, Changes)] == [
        [False] * 5 + [True]
    ]


def test_with_full_identity_the_old_row_gives_what_the_new_one_left_out(log: Log) -> None:
    log.do("alter table t alter note set storage external, replica identity full")
    log.do(f"insert into t values (1, repeat('x', {BIG}), 1), (2, null, 2)")
    log.do("update t set n = n + 1", "update t set id = 3 where id = 1", "delete from t")
    found = rows(decode(log.messages()))[2:]
    assert [(row[1], row[2], len(row[3] or ""), row[4]) for row in found] == [
        ("U", "1", BIG, "2"),
        ("U", "2", 0, "3"),
        ("D", "1", BIG, "2"),
        ("I", "3", BIG, "2"),
        ("D", "2", 0, "3"),
        ("D", "3", BIG, "2"),
    ]


def test_what_is_rolled_back_never_comes(log: Log) -> None:
    log.do("begin", "insert into t values (1, 'a', 1)", "rollback")
    log.do("begin", "insert into t values (2, 'b', 2)", "savepoint s")
    log.do("insert into t values (3, 'c', 3)", "rollback to s", "commit")
    assert rows(decode(log.messages())) == [("t", "I", "2", "b", "2")]


@pytest.mark.parametrize("at_once", [1_000_000, 50])
def test_large_transactions_come_before_their_end_and_count_only_then(
    log: Log, at_once: int
) -> None:
    many = "insert into t select i, repeat('x', 100), i from generate_series({}, {}) i"
    log.do("begin", many.format(1, 2000), "savepoint s", many.format(2001, 4000), "rollback to s")
    log.do(many.format(4001, 6000), "truncate t", many.format(7001, 8000), "commit")
    log.do("begin", many.format(10_001, 12_000), "rollback")
    log.do("insert into t values (-1)")
    messages = log.messages(streaming="on")
    assert {message[0:1] for message in messages} >= {b"S", b"E", b"c", b"A"}
    pieces = decode(messages, at_once=at_once)
    found = [row[2] if row[1] == "I" else row[1] for row in rows(pieces)]
    ids = [*range(1, 2001), *range(4001, 6001)]
    assert found == [*map(str, ids), "emptied", *map(str, range(7001, 8001)), "-1"]
    ends = [i for i, piece in enumerate(pieces) if isinstance(piece, Commit)]
    assert len(ends) == 2
    assert isinstance(pieces[ends[0] - 1], Changes)


def test_two_large_transactions_side_by_side(log: Log, logical_url: str) -> None:
    many = "insert into t select i, repeat('x', 100), i from generate_series({}, {}) i"
    log.do("begin", many.format(1, 1000))
    with psycopg.connect(logical_url) as other:
        other.execute(many.format(5001, 6000).encode())
        log.do(many.format(1001, 2000))
        other.execute(many.format(6001, 7000).encode())
    log.do("commit")
    found = [int(row[2]) for row in rows(decode(log.messages(streaming="on")))]
    assert found == [*range(5001, 7001), *range(1, 2001)]


def test_changes_of_the_shape_come_in_order_with_the_rows(log: Log) -> None:
    log.do("insert into t values (1, 'a', 1)", "alter table t add extra date default '2020-01-02'")
    log.do("insert into t values (2, 'b', 2)", "alter table t drop note")
    log.do("insert into t values (3, 3)", "alter table t rename n to amount")
    log.do("insert into t values (4, 4)", "alter table t alter id type bigint")
    log.do("insert into t values (5000000000, 5)")
    shapes = [
        (
            [(c.name, c.type_oid) for c in piece.relation.columns],
            [array.to_pylist() for array in piece.raw],
        )
        for piece in decode(log.messages())
        if isinstance(piece, Changes)
    ]
    int4, int8, text, numeric, date = 23, 20, 25, 1700, 1082
    assert shapes == [
        ([("id", int4), ("note", text), ("n", numeric)], [["1"], ["a"], ["1"]]),
        (
            [("id", int4), ("note", text), ("n", numeric), ("extra", date)],
            [["2"], ["b"], ["2"], ["2020-01-02"]],
        ),
        ([("id", int4), ("n", numeric), ("extra", date)], [["3"], ["3"], ["2020-01-02"]]),
        ([("id", int4), ("amount", numeric), ("extra", date)], [["4"], ["4"], ["2020-01-02"]]),
        (
            [("id", int8), ("amount", numeric), ("extra", date)],
            [["5000000000"], ["5"], ["2020-01-02"]],
        ),
    ]


def test_identity_by_another_index(log: Log) -> None:
    log.do(
        "create table u(a int primary key, b int not null unique, c text)",
        "alter table u replica identity using index u_b_key",
        "insert into u values (1, 10, 'x')", "update u set c = 'y'", "update u set b = 11",
        "delete from u",
    )  # fmt: skip
    decoder = Decoder(lambda relation: [i for i, c in enumerate(relation.columns) if c.in_identity])
    found = rows(list(decoder.feed(Messages.of(log.messages()))))
    assert found == [
        ("u", "I", "1", "10", "x"),
        ("u", "U", "1", "10", "y"),
        ("u", "D", None, "10", None),
        ("u", "I", "1", "11", "y"),
        ("u", "D", None, "11", None),
    ]


def test_tables_that_are_not_wanted_are_passed_over(log: Log) -> None:
    log.do("create table other(id int primary key)", "insert into other values (1)")
    log.do("insert into t values (1)", "truncate other")
    decoder = Decoder(lambda relation: [0] if relation.name == "t" else None)
    pieces = list(decoder.feed(Messages.of(log.messages())))
    assert rows(pieces) == [("t", "I", "1", None, None)]
    assert isinstance(pieces[-1], Commit)


def test_binary_values_are_told_apart(log: Log) -> None:
    log.do("insert into t values (1, 'a', 1), (2, null, null)")
    (changes,) = [p for p in decode(log.messages(binary="true")) if isinstance(p, Changes)]
    assert changes.binary == (True, True, True)
    assert changes.raw[0].to_pylist() == [b"\0\0\0\1", b"\0\0\0\2"]
    assert changes.raw[1].to_pylist() == [b"a", None]


def test_bytes_that_are_no_messages_are_refused(log: Log) -> None:
    log.do("insert into t values (1)")
    messages = log.messages()
    with pytest.raises(ValueError, match="unknown message"):
        decode([*messages, b"?"])
    with pytest.raises(ValueError, match="was not described"):
        decode([message for message in messages if message[0:1] != b"R"])


def test_an_open_transaction_is_known(log: Log) -> None:
    log.do("insert into t values (1)")
    messages = log.messages()
    decoder = Decoder(first_column)
    list(decoder.feed(Messages.of(messages[:-1])))
    assert decoder.in_transaction
    list(decoder.feed(Messages.of(messages[-1:])))
    assert not decoder.in_transaction
