"""The client against a real server on loopback that plays answers and faults."""

from __future__ import annotations

import gzip
import logging
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpcore2
import pytest
from pydantic import SecretStr

from loopback import Play, Request, Script, Server, reply
from penstock.core.errors import (
    AuthError,
    ConfigError,
    Interrupted,
    ObjectFailed,
    PenstockError,
    RateLimited,
    TransientError,
    Unavailable,
)
from penstock.sdk.http import (
    Answer,
    Auth,
    BadBody,
    ErrorMeaning,
    Http,
    HttpSettings,
    Retry,
    backend,
    whole_json,
)
from penstock.sdk.limiter import AccountLimiter

CANARY = "c4n4ry-t0ken-5ecret"
QUICK = Retry(tries=3, first_wait_s=0.001)
SETTINGS = HttpSettings(retry=QUICK, read_timeout_s=0.3)
SOON = {"Retry-After": "0.02"}

Open = Callable[..., tuple[Http, Server]]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Open]:
    """Start a server that plays a script and a client of it; both end with the test."""
    with ExitStack() as stack:

        def start(
            script: Script | Play, *, rate: float | None = None, **options: Any
        ) -> tuple[Http, Server]:
            played = script if callable(script) else lambda _request, _number: script
            server = stack.enter_context(Server(played))
            limiter = AccountLimiter("acme", rate, folder=tmp_path)
            auth = options.pop("auth", Auth.header("Api-Token", SecretStr(CANARY)))
            options = {"settings": SETTINGS, **options}
            http = Http(f"{server.url}/api/3/", auth, limiter, **options)
            stack.callback(limiter.close)
            return stack.enter_context(http), server

        yield start


def after(failures: list[Play], then: Play | None = None) -> Script:
    """Fails in turn, then answers well."""
    return lambda _request, number: (
        failures[number] if number < len(failures) else then or reply(b'{"rows": []}')
    )


def test_a_page_is_asked_for_and_comes_back_whole(serve: Open) -> None:
    headers = {"Date": "Mon, 23 Nov 2026 10:00:00 GMT", "X-Request-Id": "r1"}
    http, server = serve(reply(b'{"contacts": []}', headers=headers))
    answer = http.get("contacts", [("limit", 100), ("filters[updated_after]", "2025-07-14")])
    assert (answer.status, answer.body, answer.request_id) == (200, b'{"contacts": []}', "r1")
    assert answer.server_time
    (request,) = server.requests
    assert request.path == "/api/3/contacts"
    assert request.query == "limit=100&filters%5Bupdated_after%5D=2025-07-14"
    assert request.headers["api-token"] == CANARY
    assert request.headers["user-agent"].startswith("penstock/")
    assert request.headers["host"] == f"127.0.0.1:{server.port}"


def test_calls_share_a_connection_and_send_no_cookies(serve: Open) -> None:
    http, server = serve(reply(headers={"Set-Cookie": "session=1; Path=/"}))
    for _ in range(3):
        http.get("contacts")
    assert server.connections == 1
    assert not any("cookie" in request.headers for request in server.requests)


def test_a_connection_that_the_server_closed_is_replaced_without_a_retry(serve: Open) -> None:
    http, server = serve(Play(reply().raw, "close"))
    for _ in range(3):
        http.get("contacts")
        server.came.clear()
    assert server.connections == 3


