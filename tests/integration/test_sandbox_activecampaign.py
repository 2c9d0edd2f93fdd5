"""The ActiveCampaign sandbox over real sockets, seen with a client that hides nothing."""

import contextlib
import gzip
import http.client
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from penstock.sandbox.activecampaign import Sandbox, SandboxOptions

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "sandbox.md"
PAUSE = threading.Event()
QUIET = SandboxOptions(contacts=250, rate_limit=None)


@dataclass
class Seen:
    """An answer as it came: status, headers in lower case, body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """One kept-alive connection."""

    def __init__(self, box: Sandbox) -> None:
        parts = urlsplit(box.url)
        self._connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=20)
        self._token = box.token

    def get(self, path: str, **query: object) -> Seen:
        return self.send("GET", f"/api/3{path}?{urlencode(query)}", {"Api-Token": self._token})

    def control(self, method: str, path: str, body: object = None) -> Seen:
        return self.send(method, f"/_sandbox{path}", {}, json.dumps(body))

    def send(
        self, method: str, target: str, headers: dict[str, str], body: str | None = None
    ) -> Seen:
        self._connection.request(method, target, body=body, headers=headers)
        answer = self._connection.getresponse()
        named = {name.lower(): value for name, value in answer.getheaders()}
        return Seen(answer.status, named, answer.read())

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(QUIET) as running:
        yield running


@pytest.fixture
def client(box: Sandbox) -> Iterator[Client]:
    with contextlib.closing(Client(box)) as opened:
        yield opened


def raw_exchange(box: Sandbox, path: str) -> tuple[bytes, bool]:
    """All bytes of one answer, and whether the connection was reset at its end."""
    parts = urlsplit(box.url)
    got = b""
    with socket.create_connection((str(parts.hostname), parts.port), timeout=20) as wire:
        wire.sendall(
            f"GET /api/3{path} HTTP/1.1\r\nHost: box\r\nApi-Token: {box.token}\r\n\r\n".encode()
        )
        try:
            while piece := wire.recv(65_536):
                got += piece
        except ConnectionResetError:
            return got, True
    return got, False


class TestReading:
    def test_every_object_is_read_whole_with_one_connection(
        self, box: Sandbox, client: Client
    ) -> None:
        for table in box.account.contract:
            rows: list[Any] = []
            while page := client.get(table.path, limit=100, offset=len(rows)).json[table.envelope]:
                rows += page
            assert sorted(rows, key=lambda row: int(row["id"])) == box.rows(table.name)

    def test_headers_are_those_of_the_service(self, client: Client) -> None:
        seen = client.get("/users/me")
        assert parsedate_to_datetime(seen.headers["date"]).tzinfo is not None
        assert len(seen.headers["x-request-id"]) == 32
        assert "__cf_bm" in seen.headers["set-cookie"]
        assert seen.headers["content-type"] == "application/json"

    def test_a_clock_set_ahead_shows_in_the_date(self, box: Sandbox, client: Client) -> None:
        first = parsedate_to_datetime(client.get("/users/me").headers["date"])
        box.set_ahead(7200)
        later = parsedate_to_datetime(client.get("/users/me").headers["date"])
        assert 7200 <= (later - first).total_seconds() < 7230

    def test_a_wrong_token_is_refused(self, client: Client) -> None:
        seen = client.send("GET", "/api/3/users/me", {"Api-Token": "wrong"})
        assert (seen.status, list(seen.json)) == (403, ["message"])
        assert client.send("GET", "/api/3/users/me", {}).status == 403

    def test_paths_outside_the_api_are_not_found(self, client: Client) -> None:
        assert client.send("GET", "/", {}).status == 404

    def test_the_api_is_read_only(self, client: Client) -> None:
        assert client.send("DELETE", "/api/3/contacts/1", {}).status == 405

    def test_answers_can_be_compressed(self) -> None:
        with (
            Sandbox(SandboxOptions(contacts=5, rate_limit=None, gzip=True)) as box,
            contextlib.closing(Client(box)) as client,
        ):
            headers = {"Api-Token": box.token, "Accept-Encoding": "gzip"}
            seen = client.send("GET", "/api/3/contacts", headers)
            assert json.loads(gzip.decompress(seen.body)) == client.get("/contacts").json

    def test_calls_are_recorded(self, box: Sandbox, client: Client) -> None:
        client.get("/contacts", limit=3)
        client.get("/nothing")
        assert [(call.path, call.query, call.status) for call in box.calls] == [
            ("/contacts", "limit=3", 200),
            ("/nothing", "", 404),
        ]

    def test_many_clients_read_at_once(self, box: Sandbox) -> None:
        statuses: list[int] = []

        def work() -> None:
            with contextlib.closing(Client(box)) as client:
                statuses.extend(client.get("/contacts", limit=100).status for _ in range(10))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert statuses == [200] * 80


class TestLimits:
    @pytest.mark.parametrize("status", [429, 503])
    def test_requests_over_the_limit_are_refused(self, status: int) -> None:
        options = SandboxOptions(
            contacts=1, rate_limit=2, rate_limit_status=status, retry_after=30, latency=0.0
        )
        with Sandbox(options) as box, contextlib.closing(Client(box)) as client:
            # Far more than fit into the windows that can pass meanwhile.
            seen = [client.get("/users/me") for _ in range(40)]
            refused = [each for each in seen if each.status == status]
            assert seen[0].status == 200
            assert seen[0].headers["ratelimit-limit"] == "2"
            assert seen[0].headers["ratelimit-remaining"] == "1"
            assert refused[0].headers["retry-after"] == "30"
            assert len(refused) == box.count_429 > 0

    def test_no_window_of_a_second_holds_more_than_the_limit(self) -> None:
        with (
            Sandbox(SandboxOptions(contacts=1, rate_limit=3)) as box,
            contextlib.closing(Client(box)) as client,
        ):
            while len([call for call in box.calls if call.status == 200]) < 5:
                client.get("/users/me")
                PAUSE.wait(0.02)
            taken = [call.time for call in box.calls if call.status == 200]
            assert all(b - a >= 0.999 for a, b in zip(taken, taken[3:], strict=False))

    def test_the_limit_can_be_lifted(self) -> None:
        with (
            Sandbox(SandboxOptions(contacts=1, rate_limit=1)) as box,
            contextlib.closing(Client(box)) as client,
        ):
            box.set_rate_limit(None)
            assert {client.get("/users/me").status for _ in range(20)} == {200}

    def test_latency_counts_requests_in_flight(self) -> None:
        with Sandbox(SandboxOptions(contacts=1, rate_limit=None, latency=0.3, jitter=0.1)) as box:
            threads = [threading.Thread(target=raw_status, args=(box,)) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert box.stats["most_in_flight"] > 1


def raw_status(box: Sandbox) -> None:
    with contextlib.closing(Client(box)) as client:
        assert client.get("/users/me").status == 200


STATUSES = (400, 401, 402, 403, 404, 422, 429, 500, 502, 503, 504, *range(520, 527))


class TestFaults:
    def test_any_status_can_be_asked_for(self, box: Sandbox, client: Client) -> None:
        for status in STATUSES:
            box.fail(status, "/contacts", times=1)
        assert [client.get("/contacts").status for _ in STATUSES] == list(STATUSES)
        assert client.get("/contacts").status == 200

    @pytest.mark.parametrize(
        ("shape", "body"),
        [
            ("message", {"message": "Fault 500"}),
            ("error_texts", {"errors": ["Fault 500", "second text"]}),
            ("errors_text", {"errors": "Fault 500"}),
            ("success0", {"success": 0, "message": "Fault 500", "result_code": 0}),
            ("object", {}),
        ],
    )
    def test_shapes_of_errors(self, box: Sandbox, client: Client, shape: Any, body: object) -> None:
        box.fail(500, shape=shape)
        assert client.get("/contacts").json == body

    def test_error_objects_point_to_their_place(self, box: Sandbox, client: Client) -> None:
        box.fail(422, shape="errors")
        (item,) = client.get("/contacts").json["errors"]
        assert item["source"] == {"pointer": "/data/attributes/id"}

    def test_errors_may_be_html_plain_text_or_nothing(self, box: Sandbox, client: Client) -> None:
        box.fail(502, "/deals", shape="html")
        box.fail(503, "/tags", shape="empty")
        box.fail(500, "/lists", plain_text=True)
        assert client.get("/deals").body.startswith(b"<!DOCTYPE html>")
        assert client.get("/tags").body == b""
        plain = client.get("/lists")
        assert plain.headers["content-type"].startswith("text/plain")
        assert plain.json == {"message": "Fault 500"}

    def test_a_status_can_say_when_to_come_again(self, box: Sandbox, client: Client) -> None:
        box.fail(503, retry_after=7)
        assert client.get("/contacts").headers["retry-after"] == "7"

    def test_exact_requests_are_struck(self, box: Sandbox, client: Client) -> None:
        rule = box.fail(500, "/deals", nth=(2, 4))
        client.get("/contacts")
        assert [client.get("/deals").status for _ in range(5)] == [200, 500, 200, 500, 200]
        assert (rule.seen, rule.fired) == (5, 2)

    def test_html_and_nothing_with_200(self, box: Sandbox, client: Client) -> None:
        box.fail("html_page", "/deals")
        box.fail("empty_body", "/tags")
        page, nothing = client.get("/deals"), client.get("/tags")
        assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=UTF-8")
        assert (nothing.status, nothing.body) == (200, b"")

    def test_json_that_stops_in_the_middle(self, box: Sandbox, client: Client) -> None:
        box.fail("cut_json")
        seen = client.get("/contacts")
        assert len(seen.body) == int(seen.headers["content-length"])
        with pytest.raises(json.JSONDecodeError):
            json.loads(seen.body)

    def test_well_formed_json_of_the_wrong_form(self, box: Sandbox, client: Client) -> None:
        box.fail("no_envelope", "/contacts")
        box.fail("envelope_object", "/tags")
        box.fail("envelope_null", "/lists")
        box.fail("array_body", "/deals")
        assert list(client.get("/contacts").json) == ["scoreValues", "meta"]
        assert isinstance(client.get("/tags").json["tags"], dict)
        assert client.get("/lists").json["lists"] is None
        assert isinstance(client.get("/deals").json, list)

    def test_a_reset_before_the_answer(self, box: Sandbox) -> None:
        box.fail("reset_before")
        assert raw_exchange(box, "/contacts") == (b"", True)

    def test_a_reset_within_the_answer(self, box: Sandbox, client: Client) -> None:
        box.fail("reset_within", nth=(1,))
        got, reset = raw_exchange(box, "/contacts")
        assert reset
        assert len(got) < len(client.get("/contacts").body)

    def test_a_body_shorter_than_announced(self, box: Sandbox) -> None:
        box.fail("cut_body")
        got, reset = raw_exchange(box, "/contacts")
        head, _, body = got.partition(b"\r\n\r\n")
        announced = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        assert not reset
        assert len(body) == announced // 2

    def test_chunks_without_an_end(self, box: Sandbox) -> None:
        box.fail("cut_chunks")
        got, reset = raw_exchange(box, "/contacts")
        assert not reset
        assert b"Transfer-Encoding: chunked" in got
        assert not got.endswith(b"0\r\n\r\n")

    def test_the_connection_is_good_for_others_afterwards(
        self, box: Sandbox, client: Client
    ) -> None:
        box.fail("reset_before", times=1)
        raw_exchange(box, "/contacts")
        assert client.get("/contacts").status == 200

    def test_spoilt_rows_come_until_faults_are_cleared(self, box: Sandbox, client: Client) -> None:
        box.spoil("tags", 2, "not_object")
        box.spoil("tags", 3, "oversize", size_bytes=3_000_000)
        body = client.get("/tags")
        assert body.json["tags"][1] == "2"
        assert len(body.body) > 3_000_000
        box.clear_faults()
        assert client.get("/tags").json["tags"][:3] == box.rows("tags")[:3]

    def test_a_slow_answer_is_still_whole(self, box: Sandbox, client: Client) -> None:
        box.fail("slow", seconds=0.2)
        assert len(client.get("/contacts").json["contacts"]) == 20

    def test_passing_faults_pass(self) -> None:
        options = SandboxOptions(contacts=5, rate_limit=None, fault_rate=0.5)
        with Sandbox(options) as box:
            for _ in range(40):
                with contextlib.suppress(OSError, http.client.HTTPException):
                    raw_status_of(box)
            assert any(call.fault for call in box.calls)
            assert any(call.fault is None and call.status == 200 for call in box.calls)


def raw_status_of(box: Sandbox) -> int:
    with contextlib.closing(Client(box)) as client:
        return client.get("/contacts").status


class TestAvailability:
    def test_objects_can_be_refused_and_offered_again(self, box: Sandbox, client: Client) -> None:
        box.unavailable("deals")
        box.unavailable("segments", 404)
        assert [client.get(path).status for path in ("/deals", "/segments", "/tags")] == [
            403,
            404,
            200,
        ]
        box.unavailable("deals", None)
        assert client.get("/deals").status == 200

    def test_an_inactive_plan_refuses_everything(self, box: Sandbox, client: Client) -> None:
        box.plan_inactive()
        assert client.get("/users/me").status == 402


class TestChanges:
    def test_a_change_is_seen_by_the_next_filter(self, box: Sandbox, client: Client) -> None:
        box.update("contacts", 5, firstName="Ada")
        (added,) = box.add("contacts")
        today = box.account.clock.day(box.account.clock.now())
        found = client.get("/contacts", **{"filters[updated_after]": today}).json["contacts"]
        assert {row["id"] for row in found} == {"5", added}

    def test_a_deletion_between_pages_skips_a_row(self, box: Sandbox, client: Client) -> None:
        order = {"orders[id]": "ASC", "limit": 100}
        before = [row["id"] for row in box.rows("contacts")]
        box.after("/contacts", 1, lambda: box.delete("contacts", before[0]))
        pages = [client.get("/contacts", offset=at, **order).json["contacts"] for at in (0, 100)]
        seen = [row["id"] for page in pages for row in page]
        assert seen == before[:100] + before[101:201]

    def test_the_sandbox_changes_rows_by_itself(self) -> None:
        options = SandboxOptions(contacts=50, rate_limit=None, changes_per_minute=60_000)
        with Sandbox(options) as box:
            before = box.rows("contacts")
            while box.rows("contacts") == before:
                PAUSE.wait(0.02)


class TestControlPath:
    def test_changes_and_truth(self, box: Sandbox, client: Client) -> None:
        change = {
            "add": {"contacts": 2, "tags": [{"tag": "fresh"}]},
            "update": {"deals": {"3": {"title": "Renamed"}}},
            "delete": {"contacts": ["5"]},
            "set_column": {"lists": {"brand_new": 1}},
            "unavailable": {"segments": 403},
        }
        added = client.control("POST", "/change", change).json["added"]
        assert [len(added[table]) for table in ("contacts", "tags")] == [2, 1]
        for table in ("contacts", "tags", "deals", "lists"):
            assert client.control("GET", f"/rows/{table}").json == box.rows(table)
        assert client.get("/deals/3").json["deal"]["title"] == "Renamed"
        assert client.get("/contacts/5").status == 404
        assert client.get("/segments").status == 403

    def test_changes_can_wait_for_requests(self, client: Client) -> None:
        later = {"delete": {"tags": ["1"]}, "after": {"path": "/tags", "requests": 2}}
        client.control("POST", "/change", later)
        first = [client.get("/tags", limit=1).json["tags"][0]["id"] for _ in range(3)]
        assert first == ["1", "1", "2"]

    def test_faults(self, client: Client) -> None:
        rule = {"kind": "status", "status": 418, "path": "/tags"}
        assert client.control("POST", "/faults", rule).json == {"rules": 1}
        assert client.get("/tags").status == 418
        assert client.control("GET", "/faults").json[0]["fired"] == 1
        client.control("DELETE", "/faults")
        assert client.get("/tags").status == 200

    def test_the_lines_of_the_guide_work(self, client: Client) -> None:
        lines = re.findall(r"^curl .+", GUIDE.read_text("utf-8"), re.MULTILINE)
        assert len(lines) == 10
        for line in lines:
            words = shlex.split(line)
            url = next(word for word in words if word.startswith("http:"))
            body = words[words.index("-d") + 1] if "-d" in words else None
            method = "DELETE" if "DELETE" in words else "POST" if body else "GET"
            assert client.send(method, urlsplit(url).path, {}, body).status == 200, line

    def test_stats_count_the_api_only(self, client: Client) -> None:
        client.get("/tags")
        stats = client.control("GET", "/stats").json
        assert (stats["requests"], stats["by_path"]) == (1, {"/tags": 1})

    def test_warming_changes_nothing(self, box: Sandbox, client: Client) -> None:
        before = box.rows("tags")
        assert client.control("POST", "/warm", {"tables": ["tags"]}).status == 200
        assert client.get("/tags", limit=100).json["tags"] == before

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("/change", {"ad": {}}),
            ("/change", {"delete": {"contacts": ["99999"]}}),
            ("/change", {"add": {"kontacts": 1}}),
            ("/change", [1]),
            ("/faults", {"kind": "unknown"}),
        ],
    )
    def test_mistakes_are_told(self, client: Client, path: str, body: object) -> None:
        seen = client.control("POST", path, body)
        assert (seen.status, list(seen.json)) == (400, ["message"])

    def test_unknown_control_paths_are_not_found(self, client: Client) -> None:
        assert client.control("GET", "/nothing").status == 404


SERVE = """
from penstock.sandbox.activecampaign import SandboxOptions
from penstock.sandbox.activecampaign.main import serve

serve(SandboxOptions(contacts=3), announce=lambda url, token: print(url, token, flush=True))
print("ended")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_ends_cleanly_when_told_to(number: signal.Signals) -> None:
    command = [sys.executable, "-W", "error", "-c", SERVE]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:  # type: ignore[call-overload]
        url, token = process.stdout.readline().split()
        parts = urlsplit(url)
        with socket.create_connection((parts.hostname, parts.port), timeout=20):
            os.kill(process.pid, number)
            out, problems = process.communicate(timeout=20)
        assert (token, out, problems, process.returncode) == ("sandbox-token", "ended\n", "", 0)


def test_a_port_that_is_taken_is_told_and_leaves_no_thread(box: Sandbox) -> None:
    port = urlsplit(box.url).port
    before = threading.active_count()
    with pytest.raises(OSError, match="in use"), Sandbox(SandboxOptions(port=port or 0)):
        pass
    assert threading.active_count() == before
