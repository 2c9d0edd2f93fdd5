"""Connections that are kept: who gets which, and how many there are."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import count

import httpcore2
import pytest

from penstock.core.errors import Interrupted
from penstock.sdk.http.kept import KeptConnections


class FakeConnection:
    numbers: Iterator[int]

    def __init__(self) -> None:
        self.number = next(FakeConnection.numbers)
        self.available = True
        self.expired = False
        self.closed = False
        self.looks = 0

    def handle_request(self, request: httpcore2.Request) -> httpcore2.Response:
        raise AssertionError(f"nobody sends here: {request}")

    def has_expired(self) -> bool:
        self.looks += 1
        return self.expired

    def is_available(self) -> bool:
        return self.available

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def kept() -> KeptConnections:
    FakeConnection.numbers = count()
    return KeptConnections(FakeConnection, most=2)


def taken(kept: KeptConnections) -> FakeConnection:
    with kept.borrowed(None) as connection:
        assert isinstance(connection, FakeConnection)
        return connection


def test_the_connection_used_last_is_taken_and_no_other_is_looked_at(kept: KeptConnections) -> None:
    with kept.borrowed(None) as first, kept.borrowed(None) as second:
        pass
    assert isinstance(second, FakeConnection)
    assert taken(kept) is first
    assert second.looks == 0


def test_a_connection_that_the_server_left_is_replaced(kept: KeptConnections) -> None:
    first = taken(kept)
    first.expired = True
    assert taken(kept).number == 1
    assert first.closed


def test_a_connection_in_the_middle_of_an_answer_is_not_kept(kept: KeptConnections) -> None:
    with kept.borrowed(None) as connection:
        assert isinstance(connection, FakeConnection)
        connection.available = False
    assert connection.closed
    assert taken(kept).number == 1


def test_a_call_that_waits_for_a_connection_can_be_cancelled(kept: KeptConnections) -> None:
    cancel = threading.Event()
    cancel.set()
    with (
        kept.borrowed(None),
        kept.borrowed(None),
        pytest.raises(Interrupted),
        kept.borrowed(cancel),
    ):
        pass
    assert taken(kept).number in (0, 1)


def test_nothing_is_kept_once_closed(kept: KeptConnections) -> None:
    first = taken(kept)
    with kept.borrowed(None) as connection:
        assert connection is first
        kept.close()
    assert first.closed
