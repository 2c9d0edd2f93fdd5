"""What every kind of paging works with: a way to ask, and legs of rows."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol

from penstock.sdk.rest.page import Page, Rows

Params = Mapping[str, str | tuple[str, ...]]
"""Parameters of a call; one with several values is sent once for each."""
State = Mapping[str, Any]

_USUAL_SIZES = (10, 20, 25, 50)


class Asking(Protocol):
    """Asks for pages of one stream; every answer counts once, wherever it is waited for."""

    @property
    def ahead(self) -> int:
        """Calls that may be under way or wait to be looked at, at this moment; 1 means one after
        the other."""

    def page(self, params: Params) -> Page:
        """Wait for one page."""

    def soon(self, params: Params) -> Future[Page]:
        """Ask in the background."""

    def url(self, url: str) -> Page:
        """Follow a link that the API gave; its host must be the API's own."""

    def link(self, found: str) -> str:
        """A link in an answer, perhaps a relative one, as a whole URL without our secrets."""


@dataclass(frozen=True)
class Leg:
    """The next rows of a read, and the state to resume after them.

    Args:
        state: plain JSON values, small.
        ended: nothing comes after this leg.
        verified: with `ended`: no row that stood still while we read can be missing.
        complete: with `ended`: all that changed before the read is in; a cursor may advance.
        again: from this leg on rows may have come before, so the read counts from here.
        total: rows the API says there are, for progress.
    """

    rows: Rows = field(default_factory=Rows)
    state: State = field(default_factory=dict)
    ended: bool = False
    verified: bool = False
    complete: bool = True
    again: bool = False
    total: int | None = None
    warnings: tuple[str, ...] = ()
    others: Mapping[str, Rows] = field(default_factory=dict)
    server_ms: int | None = None
    size: int = 0


Legs = Generator[Leg, None, None]


class Paging(Protocol):
    """One way to get all rows. Each kind is one class that validates its YAML and does the work."""

    def one_row(self) -> Params:
        """Parameters that ask for one row, where the API has such a thing."""

    def walk(self, ask: Asking, params: Params, state: State | None) -> Legs:
        """Legs from a state on (None: from the start), the last of them `ended`."""


class Halving(Protocol):
    """A paging whose pages can be asked for in two parts."""

    def first_half(self, params: Params) -> Params | None:
        """Parameters of the first half of a page; None for a single row."""

    def second_half(self, params: Params, first: Page) -> Params | None:
        """Parameters of what follows the first half: None when that was not full, and so all.

        Raises:
            ObjectFailed: nothing shows where the first half ended.
        """


def half_of(params: Params, limit_param: str) -> int:
    """Rows of the first half of a page; 0 for a single row."""
    return int(str(params[limit_param])) // 2


def really_served(limit: int, served: int, total: int | None) -> int:
    """The size of full pages, judged by the first one.

    Limits are cut without an error, so a page with fewer rows than asked for may be a full one:
    when the API counts more rows, or, where it does not count, when the size is a usual one.
    """
    cut = served in _USUAL_SIZES if total is None else 1 < served < total
    return min(limit, served) if cut else limit


def leg_of(page: Page, rows: Rows | None = None, **known: Any) -> Leg:
    """A leg with what the page says."""
    return Leg(
        rows=page.rows if rows is None else rows,
        total=page.total,
        others=page.others,
        server_ms=page.server_ms,
        size=page.size,
        **known,
    )
