"""Offset paging that notices when rows move, and several pages at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, Field

from penstock.sdk.rest.page import Page
from penstock.sdk.rest.paging.base import Asking, Legs, Params, State, half_of
from penstock.sdk.rest.paging.passes import OffsetPass


class Anchor(BaseModel, frozen=True, extra="forbid"):
    """Start over from the last row's ordering value instead of growing the offset.

    Args:
        param: a filter on the ordering field that keeps values equal or greater.
        after: the offset from which on it is used.
    """

    param: str
    after: int = 10_000


class OffsetPages(BaseModel, frozen=True, extra="forbid"):
    """`limit` and `offset`. Ends at a page that is empty or not full.

    Offset paging is no snapshot: a row deleted while we read shifts the rest to the left and
    one row is skipped. So pages overlap, and where the overlap does not match, the read starts
    over; rows that came before are dropped.

    Args:
        limit: rows asked for; a server that serves fewer is noticed.
        overlap: rows that a page shares with the one before; 0 does not check.
        order: parameters that order the rows.
        order_field: the field they are ordered by; its values must never change in a row.
            The read can then go on beside a gap instead of starting over.
        rereads: how often a read starts over.
    """

    kind: Literal["offset"] = "offset"
    param: str = "offset"
    limit_param: str = "limit"
    limit: int = Field(100, ge=2)
    overlap: int = Field(0, ge=0, le=1)
    order: Mapping[str, str] = {}
    order_field: str | None = None
    anchor: Anchor | None = None
    rereads: int = 2

    def one_row(self) -> Params:
        return {self.limit_param: "1"}

    def first_half(self, params: Params) -> Params | None:
        half = half_of(params, self.limit_param)
        return {**params, self.limit_param: str(half)} if half else None

    def second_half(self, params: Params, first: Page) -> Params | None:
        half = half_of(params, self.limit_param)
        if first.rows.count < half:
            return None
        left = int(str(params[self.limit_param])) - half
        offset = int(str(params.get(self.param, 0))) + half
        return {**params, self.limit_param: str(left), self.param: str(offset)}

    def walk(self, ask: Asking, params: Params, state: State | None) -> Legs:
        return OffsetPass(self, ask, {**params, **self.order}).legs(state)
