"""Asks for pages of one stream, some of them ahead of time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from types import TracebackType
from typing import Self

from penstock.core.errors import ObjectFailed
from penstock.core.stopping import Ending
from penstock.sdk.http import Answer, BadBody, Http
from penstock.sdk.json_columns import JsonColumns
from penstock.sdk.json_skim import RowKey
from penstock.sdk.rest.page import Cutter, Page, Rows
from penstock.sdk.rest.paging.base import Halving, Params

_TOO_LARGE = "object.too_large"

# The first pages of a read go before those of big streams: objects of a page or two are then done
# while the big ones fill the gaps, instead of one after the other at the end of a sync.
_FIRST_PAGES = 3
_FIRST = -1


class Asker:
    """One read's calls; leave it as a context manager to end those under way.

    Args:
        columns, sides: what the pages are decoded with: of the stream, of its sideloads.
        ahead: calls that may be under way at once.
        room_bytes: what the bodies of pages that wait to be looked at may hold in all.
        called: told of each call.
        pages: the paging, if its pages can be asked for in halves.
    """

    def __init__(
        self,
        http: Http,
        path: str,
        cutter: Cutter,
        *,
        columns: JsonColumns,
        sides: Mapping[str, JsonColumns],
        priority: int,
        ahead: int,
        room_bytes: int,
        cancel: threading.Event,
        called: Callable[[], None] | None = None,
        pages: Halving | None = None,
    ) -> None:
        self._most = ahead
        self._room_bytes = room_bytes
        self._largest = 0
        """Bytes of the largest page so far."""
        self.columns = columns
        self.sides = sides
        self._http = http
        self._path = path
        self._cutter = cutter
        self._priority = priority
        self._asked = count()
        self._pages = pages
        self._ending = Ending(cancel)
        self._called = called
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ending.set()
        if self._pool:
            self._pool.shutdown(cancel_futures=True)

    @property
    def ahead(self) -> int:
        """Calls that may be under way or wait to be looked at: fewer where pages are large."""
        if not self._largest:
            return self._most
        return max(min(self._most, self._room_bytes // self._largest), 1)

    def page(self, params: Params) -> Page:
        try:
            return self._ask(self._path, params)
        except ObjectFailed as error:
            if error.code != _TOO_LARGE or self._pages is None:
                raise
        return self._in_halves(self._pages, params)

    def _in_halves(self, pages: Halving, params: Params) -> Page:
        """A page that is too large for one answer: nothing but its largest rows is lost."""
        half = pages.first_half(params)
        if half is None:
            # One row alone is too large to be received.
            return Page(Rows(oversize=[(self._key_in(params), self._http.largest_body_bytes)]))
        first = self.page(half)
        rest = pages.second_half(params, first)
        return first if rest is None else first.joined(self.page(rest))

    def _key_in(self, params: Params) -> str | None:
        """The key of the first row of an answer that is too large to be kept."""
        looking: list[RowKey] = []

        def feed() -> Callable[[bytes], bool]:
            looking[:] = [row_key] if (row_key := self._cutter.row_key()) else []
            return looking[0].feed if looking else lambda _chunk: True

        self._http.skim(
            self._path, params, feed, priority=self._priority, cancel=self._ending,
            called=self._called,
        )  # fmt: skip
        return looking[0].found if looking else None

    def soon(self, params: Params) -> Future[Page]:
        if self._most < 2:
            return _done(lambda: self.page(params))
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._most, thread_name_prefix=f"read{self._path}")
        return self._pool.submit(self.page, params)

    def url(self, url: str) -> Page:
        return self._ask(url, {})

    def link(self, found: str) -> str:
        return self._http.link(found, self._path)

    def _ask(self, path: str, params: Params) -> Page:
        pages: list[Page] = []

        def accept(answer: Answer) -> None:
            pages[:] = [self._cutter.cut(answer.body)]

        priority = _FIRST if next(self._asked) < _FIRST_PAGES else self._priority
        answer = self._http.get(
            path, params, priority=priority, accept=accept, cancel=self._ending,
            called=self._called,
        )  # fmt: skip
        if not pages:
            raise BadBody("the body was not read", final=True)
        self._largest = max(self._largest, pages[0].size)
        at = answer.server_time
        return pages[0].told(answer.headers, int(at.timestamp() * 1000) if at else None)


def _done(work: Callable[[], Page]) -> Future[Page]:
    """The work, done now, as something that can be waited for."""
    future: Future[Page] = Future()
    try:
        future.set_result(work())
    except BaseException as error:  # noqa: BLE001 (raised where the result is asked for)
        future.set_exception(error)
    return future
