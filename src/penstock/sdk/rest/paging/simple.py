"""Paging where each answer says what comes next, one call after the other."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import BaseModel

from penstock.sdk.rest.page import Page
from penstock.sdk.rest.paging.base import Asking, Legs, Params, State, leg_of

_NEXT = re.compile(r"<([^<>]*)>\s*;[^,<]*\brel=\"?next\"?", re.IGNORECASE)


class _Kind(BaseModel, frozen=True, extra="forbid"):
    """A way of paging as YAML declares it."""


class NoPages(_Kind):
    """One call returns everything."""

    kind: Literal["none"] = "none"

    def one_row(self) -> Params:
        return {}

    def walk(self, ask: Asking, params: Params, state: State | None) -> Legs:  # noqa: ARG002
        yield leg_of(ask.page(params), ended=True, verified=True)


class NumberedPages(_Kind):
    """Pages have numbers: `?page=3&per_page=100`. Ends at a page that is not full.

    Args:
        param: of the page's number.
        first: number of the first page.
        size: rows of a full page.
        size_param: left out when the API has no such parameter.
    """

    kind: Literal["page"] = "page"
    param: str = "page"
    first: int = 1
    size: int = 100
    size_param: str | None = "per_page"

    def one_row(self) -> Params:
        return {self.size_param: "1"} if self.size_param else {}

    def walk(self, ask: Asking, params: Params, state: State | None) -> Legs:
        number = int(state["page"]) if state else self.first
        sized = {self.size_param: str(self.size)} if self.size_param else {}
        while True:
            page = ask.page({**params, **sized, self.param: str(number)})
            number += 1
            ended = page.rows.count < self.size
            yield leg_of(page, state={"page": number}, ended=ended)
            if ended:
                return


class TokenPages(_Kind):
    """The answer names the next page by a token, e.g. `{"next": "abc"}`.

    Args:
        param: takes the token.
        next: dotted path of the token in the answer.
        more: dotted path of a member that is false or missing on the last page, for APIs that name
            a token there too; empty: the last page has no token.
        last: the same for a member that is true on the last page.
    """

    kind: Literal["token"] = "token"
    param: str
    next: str = "next"
    more: str = ""
    last: str = ""
    size: int | None = None
    size_param: str = "limit"

    def one_row(self) -> Params:
        return {self.size_param: "1"} if self.size else {}

    def walk(self, ask: Asking, params: Params, state: State | None) -> Legs:
        token = str(state["token"]) if state else None
        sized = {self.size_param: str(self.size)} if self.size else {}
        while True:
            more = {self.param: token} if token else {}
            page = ask.page({**params, **sized, **more})
            before, token = token, self._next(page)
            # A token that repeats would be a circle.
            ended = token is None or token == before
            yield leg_of(page, state={"token": token}, ended=ended, verified=token is None)
            if ended:
                return

    def _next(self, page: Page) -> str | None:
        if (self.more and not page.value(self.more)) or (self.last and page.value(self.last)):
            return None
        return _token(page, self.next)


class LastKeyPages(_Kind):
    """The next page starts after the key of the last row: `?starting_after=<key>`.

    Ends at an empty page, or where the answer says so.

    Args:
        param: takes the key.
        more: dotted path of a member that is false or missing on the last page; empty: asked on
            until a page is empty.
    """

    kind: Literal["last_key"] = "last_key"
    param: str
    more: str = ""
    size: int | None = None
    size_param: str = "limit"

    def one_row(self) -> Params:
        return {self.size_param: "1"} if self.size else {}

    def walk(self, ask: Asking, params: Params, state: State | None) -> Legs:
        after = str(state["after"]) if state else None
        sized = {self.size_param: str(self.size)} if self.size else {}
        while True:
            page = ask.page({**params, **sized, **({self.param: after} if after else {})})
            before, after = after, _last_key(page)
            told = bool(self.more) and not page.value(self.more)
            sound = told or not page.rows.count
            ended = sound or after in (None, before)
            yield leg_of(page, state={"after": after}, ended=ended, verified=ended and sound)
            if ended:
                return


def _last_key(page: Page) -> str | None:
    key = next((key for key in reversed(page.rows.keys) if key is not None), None)
    return None if key is None or isinstance(key, tuple) else str(key)


def _token(page: Page, path: str) -> str | None:
    value: Any = page.value(path)
    return str(value) if value not in (None, "", False) else None


class LinkPages(_Kind):
    """The next page is in the `Link` header (RFC 8288), or as a whole URL in the answer.

    Args:
        next: dotted path of the URL in the answer; empty: the header.
    """

    kind: Literal["link_header"] = "link_header"
    next: str = ""
    size: int | None = None
    size_param: str = "per_page"

    def one_row(self) -> Params:
        return {self.size_param: "1"} if self.size else {}

    def walk(self, ask: Asking, params: Params, state: State | None) -> Legs:
        url = str(state["url"]) if state else None
        sized = {self.size_param: str(self.size)} if self.size else {}
        while True:
            page = ask.url(url) if url else ask.page({**params, **sized})
            before, url = url, self._url(ask, page)
            ended = url is None or url == before
            yield leg_of(page, state={"url": url}, ended=ended, verified=url is None)
            if ended:
                return

    def _url(self, ask: Asking, page: Page) -> str | None:
        if self.next:
            found = _token(page, self.next)
        else:
            match = _NEXT.search(page.headers.get("link", ""))
            found = match[1] if match else None
        return ask.link(found) if found else None
