"""Every kind of paging against an API made of a list."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.sdk.json_columns import JsonColumns
from penstock.sdk.rest.page import Cutter, Fields, Page
from penstock.sdk.rest.paging.base import Leg, Paging
from penstock.sdk.rest.paging.keyset import KeysetPages
from penstock.sdk.rest.paging.offset import Anchor, OffsetPages
from penstock.sdk.rest.paging.simple import (
    LastKeyPages,
    LinkPages,
    NoPages,
    NumberedPages,
    TokenPages,
)

Params = Mapping[str, Any]


@dataclass
class ListApi:
    """Answers from a list of ids, in the way its `answer` says; changes happen between calls."""

    ids: list[int]
    answer: Callable[[ListApi, Params], dict[str, Any]]
    ahead: int = 1
    calls: list[Params] = field(default_factory=list)
    changes: dict[int, Callable[[list[int]], object]] = field(default_factory=dict)
    links: list[str] = field(default_factory=list)

    def page(self, params: Params) -> Page:
        self.calls.append(dict(params))
        body = self.answer(self, params)
        if change := self.changes.get(len(self.calls)):
            change(self.ids)
        headers = {"link": body.pop("link", "")}
        columns = JsonColumns((), envelope="rows")
        cutter = Cutter(columns, "rows", Fields(("id",), order="at"), total="total")
        return cutter.cut(json.dumps(body).encode()).told(headers, None)

    def soon(self, params: Params) -> Future[Page]:
        future: Future[Page] = Future()
        future.set_result(self.page(params))
        return future

    def link(self, found: str) -> str:
        return found

    def url(self, url: str) -> Page:
        self.links.append(url)
        return self.page(dict(pair.split("=") for pair in url.partition("?")[2].split("&")))


def rows(ids: list[int]) -> list[dict[str, Any]]:
    return [{"id": str(row_id), "at": f"2025-01-01T00:{row_id // 60:02}:00Z"} for row_id in ids]


def by_offset(most: int = 100, total: bool = True) -> Callable[[ListApi, Params], dict[str, Any]]:
    def answer(api: ListApi, params: Params) -> dict[str, Any]:
        start, limit = int(params["offset"]), min(int(params["limit"]), most)
        body = {"rows": rows(api.ids[start : start + limit])}
        return body | ({"total": str(len(api.ids))} if total else {})

    return answer


def by_id(api: ListApi, params: Params) -> dict[str, Any]:
    ordered = sorted(api.ids, reverse=params.get("order") == "down")
    after, limit = int(params.get("after", 0)), int(params["limit"])
    found = [row_id for row_id in ordered if row_id > after]
    return {"rows": rows(found[:limit]), "total": len(found)}


def walk(pages: Paging, api: ListApi, state: Any = None) -> list[Leg]:
    return list(pages.walk(api, {}, state))


def found(legs: list[Leg]) -> list[int]:
    return [int(str(key)) for leg in legs for key in leg.rows.keys]


def test_no_pages_is_one_call() -> None:
    api = ListApi([1, 2], lambda api, _: {"rows": rows(api.ids)})
    legs = walk(NoPages(), api)
    assert found(legs) == [1, 2]
    assert legs[-1].verified
    assert len(api.calls) == 1


@pytest.mark.parametrize(("count", "calls"), [(0, 1), (9, 1), (10, 2), (25, 3)])
def test_numbered_pages_end_at_one_that_is_not_full(count: int, calls: int) -> None:
    def answer(api: ListApi, params: Params) -> dict[str, Any]:
        start = (int(params["page"]) - 1) * 10
        return {"rows": rows(api.ids[start : start + int(params["per_page"])])}

    api = ListApi(list(range(1, count + 1)), answer)
    assert found(walk(NumberedPages(size=10), api)) == api.ids
    assert len(api.calls) == calls


def by_token(api: ListApi, params: Params) -> dict[str, Any]:
    start = int(params.get("cursor", "0"))
    more = {"next": str(start + 10)} if start + 10 < len(api.ids) else {}
    return {"rows": rows(api.ids[start : start + 10]), "paging": more}


def test_a_token_leads_to_the_next_page() -> None:
    api = ListApi(list(range(1, 26)), by_token)
    pages = TokenPages(param="cursor", next="paging.next")
    legs = walk(pages, api)
    assert found(legs) == api.ids
    assert found(legs[:1] + walk(pages, api, legs[0].state)) == api.ids


def test_a_token_that_repeats_is_the_end_and_proves_nothing() -> None:
    api = ListApi([1], lambda api, _: {"rows": rows(api.ids), "next": "same"})
    legs = walk(TokenPages(param="cursor"), api)
    assert len(legs) == 2
    assert not legs[-1].verified


@pytest.mark.parametrize(("name", "value"), [("more", False), ("last", True)])
def test_a_token_on_the_last_page_is_not_followed_where_a_flag_tells(
    name: str, value: bool
) -> None:
    def answer(api: ListApi, params: Params) -> dict[str, Any]:
        start = int(str(params.get("cursor", "0")))
        ended = start + 10 >= len(api.ids)
        flag = value if ended else not value
        return {"rows": rows(api.ids[start : start + 10]), "next": start + 10, "flag": flag}

    api = ListApi(list(range(1, 26)), answer)
    pages = TokenPages.model_validate({"param": "cursor", name: "flag"})
    legs = walk(pages, api)
    assert found(legs) == api.ids
    assert len(api.calls) == 3
    assert legs[-1].verified


def by_last_key(api: ListApi, params: Params) -> dict[str, Any]:
    after = int(str(params.get("starting_after", "0")))
    left = [one for one in api.ids if one > after]
    return {"rows": rows(left[:10]), "has_more": len(left) > 10}


@pytest.mark.parametrize(("more", "calls"), [("has_more", 3), ("", 4)])
def test_the_key_of_the_last_row_leads_to_the_next_page(more: str, calls: int) -> None:
    api = ListApi(list(range(1, 26)), by_last_key)
    pages = LastKeyPages(param="starting_after", more=more)
    legs = walk(pages, api)
    assert found(legs) == api.ids
    assert len(api.calls) == calls
    assert legs[-1].verified
    assert found(legs[:1] + walk(pages, api, legs[0].state)) == api.ids


def test_a_key_that_does_not_move_on_is_the_end_and_proves_nothing() -> None:
    api = ListApi([7], lambda api, _: {"rows": rows(api.ids), "has_more": True})
    legs = walk(LastKeyPages(param="starting_after", more="has_more"), api)
    assert len(legs) == 2
    assert not legs[-1].verified


@pytest.mark.parametrize("place", ["header", "body"])
def test_a_link_is_followed_as_it_is(place: str) -> None:
    def answer(api: ListApi, params: Params) -> dict[str, Any]:
        start = int(params.get("from", "0"))
        url = f"https://api.example/rows?from={start + 10}&limit=10"
        last = start + 10 >= len(api.ids)
        body: dict[str, Any] = {"rows": rows(api.ids[start : start + 10])}
        if place == "body":
            return body | {"links": {"next": None if last else url}}
        shown = f'<https://api.example/rows>; rel="first", <{url}>; rel="next"'
        return body | {"link": "" if last else shown}

    api = ListApi(list(range(1, 26)), answer)
    pages = LinkPages(next="links.next" if place == "body" else "")
    legs = walk(pages, api)
    assert found(legs) == api.ids
    assert api.links[0] == "https://api.example/rows?from=10&limit=10"
    assert found(legs[:2] + walk(pages, api, legs[1].state)) == api.ids


@pytest.mark.parametrize("total", [True, False])
@pytest.mark.parametrize("overlap", [0, 1])
@pytest.mark.parametrize("ahead", [1, 4])
@given(count=st.integers(0, 90))
def test_offsets_bring_each_row_once(total: bool, overlap: int, ahead: int, count: int) -> None:
    api = ListApi(list(range(1, count + 1)), by_offset(total=total), ahead)
    legs = walk(OffsetPages(limit=10, overlap=overlap), api)
    assert found(legs) == api.ids
    assert legs[-1].verified
    # Without a total one call may go past the end for every ten that were needed.
    least = count // (10 - overlap) + 1
    assert len(api.calls) <= least + (0 if total else 2)


def test_a_limit_that_is_cut_is_noticed() -> None:
    api = ListApi(list(range(1, 58)), by_offset(most=20))
    legs = walk(OffsetPages(limit=100, overlap=1), api)
    assert found(legs) == api.ids
    assert legs[-1].verified


@pytest.mark.parametrize("fixed", [True, False])
@settings(max_examples=200)
@given(data=st.data())
def test_no_row_that_stands_still_is_lost_or_doubled(fixed: bool, data: st.DataObject) -> None:
    """Rows are deleted and appended between any calls, whatever comes."""
    ids = list(range(1, 61))
    changed: set[int] = set()

    def change(ids: list[int]) -> None:
        if data.draw(st.booleans()):
            ids.append(max(ids, default=0) + 1)
            changed.add(ids[-1])
        elif ids:
            changed.add(ids.pop(data.draw(st.integers(0, len(ids) - 1))))

    when = data.draw(st.sets(st.integers(1, 30), max_size=6))
    ahead = data.draw(st.sampled_from([1, 3]))
    api = ListApi(ids, by_offset(), ahead, changes=dict.fromkeys(when, change))
    legs = walk(OffsetPages(limit=10, overlap=1, order_field="at" if fixed else None), api)
    brought = Counter(found(legs))
    assert set(range(1, 61)) - changed <= set(brought)
    assert max(brought.values(), default=1) == 1
    assert legs[-1].ended
    if legs[-1].verified:
        assert set(ids) - changed <= set(brought)


@given(stop=st.integers(1, 7), after=st.sampled_from([25, 1000]))
def test_a_walk_by_offset_goes_on_from_every_leg(stop: int, after: int) -> None:
    pages = OffsetPages(
        limit=10, overlap=1, order_field="at", anchor=Anchor(param="since", after=after)
    )

    def answer(api: ListApi, params: Params) -> dict[str, Any]:
        kept = [one for one in rows(api.ids) if one["at"] >= params.get("since", "")]
        start = int(params["offset"])
        return {"rows": kept[start : start + 10], "total": len(kept)}

    api = ListApi(list(range(1, 200, 3)), answer)
    legs = walk(pages, api)
    assert found(legs) == api.ids
    first = legs[:stop]
    state = json.loads(json.dumps(first[-1].state))
    second = walk(pages, api, state)
    assert Counter(found(first + second)) == Counter(api.ids)
    assert second[-1].verified


def chains(most: int) -> KeysetPages:
    return KeysetPages(
        param="after",
        order={"order": "up"},
        descending={"order": "down"},
        limit=10,
        chains=most,
        chains_from=20,
        fallback=OffsetPages(limit=10, overlap=1),
    )


@settings(max_examples=100)
@given(
    ids=st.sets(st.integers(1, 3000), max_size=150),
    most=st.integers(1, 5),
    stop=st.integers(1, 20),
)
def test_chains_bring_each_row_once_and_go_on_from_every_leg(
    ids: set[int], most: int, stop: int
) -> None:
    api = ListApi(sorted(ids), by_id, ahead=most)
    legs = walk(chains(most), api)
    assert Counter(found(legs)) == Counter(api.ids)
    assert legs[-1].verified
    first = legs[:stop]
    if not first[-1].ended:
        second = walk(chains(most), api, json.loads(json.dumps(first[-1].state)))
        assert Counter(found(first + second)) == Counter(api.ids)


class Looked(Future[Page]):
    """Knows whether its page was looked at."""

    looked = False

    def result(self, timeout: float | None = None) -> Page:
        self.looked = True
        return super().result(timeout)


@dataclass
class NarrowingApi(ListApi):
    """Allows two calls ahead from the 20th on, as if pages had become large."""

    coming: list[Looked] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)

    def soon(self, params: Params) -> Future[Page]:
        future = Looked()
        future.set_result(self.page(params))
        self.coming.append(future)
        self.waiting.append(sum(not one.looked for one in self.coming))
        if len(self.calls) == 20:
            self.ahead = 2
        return future


@pytest.mark.parametrize(
    "pages", [chains(5), OffsetPages(limit=10)], ids=lambda pages: str(pages.kind)
)
def test_fewer_pages_wait_once_they_are_large(pages: KeysetPages | OffsetPages) -> None:
    answer = by_id if isinstance(pages, KeysetPages) else by_offset()
    api = NarrowingApi(list(range(1, 1001)), answer, ahead=5)
    assert Counter(found(walk(pages, api))) == Counter(api.ids)
    assert max(api.waiting) == 5
    assert max(api.waiting[25:]) == 2


def test_chains_cost_few_calls_more_than_one() -> None:
    api = ListApi(list(range(1, 1001)), by_id, ahead=5)
    walk(chains(5), api)
    assert len(api.calls) <= 100 + 2 + 5 + 1


def test_rows_added_at_the_end_while_chains_read_are_brought() -> None:
    api = ListApi(list(range(1, 301)), by_id, ahead=4, changes={5: lambda ids: ids.append(900)})
    legs = walk(chains(4), api)
    assert Counter(found(legs)) == Counter(api.ids)
    assert legs[-1].verified


def test_ids_that_do_not_ascend_are_read_by_offset_from_the_start() -> None:
    api = ListApi([5, 3, 9, 1, 7] * 1, by_offset())
    api.answer = lambda api, params: by_offset()(api, {"offset": "0", **params})
    legs = walk(chains(3), api)
    again = next(at for at, leg in enumerate(legs) if leg.again)
    assert found(legs[again:]) == api.ids
    assert legs[again].warnings
    assert legs[-1].verified


def test_fewer_rows_than_both_counts_prove_nothing() -> None:
    def answer(api: ListApi, params: Params) -> dict[str, Any]:
        return by_id(api, params) | {"total": 99}

    legs = walk(chains(1), ListApi([1, 2, 3], answer))
    assert found(legs) == [1, 2, 3]
    assert not legs[-1].verified


@pytest.mark.parametrize("pages", [OffsetPages(limit=100, overlap=1), None])
@pytest.mark.parametrize("count", [19, 20, 57])
def test_a_limit_that_is_cut_is_noticed_even_without_a_total(
    pages: Paging | None, count: int
) -> None:
    def answer(api: ListApi, params: Params) -> dict[str, Any]:
        reply = by_id if "after" in params else by_offset()
        return {"rows": reply(api, {**params, "limit": "20"})["rows"]}

    api = ListApi(list(range(1, count + 1)), answer)
    legs = walk(pages or chains(1).model_copy(update={"limit": 100}), api)
    assert found(legs) == api.ids
    assert legs[-1].verified


@pytest.mark.parametrize("pages", ["offset", "one chain", "chains"])
def test_pages_that_leave_rows_out_are_no_end(pages: str) -> None:
    """Rows that the user may not see are cut out of the pages, yet counted."""

    def answer(api: ListApi, params: Params) -> dict[str, Any]:
        page = (by_id if pages != "offset" else by_offset())(api, params)
        return page | {
            "rows": [row for row in page["rows"] if int(row["id"]) % 7],
            "total": len(api.ids),
        }

    api = ListApi(list(range(1, 201)), answer, ahead=4)
    kinds = {"offset": OffsetPages(limit=10, overlap=1), "chains": chains(4)}
    legs = walk(kinds.get(pages) or chains(1), api)
    assert Counter(found(legs)) == Counter(row_id for row_id in api.ids if row_id % 7)
    assert not legs[-1].verified
    assert legs[-1].complete
    if pages == "offset":
        assert "counts 200 rows and returned 172" in legs[-1].warnings[0]


@pytest.mark.parametrize("ahead", [1, 4])
def test_a_row_deleted_before_every_call_makes_no_other_one_lost(ahead: int) -> None:
    gone: list[int] = []
    changes = dict.fromkeys(range(1, 5000), lambda ids: gone.append(ids.pop(len(ids) // 3)))
    api = ListApi(list(range(1, 3001)), by_offset(), ahead, changes=dict(changes))
    legs = walk(OffsetPages(limit=20, overlap=1), api)
    assert set(range(1, 3001)) - set(gone) <= set(found(legs))
    assert max(Counter(found(legs)).values()) == 1
    assert not legs[-1].verified


@pytest.mark.parametrize("shift_min", [0, 4])
@pytest.mark.parametrize("gone", [True, False])
def test_an_anchor_that_misses_its_row_is_given_up(shift_min: int, gone: bool) -> None:
    """The row was deleted, or the API takes the time for one in another zone."""
    pages = OffsetPages(
        limit=10, overlap=1, order_field="at", anchor=Anchor(param="since", after=25)
    )

    def answer(api: ListApi, params: Params) -> dict[str, Any]:
        since = params.get("since", "")
        bound = f"{since[:14]}{int(since[14:16]) + shift_min:02}{since[16:]}" if since else ""
        kept = [one for one in rows(api.ids) if one["at"] >= bound]
        start = int(params["offset"])
        if gone and since and 100 in api.ids:
            api.ids.remove(100)
        return {"rows": kept[start : start + 10], "total": len(kept)}

    api = ListApi(list(range(1, 900, 3)), answer)
    before = set(api.ids)
    assert {100} | before == before
    legs = walk(pages, api)
    assert set(api.ids) <= set(found(legs)) <= before
    assert len(api.calls) < 2 * 300 // 9


class LargeRows(ListApi):
    """Rows with these ids are over the limit."""

    large: tuple[int, ...] = ()

    def page(self, params: Params) -> Page:
        page = super().page(params)
        got = page.rows
        small = [at for at, key in enumerate(got.keys) if int(str(key)) not in self.large]
        large = [(str(key), 200) for key in got.keys if int(str(key)) in self.large]
        return replace(page, rows=replace(got.take(small), oversize=large))


@pytest.mark.parametrize("most", [1, 3])
@pytest.mark.parametrize("large", [(1,), (10,), (50,), (45, 46), tuple(range(11, 21)), (49, 50)])
def test_a_keyset_counts_each_row_over_the_limit_once(large: tuple[int, ...], most: int) -> None:
    api = LargeRows(list(range(1, 51)), by_id, ahead=most)
    api.large = large
    legs = walk(chains(most), api)
    assert sorted(found(legs)) == [n for n in api.ids if n not in large]
    assert sorted(int(str(key)) for leg in legs for key, _ in leg.rows.oversize) == list(large)
    assert legs[-1].verified
