"""A card in, a source out: what can be declared, and what is refused."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from loopback import Play, Request, Server, reply
from penstock.core.cards import Card, Setting
from penstock.core.errors import AuthError, ConfigError, TransientError
from penstock.core.stream import Split
from penstock.sdk.opening import check_settings
from penstock.sdk.rest import RestSource
from penstock.sdk.rest.spec import load_spec
from penstock.sdk.source import ReadContext

SECRET = "s3cret-token"
AREA = {"setting": "area"}
HARBOURS = {"path": "/harbours", "records": "data.items", "fields": {"id": "integer"}}


@pytest.fixture(autouse=True)
def limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def card(tmp_path: Path, rest: dict[str, Any], streams: dict[str, Any] | None = None) -> Card:
    if streams is not None:
        # JSON is YAML.
        (tmp_path / "streams.yaml").write_text(json.dumps(streams), encoding="utf-8")
    return Card(
        name="tides",
        title="Tides",
        role="source",
        settings={
            "url": Setting(type="url", label="URL", required=True),
            "token": Setting(type="secret", label="Token"),
            "user": Setting(label="User"),
            "area": Setting(label="Area"),
        },
        rest={"base_url": {"setting": "url"}, **rest},
        streams_file="streams.yaml" if streams is not None else None,
        folder=tmp_path,
    )


def source(made: Card, url: str, **settings: str) -> RestSource:
    return RestSource(made, check_settings(made, {"url": url, "token": SECRET} | settings))


def read(made: RestSource, *streams: str, split: str | None = None) -> list[Any]:
    names = streams or ("harbours",)
    found = list(made.read(Split(split or names[0], names), None, ReadContext()))
    made.close()
    return found


def items(request: Request, _number: int) -> Play:
    return reply(
        json.dumps({"data": {"items": [{"id": 1, "name": "Brest"}]}, "asked": request.path})
    )


@pytest.mark.parametrize(
    ("auth", "header", "query"),
    [
        pytest.param(
            {"kind": "header", "name": "Api-Token", "setting": "token"},
            ("api-token", SECRET),
            "",
            id="header",
        ),
        pytest.param(
            {"kind": "bearer", "setting": "token"},
            ("authorization", f"Bearer {SECRET}"),
            "",
            id="bearer",
        ),
        pytest.param(
            {"kind": "basic", "user": {"setting": "user"}, "setting": "token"},
            ("authorization", "Basic " + base64.b64encode(f"ada:{SECRET}".encode()).decode()),
            "",
            id="basic",
        ),
        pytest.param(
            {"kind": "query", "name": "key", "setting": "token"},
            ("accept", "application/json"),
            f"key={SECRET}",
            id="query",
        ),
    ],
)
def test_the_key_goes_where_the_card_says(
    tmp_path: Path, auth: dict[str, Any], header: tuple[str, str], query: str
) -> None:
    with Server(items) as server:
        made = source(
            card(tmp_path, {"auth": auth}, {"harbours": HARBOURS}), server.url, user="ada"
        )
        read(made)
        [request] = server.requests
    assert request.headers[header[0]] == header[1]
    assert request.query == query


def test_rows_are_found_at_a_dotted_path_and_typed(tmp_path: Path) -> None:
    with Server(items) as server:
        [batch] = read(source(card(tmp_path, {}, {"harbours": HARBOURS}), server.url))
    assert batch.rows.to_pylist() == [{"id": 1, "name": "Brest"}]
    assert batch.full_pass.verified


def test_a_body_may_be_the_array_itself(tmp_path: Path) -> None:
    with Server(lambda *_: reply('[{"id": 1}, {"id": 2}]')) as server:
        [batch] = read(source(card(tmp_path, {}, {"harbours": {"path": "/x"}}), server.url))
    assert batch.rows.column("id").to_pylist() == [1, 2]


def test_an_array_in_place_of_an_object_is_told_as_such(tmp_path: Path) -> None:
    quick = {"retry": {"tries": 1}}
    made = card(tmp_path, {"http": quick}, {"h": {"path": "/h", "records": "items"}})
    with Server(lambda _request, _number: reply("[]")) as server:
        opened = source(made, server.url)
        with pytest.raises(TransientError) as raised:
            list(opened.read(Split("h", ("h",)), None, ReadContext()))
        opened.close()
    assert "no JSON object" in raised.value.message


def test_parameters_are_constants_or_settings_and_empty_settings_are_left_out(
    tmp_path: Path,
) -> None:
    stream = {**HARBOURS, "params": {"deep": True, "n": 3, "area": {"setting": "area"}}}
    made = card(tmp_path, {}, {"harbours": stream})
    with Server(items) as server:
        read(source(made, server.url))
        read(source(made, server.url, area="Manche & Nord"))
    assert [request.params for request in server.requests] == [
        [("deep", "true"), ("n", "3")],
        [("deep", "true"), ("n", "3"), ("area", "Manche & Nord")],
    ]


def sideloaded(request: Request, _number: int) -> Play:
    page = int(dict(request.params)["page"])
    gauges = [{"id": "g1"}, {"id": f"g{page + 1}"}]
    rows = [{"id": page * 10 + at} for at in range(2 if page < 3 else 1)]
    return reply(json.dumps({"gauges": gauges, "harbours": rows}))


SIDELOADS = {
    "harbours": {
        "path": "/harbours",
        "records": "harbours",
        "pages": {"kind": "page", "size": 2},
        "sideloads": {"gauges": {"records": "gauges", "fields": {"id": "string"}}},
    }
}


def test_sideloads_are_streams_of_their_own_and_each_row_comes_once(tmp_path: Path) -> None:
    with Server(sideloaded) as server:
        made = source(card(tmp_path, {}, SIDELOADS), server.url)
        assert [stream.name for stream in made.discover()] == ["harbours", "gauges"]
        [split] = made.plan(made.discover())
        assert split.streams == ("harbours", "gauges")
        batches = read(made, *split.streams)
    found = {name: [] for name in split.streams}
    for batch in batches:
        found[batch.stream] += batch.rows.column("id").to_pylist()
    assert found == {"harbours": [10, 11, 20, 21, 30], "gauges": ["g1", "g2", "g3", "g4"]}
    assert batches[-1].stream == "harbours"
    assert [bool(batch.checkpoint) for batch in batches] == [False, True]


def test_a_sideload_can_be_read_alone(tmp_path: Path) -> None:
    with Server(sideloaded) as server:
        made = source(card(tmp_path, {}, SIDELOADS), server.url)
        batches = read(made, "gauges", split="harbours")
    assert {batch.stream for batch in batches} == {"gauges"}
    assert sum(batch.num_rows for batch in batches) == 4
    assert batches[-1].checkpoint


@pytest.mark.parametrize(
    ("rest", "named"),
    [
        ({"auth": {"kind": "magic", "setting": "token"}}, "auth"),
        ({"pages": {"kind": "offset", "limmit": 5}}, "pages"),
        ({"streams": {}, "color": "blue"}, "color"),
        ({"errors": {"statuses": {"40": "retry"}}}, "errors"),
    ],
)
def test_a_wrong_card_is_refused_and_the_place_named(
    tmp_path: Path, rest: dict[str, Any], named: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        source(card(tmp_path, rest, {"harbours": HARBOURS}), "http://127.0.0.1:9")
    assert named in raised.value.message
    assert raised.value.code == "config.card"


def test_mistakes_in_a_card_are_told_with_their_place_and_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "connector.yaml").write_text(
        "name: tides\nrest:\n  auth: {kind: none}\n  pages: {kind: offset, limmit: 5}\n"
    )
    (tmp_path / "streams.yaml").write_text(
        "gauges:\n  path: /g\n  primary_keys: [id]\n  cursor: {field: at, format: weekly}\n"
    )
    made = card(tmp_path, {"auth": {"kind": "none"}, "pages": {"kind": "offset", "limmit": 5}})
    with pytest.raises(ConfigError) as raised:
        load_spec(made.model_copy(update={"streams_file": "streams.yaml"}))
    told = raised.value.message
    assert "connector.yaml:4:25: pages.limmit: 'limmit' is not known; did you mean 'limit'?" in told
    assert (
        "streams.yaml:3:3: gauges.primary_keys: 'primary_keys' is not known; "
        "did you mean 'primary_key'?"
    ) in told
    assert "streams.yaml:4:3: gauges.cursor.after: Field required" in told
    assert "streams.yaml:4:23: gauges.cursor.format: " in told


def test_a_card_that_names_no_setting_of_its_own_is_refused(tmp_path: Path) -> None:
    made = card(tmp_path, {"rate_limit": {"setting": "speed"}}, {"harbours": HARBOURS})
    with pytest.raises(ConfigError) as raised:
        source(made, "http://127.0.0.1:9")
    assert "speed" in raised.value.message


def test_each_try_and_the_total_are_told_to_those_who_watch(tmp_path: Path) -> None:
    calls: list[str] = []
    totals: list[int] = []

    def answer(_request: Request, number: int) -> Play:
        return reply("{}", 503) if number == 0 else reply('{"all": 7, "rows": [{"id": 1}]}')

    stream = {"path": "/harbours", "records": "rows", "fields": {"id": "integer"}}
    with Server(answer) as server:
        made = source(card(tmp_path, {"total": "all"}, {"harbours": stream}), server.url)
        context = ReadContext(called=lambda: calls.append("call"), expect=totals.append)
        list(made.read(Split("harbours", ("harbours",)), None, context))
        made.close()
    assert (len(calls), totals) == (2, [7])


def test_a_refused_login_is_asked_for_once(tmp_path: Path) -> None:
    rest = {"login": {"path": "/me", "hint": "Look under Tides > Keys."}}
    with Server(lambda *_: reply("{}", 401)) as server:
        made = source(card(tmp_path, rest, {"harbours": HARBOURS}), server.url)
        for _ in range(3):
            with pytest.raises(AuthError) as raised:
                list(made.read(Split("harbours", ("harbours",)), None, ReadContext()))
        made.close()
        assert len(server.requests) == 1
    assert raised.value.hint == "Look under Tides > Keys."


def changes(request: Request, _number: int) -> Play:
    since = dict(request.params).get("since", "")
    rows = [{"id": n, "at": f"2025-01-0{n}T00:00:00Z"} for n in (1, 2, 3)]
    return reply(json.dumps({"data": {"items": [row for row in rows if row["at"] >= since]}}))


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ("day", "2025-01-03"),
        ("instant", "2025-01-03T00:00:00+00:00"),
        ("utc", "2025-01-03T00:00:00Z"),
        ("epoch", "1735862400"),
        ("epoch_ms", "1735862400000"),
        ("greater-than(at,%Y-%m-%d %H:%M)", "greater-than(at,2025-01-03 00:00)"),
    ],
)
def test_a_cursor_is_written_as_the_api_wants_it(tmp_path: Path, form: str, value: str) -> None:
    cursor = {"field": "at", "after": "since", "format": form}
    made = card(tmp_path, {}, {"harbours": {**HARBOURS, "cursor": cursor}})
    with Server(changes) as server:
        [first] = read(source(made, server.url))
        again = source(made, server.url)
        changed = list(
            again.read(Split("harbours", ("harbours",)), first.checkpoint, ReadContext())
        )
        again.close()
        assert dict(server.requests[-1].params)["since"] == value
    assert (first.op, {batch.op for batch in changed}) == ("R", {"U"})
    assert first.checkpoint.shown == {"at": "2025-01-03T00:00:00Z"}


def test_a_cursor_may_be_a_number_of_seconds(tmp_path: Path) -> None:
    def answer(_request: Request, _number: int) -> Play:
        rows = [{"id": n, "created": 1735862400 + n} for n in (1, 3, 2)]
        return reply(json.dumps({"data": {"items": rows}}))

    cursor = {"field": "created", "after": "created[gte]", "format": "epoch"}
    made = card(tmp_path, {}, {"harbours": {**HARBOURS, "cursor": cursor}})
    with Server(answer) as server:
        [first] = read(source(made, server.url))
        again = source(made, server.url)
        list(again.read(Split("harbours", ("harbours",)), first.checkpoint, ReadContext()))
        again.close()
        assert dict(server.requests[-1].params)["created[gte]"] == "1735862403"


def test_headers_and_repeated_parameters_are_sent(tmp_path: Path) -> None:
    rest = {"headers": {"X-Version": "2025-01-01", "Accept": "text/json", "X-Area": AREA}}
    params = {"params": {"fields[]": ["id", "name", AREA]}}
    made = card(tmp_path, rest, {"harbours": {**HARBOURS, **params}})
    with Server(items) as server:
        read(source(made, server.url))
        [request] = server.requests
    assert request.params == [("fields[]", "id"), ("fields[]", "name")]
    assert request.headers["x-version"] == "2025-01-01"
    assert request.headers["accept"] == "text/json"
    assert "x-area" not in request.headers


@pytest.mark.parametrize("link", ["?from=1", "/api/harbours?from=1", "harbours?from=1"])
def test_a_relative_link_is_followed(tmp_path: Path, link: str) -> None:
    def answer(request: Request, _number: int) -> Play:
        more = None if request.query else link
        return reply(json.dumps({"data": {"items": [{"id": 1}]}, "next": more}))

    made = card(tmp_path, {"pages": {"kind": "link_header", "next": "next"}}, {"h": HARBOURS})
    with Server(answer) as server:
        read(source(made, f"{server.url}/api"), "h")
        asked = [f"{one.path}?{one.query}" for one in server.requests]
    assert asked == ["/api/harbours?", "/api/harbours?from=1"]


def test_a_link_that_repeats_the_key_is_saved_without_it(tmp_path: Path) -> None:
    def answer(request: Request, number: int) -> Play:
        more = f"/harbours?key={SECRET}&from={number + 1}"
        return reply(json.dumps({"data": {"items": [{"id": number}]}, "next": more}))

    auth = {"kind": "query", "name": "key", "setting": "token"}
    rest = {"pages": {"kind": "link_header", "next": "next"}, "auth": auth}
    with Server(answer) as server:
        made = source(card(tmp_path, rest, {"h": HARBOURS}), server.url)
        reading = made.read(Split("h", ("h",)), None, ReadContext(batch_rows=1))
        batches = [next(reading) for _ in range(2)]
        made.close()
        assert SECRET not in repr([batch.checkpoint for batch in batches])
        assert server.requests[-1].params == [("from", "1"), ("key", SECRET)]


def test_events_set_aside_are_read_again_with_the_declared_types(tmp_path: Path) -> None:
    made = source(card(tmp_path, {}, {"harbours": HARBOURS}), "http://127.0.0.1:9")
    [stream] = made.discover()
    rows, unread = made.parse(stream, ['{"id": 5}', "[1]", '{"id": 6}'])
    made.close()
    assert rows.column("id").to_pylist() == [5, 6]
    assert [one.index for one in unread] == [1]


@pytest.mark.parametrize(("wanted", "kind"), [(True, "date32[day]"), (False, "string")])
def test_dates_in_undeclared_fields_are_looked_for_unless_told_otherwise(
    tmp_path: Path, wanted: bool, kind: str
) -> None:
    event = '{"id": 1, "built": "1890-05-01"}'
    streams = {"harbours": {"path": "/harbours", "fields": {"id": "integer"}}}
    with Server(lambda *_: reply(f"[{event}]")) as server:
        made = source(card(tmp_path, {}, streams), server.url)
        split, context = Split("harbours", ("harbours",)), ReadContext(infer_dates=wanted)
        [batch] = list(made.read(split, None, context))
        [stream] = made.discover()
        again, _ = made.parse(stream, [event], infer_dates=wanted)
        made.close()
    assert str(batch.rows.schema.field("built").type) == kind
    assert str(again.schema.field("built").type) == kind


def test_accounts_that_share_a_host_have_a_limit_each(tmp_path: Path) -> None:
    rest = {"rate_limit": 3, "account": {"setting": "token"}}
    made = card(tmp_path, rest, {"harbours": HARBOURS})
    with Server(items) as server:
        for token in ("one-token", "another-token", "one-token"):
            read(source(made, server.url, token=token))
    assert len(list(tmp_path.rglob("limits/*"))) == 2


def test_a_limit_is_shared_by_everybody_on_the_same_host(
    tmp_path: Path,
) -> None:
    made = card(tmp_path, {"rate_limit": 3}, {"harbours": HARBOURS})
    with Server(items) as server:
        for _ in range(2):
            read(source(made, server.url))
    assert len(list(tmp_path.rglob("limits/*"))) == 1


def test_a_page_too_large_for_one_answer_comes_in_parts(tmp_path: Path) -> None:
    rows = [{"id": row_id, "text": "x" * (900 if row_id in (7, 8) else 10)} for row_id in range(40)]
    rows[23]["text"] = "x" * 2000

    def answer(request: Request, _number: int) -> Play:
        asked = dict(pair.split("=") for pair in request.query.split("&"))
        start, limit = int(asked.get("offset", 0)), int(asked["limit"])
        return reply(json.dumps({"rows": rows[start : start + limit], "total": 40}))

    rest = {
        "pages": {"kind": "offset", "limit": 10, "overlap": 1},
        "total": "total",
        "http": {"largest_body_bytes": 1500},
    }
    streams = {"harbours": {"path": "/harbours", "records": "rows"}}
    with Server(answer) as server:
        batches = read(source(card(tmp_path, rest, streams), server.url))
    found = [row_id for batch in batches for row_id in batch.rows.column("id").to_pylist()]
    assert found == [row_id for row_id in range(40) if row_id != 23]
    assert [one for batch in batches for one in batch.oversize] == ["23"]


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("huge", [0, 4, 9, 23, 39])
def test_a_keyset_goes_past_a_row_too_large_for_one_answer(
    tmp_path: Path, huge: int, zipped: bool
) -> None:
    rows = [{"text": "x" * 10, "id": row_id} for row_id in range(1, 41)]
    rows[7]["text"], rows[8]["text"] = "y" * 900, "z" * 900
    rows[huge]["text"] = 'w"' * 2000

    def answer(request: Request, _number: int) -> Play:
        asked = dict(pair.split("=") for pair in request.query.split("&"))
        left = [row for row in rows if int(str(row["id"])) > int(asked["after"])]
        page = {"total": 40, "rows": left[: int(asked["limit"])]}
        return reply(json.dumps(page), zipped=zipped)

    rest = {
        "pages": {"kind": "keyset", "param": "after", "order": {"by": "id"}, "limit": 10},
        "total": "total",
        "http": {"largest_body_bytes": 1500},
    }
    streams = {"harbours": {"path": "/harbours", "records": "rows"}}
    with Server(answer) as server:
        batches = read(source(card(tmp_path, rest, streams), server.url))
    found = [row_id for batch in batches for row_id in batch.rows.column("id").to_pylist()]
    assert found == [row["id"] for at, row in enumerate(rows) if at != huge]
    assert [one for batch in batches for one in batch.oversize] == [str(rows[huge]["id"])]
