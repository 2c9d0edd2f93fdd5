"""Key-set paging: pages that start after an id, read by several chains when there are many rows."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import replace
from typing import Literal

from pydantic import BaseModel, Field

from penstock.core.errors import InternalError, ObjectFailed
from penstock.sdk.rest.ids import Key, whole, wholes
from penstock.sdk.rest.page import Page, Rows
from penstock.sdk.rest.paging.base import (
    Asking,
    Leg,
    Legs,
    Params,
    State,
    half_of,
    leg_of,
    really_served,
)
from penstock.sdk.rest.paging.chains import Chain, Chains
from penstock.sdk.rest.paging.offset import OffsetPages

UNORDERED = "The API did not return rows in the order of their ids; read by offset instead."


class KeysetPages(BaseModel, frozen=True, extra="forbid"):
    """`id_greater=<last id>` in the order of ids, so that nothing can be skipped.

    One chain of pages is serial. With more than `chains_from` rows the ids are divided among
    chains that run at once; a chain that has ended takes half of what another has left.

    Args:
        param: keeps rows with a greater id.
        order, descending: parameters that order rows by id, up and down.
        fallback: used from the start when the ids that come do not ascend.
    """

    kind: Literal["keyset"] = "keyset"
    param: str
    order: Mapping[str, str]
    descending: Mapping[str, str] = {}
    limit_param: str = "limit"
    limit: int = Field(100, ge=2)
    chains: int = Field(1, ge=1, le=16)
    chains_from: int = 2_000
    fallback: OffsetPages = OffsetPages()

    def one_row(self) -> Params:
        return {self.limit_param: "1"}

    def first_half(self, params: Params) -> Params | None:
        half = half_of(params, self.limit_param)
        return {**params, self.limit_param: str(half)} if half else None

    def second_half(self, params: Params, first: Page) -> Params | None:
        if self.param not in params:
            return self.fallback.second_half(params, first)
        half = half_of(params, self.limit_param)
        if first.rows.count < half:
            return None
        found = _last_id(first.rows, whole(str(params[self.param])) or 0)
        if found is None:
            raise ObjectFailed("A page is too large for one answer, and no row of it has an id.")
        left = int(str(params[self.limit_param])) - half
        return {**params, self.limit_param: str(left), self.param: str(found)}

    def walk(self, ask: Asking, params: Params, state: State | None) -> Legs:
        if state and "fallback" in state:
            yield from self._by_offset(ask, params, state["fallback"])
            return
        ordered = yield from _KeysetRead(self, ask, params).legs(state)
        if not ordered:
            yield Leg(state={"fallback": {}}, again=True, warnings=(UNORDERED,))
            yield from self._by_offset(ask, params, None)

    def _by_offset(self, ask: Asking, params: Params, state: State | None) -> Legs:
        for leg in self.fallback.walk(ask, params, state or None):
            yield leg if leg.ended else replace(leg, state={"fallback": leg.state})


class _KeysetRead:
    """One read; everything but the calls happens in the thread that iterates."""

    def __init__(self, spec: KeysetPages, ask: Asking, params: Params) -> None:
        self._spec = spec
        self._ask = ask
        self._params = params
        self._limit = spec.limit
        self._rows = 0
        self._first_total: int | None = None

    def legs(self, state: State | None) -> Generator[Leg, None, bool]:
        """Legs; returns False when the ids came in another order, and all must be read anew."""
        chains = Chains.resumed(state) if state else Chains([Chain(0)])
        self._rows = int(state.get("rows", 0)) if state else 0
        self._first_total = state.get("total") if state else None
        try:
            while chains.left:
                self._spread(chains)
                for chain in chains.idle()[: max(self._ask.ahead - chains.waiting, 0)]:
                    chain.coming = self._ask.soon(self._page_after(chain.after))
                for chain in _arrived(chains):
                    if (leg := self._advance(chains, chain)) is None:
                        return False
                    yield leg
        finally:
            chains.cancel()
        return True

    def _advance(self, chains: Chains, chain: Chain) -> Leg | None:
        """The leg of the page that a chain waited for; None when ids do not ascend."""
        page = chain.take()
        ids = _ascending(page, chain.after)
        full = page.rows.count >= self._limit
        last = _last_id(page.rows, chain.after) if ids is not None else None
        if ids is None or (full and last is None):
            return None
        if chain.after == 0 and self._first_total is None:
            self._learn(page)
            full = page.rows.count >= self._limit
        until = chain.until
        places = [at for at, row_id in enumerate(ids) if until is None or row_id <= until]
        rows = page.rows.take(places[_nameless(page.rows.keys, chain.nameless) :])
        rows = replace(rows, oversize=[one for one in rows.oversize if _up_to(one[0], until)])
        chain.nameless = _nameless(page.rows.keys[::-1], len(ids))
        self._rows += rows.count
        chain.after = chain.after if last is None else last
        past = until is not None and chain.after >= until
        if past or not (full or self._short(chains, chain, page)):
            chains.left.remove(chain)
        if chains.left:
            return leg_of(page, rows, state=self._state(chains))
        return leg_of(page, rows, ended=True, verified=self._complete())

    def _short(self, chains: Chains, chain: Chain, page: Page) -> bool:
        """Whether a page that is not full is no last one, because more ids are known to follow."""
        if not page.rows.oversize and all(key is None for key in page.rows.keys):
            return False
        if chains.top is not None:
            return chain.after < chains.top
        return self._first_total is not None and self._rows < self._first_total

    def _learn(self, page: Page) -> None:
        self._first_total = page.total
        self._limit = really_served(self._limit, page.rows.count, page.total)

    def _spread(self, chains: Chains) -> None:
        """Divide what is left among as many chains as there may be."""
        spec, total = self._spec, self._first_total
        if total is None or total <= spec.chains_from or not spec.descending:
            return
        most = min(spec.chains, self._ask.ahead)
        if most > 1 and chains.top is None:
            chains.top = self._greatest_id()
        while len(chains.left) < most and chains.split(self._limit):
            pass

    def _greatest_id(self) -> int:
        """Only a hint for dividing: the last chain has no end."""
        params = {**self._params, **self._spec.descending, self._spec.limit_param: "1"}
        rows = self._ask.page(params).rows
        return _last_id(rows, 0) or 0

    def _page_after(self, after: int) -> Params:
        spec = self._spec
        paged = {spec.limit_param: str(self._limit), spec.param: str(after)}
        return {**self._params, **spec.order, **paged}

    def _state(self, chains: Chains) -> State:
        state = {**chains.state(), "rows": self._rows}
        return state | ({"total": self._first_total} if self._first_total is not None else {})

    def _complete(self) -> bool:
        """Whether no row can be missing: fewer than the API counted means it did not tell all.

        Rows that came and went while we read make the count differ; more rows than counted
        are no harm. Only with fewer is the API asked for its count again.
        """
        if self._first_total is None or self._rows >= self._first_total:
            return True
        again = self._ask.page({**self._page_after(0), self._spec.limit_param: "1"}).total
        return again is None or self._rows >= again


def _ascending(page: Page, after: int) -> list[int] | None:
    """The ids as numbers if each is greater than the one before, else None.

    A row without an id takes the place of the one before it: it is set aside later.
    """
    ids: list[int] = []
    for key, number in zip(page.rows.keys, wholes(page.rows.keys), strict=True):
        if key is None:
            number = after
        elif number is None or number <= after:
            return None
        ids.append(number)
        after = number
    return ids


def _last_id(rows: Rows, after: int) -> int | None:
    """The greatest id of a page, that of a row too large to load included; None: all are known."""
    named = [*rows.keys, *(row_id for row_id, _ in rows.oversize)]
    ids = [number for number in wholes(named) if number is not None and number > after]
    return max(ids, default=None)


def _up_to(row_id: str | None, until: int | None) -> bool:
    number = whole(row_id)
    return until is None or number is None or number <= until


def _nameless(keys: list[Key], most: int) -> int:
    """How many keys at the front are missing, at most so many."""
    found = next((at for at, key in enumerate(keys) if key is not None), len(keys))
    return min(found, most)


def _arrived(chains: Chains) -> list[Chain]:
    coming = [chain.coming for chain in chains.left if chain.coming]
    if not coming:
        raise InternalError("A key-set read waits for nothing.")
    done = wait(coming, return_when=FIRST_COMPLETED).done
    return [chain for chain in list(chains.left) if chain.coming in done]