def test_environment_proxies_are_used_only_when_asked_for(
    serve: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxied: list[Request] = []

    def proxy(request: Request, _number: int) -> Play:
        proxied.append(request)
        return reply(b'{"by": "proxy"}')

    _, proxy_server = serve(proxy)
    monkeypatch.setenv("http_proxy", proxy_server.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    direct, _ = serve(reply(b'{"by": "server"}'))
    assert direct.get("x").body == b'{"by": "server"}'
    asked, _ = serve(
        reply(b'{"by": "server"}'), settings=SETTINGS.model_copy(update={"trust_env": True})
    )
    assert asked.get("x").body == b'{"by": "proxy"}'
    assert len(proxied) == 1


def test_secrets_in_the_query_are_sent(serve: Open) -> None:
    http, server = serve(reply(), auth=Auth.query("api key", SecretStr(CANARY)))
    http.get("contacts", {"a": 1})
    assert server.requests[0].params == [("a", "1"), ("api key", CANARY)]


def test_a_redirect_is_not_followed(serve: Open) -> None:
    http, server = serve(reply(status=302, headers={"Location": "http://127.0.0.1:1/x"}))
    with pytest.raises(ConfigError):
        http.get("contacts")
    assert len(server.requests) == 1


def test_a_compressed_body_is_unpacked(serve: Open) -> None:
    http, server = serve(reply(b'{"rows": []}', zipped=True))
    assert http.get("contacts").body == b'{"rows": []}'
    assert server.requests[0].headers["accept-encoding"] == "gzip"
    assert http.stats.totals().bytes_read == len(b'{"rows": []}')


ZIPPED = gzip.compress(b'{"rows": [' + b"1234567890," * 1000 + b"0]}")

PASSING = [
    pytest.param(reply(status=500), id="500"),
    pytest.param(reply("<html>Bad Gateway</html>", 502), id="502 with a web page"),
    pytest.param(reply(status=503, headers=SOON), id="503"),
    pytest.param(reply(status=504), id="504"),
    pytest.param(reply(status=522), id="522"),
    pytest.param(reply(status=408), id="408"),
    pytest.param(Play(b"", "reset"), id="reset before the answer"),
    pytest.param(Play(b"", "close"), id="closed before the answer"),
    pytest.param(Play(b"HTTP/1.1 200 OK\r\nContent-Le", "close"), id="cut in the head"),
    pytest.param(
        Play(b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{", "close"), id="cut in the body"
    ),
    pytest.param(
        Play(b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{", "reset"), id="reset in the body"
    ),
    pytest.param(
        Play(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{'a':\r\n", "close"),
        id="chunks end early",
    ),
    pytest.param(Play(b"SSH-2.0-OpenSSH_9\r\n", "close"), id="no HTTP at all"),
    pytest.param(reply(ZIPPED[:40], headers={"Content-Encoding": "gzip"}), id="gzip cut off"),
    pytest.param(reply(b"no gzip", headers={"Content-Encoding": "gzip"}), id="gzip damaged"),
    pytest.param(Play(b"", "hang"), id="silence"),
    pytest.param(Play(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", "hang"), id="stalled body"),
    pytest.param(reply(b""), id="empty 200"),
    pytest.param(reply("<p>Having some issues</p>"), id="web page with 200"),
    pytest.param(reply(b'{"rows": ["unterminated'), id="JSON cut off"),
]


@pytest.mark.parametrize("failure", PASSING)
def test_what_may_pass_is_tried_again(serve: Open, failure: Play) -> None:
    http, server = serve(after([failure, failure]))
    assert http.get("contacts", accept=whole_json).body == b'{"rows": []}'
    assert len(server.requests) == 3
    totals = http.stats.totals()
    assert (totals.calls, totals.retries, totals.rate_limited) == (3, 2, 0)


@pytest.mark.parametrize("failure", PASSING)
def test_what_does_not_pass_is_temporary_after_the_tries(serve: Open, failure: Play) -> None:
    http, server = serve(failure)
    with pytest.raises(TransientError) as raised:
        http.get("contacts", accept=whole_json)
    assert len(server.requests) == 3
    assert raised.value.exit_code == 75
    assert raised.value.where["path"] == "contacts"


@pytest.mark.parametrize(
    ("failure", "code", "where"),
    [
        (reply(b'{"message": "later"}', 500), "source.server_error", {"status": 500}),
        (reply(b""), "source.bad_answer", {"status": 200}),
        (Play(b"", "reset"), "source.unreachable", {"step": "HTTP"}),
    ],
)
def test_a_temporary_error_says_where(
    serve: Open, failure: Play, code: str, where: dict[str, Any]
) -> None:
    http, _ = serve(failure)
    with pytest.raises(TransientError) as raised:
        http.get("contacts", accept=whole_json)
    assert raised.value.code == code
    assert where.items() <= raised.value.where.items()
    assert raised.value.where["host"] == "127.0.0.1"


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(
            reply(b"no gzip", headers={"Content-Encoding": "gzip", "x-request-id": "r-7"}),
            id="damaged",
        ),
        pytest.param(
            Play(b"HTTP/1.1 200 OK\r\nx-request-id: r-7\r\nContent-Length: 9\r\n\r\n{", "close"),
            id="cut off",
        ),
    ],
)
def test_an_answer_that_breaks_off_still_names_its_request(serve: Open, failure: Play) -> None:
    http, _ = serve(failure)
    with pytest.raises(TransientError) as raised:
        http.get("contacts")
    assert raised.value.where["request_id"] == "r-7"
    assert "gave no whole answer" in raised.value.message


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, ObjectFailed, "object.failed"),
        (401, AuthError, "auth.rejected"),
        (402, ConfigError, "account.inactive"),
        (403, AuthError, "auth.rejected"),
        (404, Unavailable, "object.unavailable"),
        (422, ObjectFailed, "object.failed"),
    ],
)
def test_what_no_try_helps_is_raised_at_once(
    serve: Open, status: int, kind: type[PenstockError], code: str
) -> None:
    headers = {"X-Request-Id": "r7"}
    http, server = serve(reply(b'{"errors": [{"title": "No such"}]}', status, headers))
    with pytest.raises(kind, match=f"answered {status}: No such") as raised:
        http.get("segments", [("token", "not shown")])
    assert len(server.requests) == 1
    place = {"host": "127.0.0.1", "path": "segments", "status": status, "request_id": "r7"}
    assert (raised.value.code, raised.value.where) == (code, place)


def with_rows(answer: Answer) -> None:
    if b'"rows"' not in answer.body:
        raise BadBody("it has no rows in it", final=True)


def test_a_well_formed_answer_without_the_rows_fails_the_object_after_some_tries(
    serve: Open,
) -> None:
    http, server = serve(reply(b'{"meta": {}}'))
    with pytest.raises(ObjectFailed, match="answered 200, but it has no rows in it"):
        http.get("contacts", accept=with_rows)
    assert len(server.requests) == 3


def test_one_well_formed_answer_without_the_rows_is_not_believed(serve: Open) -> None:
    http, server = serve(after([reply(b'{"message": "Try later."}')]))
    assert http.get("contacts", accept=with_rows).body == b'{"rows": []}'
    assert len(server.requests) == 2


# A 403 that says many things -----------------------------------------------------------------

FORBIDDEN = ErrorMeaning.model_validate(
    {"statuses": {403: {"action": "unavailable", "confirm": {"tries": 2, "ask": "/users/me"}}}}
)


def forbidden(me: Play) -> Script:
    return lambda request, _number: (
        me if request.path == "/api/3/users/me" else reply(b'{"message": "Forbidden"}', 403)
    )


def test_one_403_of_the_call_that_works_is_not_believed_either(serve: Open) -> None:
    asked: list[str] = []

    def script(request: Request, _number: int) -> Play:
        asked.append(request.path)
        flaky = asked.count("/api/3/users/me") == 1
        return reply(b"{}", 200 if request.path.endswith("/me") and not flaky else 403)

    http, _server = serve(script, meaning=FORBIDDEN)
    with pytest.raises(Unavailable):
        http.get("dealTasks")
    assert asked == ["/api/3/dealTasks"] * 2 + ["/api/3/users/me"] * 2


def test_a_403_is_believed_after_tries_and_a_call_that_works(serve: Open) -> None:
    http, server = serve(forbidden(reply()), meaning=FORBIDDEN)
    with pytest.raises(Unavailable, match="Forbidden"):
        http.get("dealTasks")
    paths = [request.path for request in server.requests]
    assert paths == ["/api/3/dealTasks"] * 2 + ["/api/3/users/me"]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_403_is_the_token_when_the_call_that_always_works_does_not(
    serve: Open, status: int
) -> None:
    http, _ = serve(forbidden(reply(status=status)), meaning=FORBIDDEN)
    with pytest.raises(AuthError, match="Forbidden"):
        http.get("dealTasks")


def test_a_403_cannot_be_judged_while_the_server_fails(serve: Open) -> None:
    http, _ = serve(forbidden(reply(status=500)), meaning=FORBIDDEN)
    with pytest.raises(TransientError):
        http.get("dealTasks")


def test_a_403_that_comes_and_goes_is_no_error(serve: Open) -> None:
    http, _ = serve(after([reply(status=403)]), meaning=FORBIDDEN)
    assert http.get("dealTasks").status == 200


# Too fast ------------------------------------------------------------------------------------


def test_a_refusal_for_speed_pauses_the_account_and_uses_up_no_try(serve: Open) -> None:
    http, server = serve(after([reply(status=429, headers=SOON)] * 7))
    assert http.get("contacts").status == 200
    assert len(server.requests) == 8
    assert http.stats.totals().rate_limited == 7


def test_the_whole_account_pauses_not_only_the_refused_call(serve: Open, tmp_path: Path) -> None:
    http, server = serve(after([reply(status=429, headers={"Retry-After": "0.4"})]), rate=100)
    other = AccountLimiter("acme", 100, folder=tmp_path)
    caller = threading.Thread(target=http.get, args=("contacts",))
    caller.start()
    server.came.wait(10)
    caller.join(10)
    waited_s = server.requests[1].at - server.requests[0].at
    assert waited_s >= 0.4
    assert other.pause_left_s() == 0.0


def test_a_server_that_refuses_for_ever_is_given_up_in_time(serve: Open) -> None:
    retry = Retry(give_up_after_s=0.1)
    http, _ = serve(
        reply(status=429, headers=SOON), settings=SETTINGS.model_copy(update={"retry": retry})
    )
    with pytest.raises(RateLimited) as raised:
        http.get("contacts")
    assert raised.value.exit_code == 75


def test_a_pause_longer_than_a_job_waits_ends_the_job(serve: Open) -> None:
    http, server = serve(reply(status=429, headers={"Retry-After": "3600"}))
    with pytest.raises(RateLimited) as raised:
        http.get("contacts")
    assert 3500 < raised.value.retry_after <= 3600
    with pytest.raises(RateLimited):
        http.get("deals")
    assert len(server.requests) == 1


def test_the_server_never_sees_more_than_the_rate_even_when_connecting_is_slow(
    serve: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = backend.connect
    delays = iter([0.7, 0.0, 0.3] + [0.0] * 9)

    def connect(*arguments: Any) -> socket.socket:
        time.sleep(next(delays))
        return real(*arguments)

    monkeypatch.setattr(backend, "connect", connect)
    http, server = serve(Play(reply().raw, "close"), rate=4)
    threads = [threading.Thread(target=lambda: [http.get("x") for _ in range(3)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    at = sorted(request.at for request in server.requests)
    assert len(at) == 12
    # The server's thread may see a call late; without new stamps the shortest is 0.55 s.
    assert min(b - a for a, b in zip(at, at[4:], strict=False)) > 0.9


# Stopping ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(Play(b"", "hang"), id="while the server is silent"),
        pytest.param(
            Play(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", "hang"), id="in a body"
        ),
        pytest.param(reply(status=429, headers={"Retry-After": "60"}), id="in a pause"),
        pytest.param(reply(status=500), id="between tries"),
    ],
)
def test_cancelling_ends_a_call_wherever_it_is(serve: Open, failure: Play) -> None:
    cancel = threading.Event()
    retry = Retry(first_wait_s=60)
    patient = HttpSettings(read_timeout_s=60, retry=retry)
    http, server = serve(failure, settings=patient, cancel=cancel)
    raised: list[BaseException] = []

    def call() -> None:
        with pytest.raises(Interrupted) as interrupted:
            http.get("contacts")
        raised.append(interrupted.value)

    caller = threading.Thread(target=call)
    caller.start()
    assert server.came.wait(10)
    cancel.set()
    caller.join(10)
    assert len(raised) == 1


def test_an_answer_over_the_limit_of_size_fails_the_object_at_once(serve: Open) -> None:
    small = SETTINGS.model_copy(update={"largest_body_bytes": 1000})
    for play in (reply(b"x" * 1001), reply(b"x" * 1001, zipped=True)):
        http, server = serve(play, settings=small)
        with pytest.raises(ObjectFailed, match="larger than 1,000 bytes"):
            http.get("messages")
        assert len(server.requests) == 1


# Reaching nobody -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "step"),
    [
        # Too long for a name, so that no name server is asked.
        (f"http://{'a' * 64}.example", "DNS"),
        ("http://127.0.0.1:{closed}", "TCP"),
    ],
)
def test_an_unreachable_server_is_temporary_and_the_step_is_named(
    tmp_path: Path, url: str, step: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = url.format(closed=listener.getsockname()[1])
    limiter = AccountLimiter("acme", None, folder=tmp_path)
    with Http(url, Auth(), limiter, settings=SETTINGS) as http:
        with pytest.raises(TransientError) as raised:
            http.get("contacts")
        assert raised.value.where["step"] == step
        assert http.stats.totals().calls == 3


# Secrets -------------------------------------------------------------------------------------


def shown(error: BaseException, caplog: pytest.LogCaptureFixture, http: Http) -> str:
    """All that could reach a log or a screen, the locals of every frame but the test's own."""
    assert error.__traceback__
    ours = error.__traceback__.tb_next
    trace = traceback.TracebackException(type(error), error, ours, capture_locals=True)
    told = str(error.to_dict()) if isinstance(error, PenstockError) else str(error)
    return "".join(trace.format()) + told + caplog.text + repr(http) + str(error)


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(reply(f'{{"message": "bad key {CANARY}"}}', 401), id="echoed by a 401"),
        pytest.param(reply(f"<p>{CANARY}</p>", 500), id="echoed by a web page"),
        pytest.param(
            reply(status=404, headers={"X-Request-Id": "r", "Set-Cookie": f"s={CANARY}"}),
            id="in a header",
        ),
        pytest.param(Play(b"", "reset"), id="connection reset"),
        pytest.param(Play(b"", "hang"), id="silence"),
        pytest.param(Play(b"SSH-2.0\r\n", "close"), id="no HTTP"),
        pytest.param(reply(b""), id="bad body"),
    ],
)
@pytest.mark.parametrize(
    "auth",
    [
        Auth.header("Api-Token", SecretStr(CANARY)),
        Auth.bearer(SecretStr(CANARY)),
        Auth.query("key", SecretStr(CANARY)),
    ],
)
def test_no_secret_shows_in_errors_tracebacks_or_logs(
    serve: Open, caplog: pytest.LogCaptureFixture, failure: Play, auth: Auth
) -> None:
    caplog.set_level(logging.DEBUG)
    http, _ = serve(failure, auth=auth)
    with pytest.raises(PenstockError) as raised:
        http.get("contacts", accept=whole_json)
    assert CANARY not in shown(raised.value, caplog, http)


@pytest.mark.parametrize(
    "stopped", [KeyboardInterrupt, MemoryError, Interrupted, httpcore2.ReadError]
)
def test_no_secret_shows_when_a_call_ends_inside_the_library(
    serve: Open,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    stopped: type[BaseException],
) -> None:
    caplog.set_level(logging.DEBUG)
    http, _ = serve(reply())

    def write(_stream: object, buffer: bytes, timeout: float | None = None) -> None:
        raise stopped("stopped")

    monkeypatch.setattr(backend.Stream, "write", write)
    with pytest.raises((stopped, TransientError)) as raised:
        http.get("contacts")
    assert CANARY not in shown(raised.value, caplog, http)


def test_when_one_call_was_patient_in_vain_the_others_try_once(serve: Open) -> None:
    http, server = serve(Play(b"", "reset"))
    with pytest.raises(TransientError):
        http.get("contacts")
    assert len(server.requests) == QUICK.tries
    for path in ("deals", "tags"):
        with pytest.raises(TransientError) as caught:
            http.get(path)
        assert caught.value.code == "source.unreachable"
        assert caught.value.where["path"] == path
    assert len(server.requests) == QUICK.tries + 2


def test_an_answer_makes_calls_patient_again(serve: Open) -> None:
    gone = Play(b"", "reset")
    http, server = serve(after([gone] * QUICK.tries + [reply(status=404), gone]))
    with pytest.raises(TransientError):
        http.get("contacts")
    with pytest.raises(Unavailable):
        http.get("segments")
    assert http.get("contacts").status == 200
    assert len(server.requests) == QUICK.tries + 3


def test_a_path_that_breaks_off_while_others_answer_is_its_own_trouble(serve: Open) -> None:
    def answer(request: Request, _number: int) -> Play:
        return Play(b"", "reset") if request.path.endswith("accounts") else reply()

    http, server = serve(answer)

    def others_answer() -> None:
        if len(server.requests) == 1:
            http.get("tags")

    with pytest.raises(TransientError):
        http.get("accounts", called=others_answer)
    before = len(server.requests)
    with pytest.raises(TransientError):
        http.get("accounts")
    assert len(server.requests) - before == QUICK.tries


def test_a_call_in_twenty_that_breaks_off_leaves_all_calls_patient(serve: Open) -> None:
    http, server = serve(
        lambda _request, number: Play(b"", "reset") if number % 20 == 7 else reply()
    )
    for _ in range(100):
        assert http.get("contacts").status == 200
    assert len(server.requests) > 100
