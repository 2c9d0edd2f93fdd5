"""How many calls a read has under way."""

from __future__ import annotations

import json
import threading
from typing import cast

import pytest

from penstock.sdk.http import Answer, Http
from penstock.sdk.http.answer import Accept, Headers
from penstock.sdk.json_columns import JsonColumns
from penstock.sdk.rest.asker import Asker
from penstock.sdk.rest.page import Cutter, Fields


class Canned:
    """Answers each call with rows of so many bytes in all, one after the other."""

    def __init__(self, *sizes: int) -> None:
        self.sizes = list(sizes)

    def get(self, path: str, params: object, *, accept: Accept, **_others: object) -> Answer:
        body = json.dumps({"rows": [{"id": "x" * self.sizes.pop(0)}]}).encode()
        answer = Answer(200, Headers(), body)
        accept(answer)
        return answer


@pytest.mark.parametrize(
    ("sizes", "ahead"),
    [
        ((), 6),
        ((100,), 6),
        ((1_700,), 5),
        ((100, 4_000, 100), 2),
        ((50_000,), 1),
    ],
)
def test_bodies_that_wait_stay_within_their_room(sizes: tuple[int, ...], ahead: int) -> None:
    columns = JsonColumns((), envelope="rows")
    asker = Asker(
        cast(Http, Canned(*sizes)), "/things", Cutter(columns, "rows", Fields(("id",))),
        columns=columns, sides={}, priority=0, ahead=6, room_bytes=10_000,
        cancel=threading.Event(),
    )  # fmt: skip
    with asker as ask:
        for _ in sizes:
            ask.page({})
        assert ask.ahead == ahead
