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
        next: dotted path of the token in the answer.
    """

    kind: Literal["token"] = "token"
    param: str
    next: str = "next"
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
            before, token = token, _token(page, self.next)
            # A token that repeats would be a circle.
            ended = token is None or token == before
            yield leg_of(page, state={"token": token}, ended=ended, verified=token is None)
            if ended:
                return


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
            before, url = url, self._url(page)
            ended = url is None or url == before
            yield leg_of(page, state={"url": url}, ended=ended, verified=url is None)
            if ended:
                return

    def _url(self, page: Page) -> str | None:
        if self.next:
            return _token(page, self.next)
        found = _NEXT.search(page.headers.get("link", ""))
        return found[1] if found else None
