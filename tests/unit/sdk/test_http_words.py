"""Pure parts of the HTTP layer: error texts, meanings, addresses, waits, headers, secrets."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import SecretStr, ValidationError

from penstock.core.errors import AuthError, ConfigError, TransientError
from penstock.sdk.http import (
    Action,
    Address,
    Answer,
    Auth,
    BadBody,
    Confirm,
    ErrorMeaning,
    Retry,
    Rule,
    error_text,
    whole_json,
)
from penstock.sdk.http.address import encoded
from penstock.sdk.http.answer import Headers
from penstock.sdk.http.retry import Patience, Setback


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"message": "No Result found"}', "No Result found"),
        (
            b'{"errors": [{"title": "Bad", "detail": "gone", "source": {"pointer": "/data/id"}}]}',
            "Bad: gone: at /data/id",
        ),
        (b'{"errors": [{"title": "One"}, {"error": "Two"}]}', "One; Two"),
        (b'{"errors": ["first", "second"]}', "first; second"),
        (b'{"errors": "just text"}', "just text"),
        (b'{"success": 0, "message": "Nope", "id": 3}', "Nope"),
        (b'{"error": {"message": "Deep", "code": 12}}', "Deep: 12"),
        (b'{"error": true, "message": "Flagged"}', "Flagged"),
        (b'{"errors": {"email": ["is taken", "is short"]}}', "email: is taken; email: is short"),
        (b'{"detail": [{"msg": "field required"}]}', "field required"),
        (b'{"message": "Same", "errors": ["Same"]}', "Same"),
        (b'{"success":0}', '{"success":0}'),
        (b'["a", "b"]', "a; b"),
        (b'"text"', "text"),
        (b"{}", ""),
        (b"[]", ""),
        (b"null", ""),
        (b"", ""),
        (b"  \r\n", ""),
        (b"plain words", "plain words"),
        (b'{"message": "cut of', '{"message": "cut of'),
        (b"\xff\xfe oops", "�� oops"),
        (b"line one\nline\ttwo\x00", "line one line two"),
        (
            b"<!DOCTYPE html><html><head><title>502 Bad\nGateway</title></head></html>",
            "web page: 502 Bad Gateway",
        ),
        (
            b"<html><style>p {}</style><body><p>Having issues</p></body></html>",
            "web page: Having issues",
        ),
    ],
)
def test_the_reason_is_found_in_every_shape(body: bytes, text: str) -> None:
    assert error_text(body) == text


@pytest.mark.parametrize("body", [b"x" * 9_000, b'{"message": "' + b"x" * 9_000 + b'"}'])
def test_long_reasons_are_cut_to_five_hundred_characters(body: bytes) -> None:
    assert error_text(body) == "x" * 499 + "…"


def test_deeply_nested_and_huge_bodies_are_read_without_harm() -> None:
    assert error_text(b"[" * 100_000)
    assert error_text(b'{"a": "' + b"x" * (3 << 20)).startswith('{"a": "xxx')


@pytest.mark.parametrize(
    ("status", "action"),
    [
        (200, "ok"),
        (201, "ok"),
        (301, "config"),
        (400, "fail"),
        (401, "auth"),
        (402, "plan_inactive"),
        (403, "auth"),
        (404, "unavailable"),
        (408, "retry"),
        (418, "fail"),
        (422, "fail"),
        (425, "retry"),
        (429, "rate_limited"),
        (500, "retry"),
        (503, "retry"),
        (522, "retry"),
        (999, "fail"),
    ],
)
def test_statuses_mean_by_default_what_they_mean_everywhere(status: int, action: str) -> None:
    assert ErrorMeaning().of(status).action == action


def test_a_card_says_what_differs_and_the_narrowest_wins() -> None:
    meaning = ErrorMeaning.model_validate(
        {
            "statuses": {
                403: {"action": "unavailable", "confirm": {"tries": 2, "ask": "/users/me"}},
                "52x": "fail",
                "5xx": "rate_limited",
                521: "retry",
            }
        }
    )
    confirm = Confirm(tries=2, ask="/users/me")
    assert meaning.of(403) == Rule(action=Action.UNAVAILABLE, confirm=confirm)
    assert [meaning.of(s).action for s in (500, 520, 521)] == ["rate_limited", "fail", "retry"]
    assert meaning.of(401).action == "auth"


@pytest.mark.parametrize("statuses", [{"teapot": "ok"}, {"40": "ok"}, {404: "ignore"}, ["404"]])
def test_a_meaning_that_cannot_be_is_refused(statuses: object) -> None:
    with pytest.raises(ValidationError):
        ErrorMeaning.model_validate({"statuses": statuses})


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("https://api.example.com/api/3/", "https://api.example.com/api/3"),
        (" http://127.0.0.1:8080 ", "http://127.0.0.1:8080"),
        ("https://API.example.com:443/v1", "https://api.example.com/v1"),
        ("http://[::1]:90/x", "http://[::1]:90/x"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
    ],
)
def test_an_address_is_taken_apart(url: str, whole: str) -> None:
    assert str(Address.of(url)) == whole


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.example.com",
        "ftp://example.com",
        "https://",
        "https://user:pa55@example.com",
        "https://example.com/?token=pa55",
        "https://example.com:99999",
        "https://" + "a" * 70 + "ü.example",
    ],
)
def test_an_address_that_is_none_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ConfigError) as raised:
        Address.of(url)
    assert "pa55" not in str(raised.value.to_dict())


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/contacts", b"/api/3/contacts?x=1"),
        ("contacts", b"/api/3/contacts?x=1"),
        ("/names/Zoë x", b"/api/3/names/Zo%C3%AB%20x?x=1"),
        ("https://a.example/api/3/contacts?after=b", b"/api/3/contacts?after=b&x=1"),
    ],
)
def test_paths_go_below_the_base_and_links_are_taken_whole(path: str, target: bytes) -> None:
    address = Address.of("https://a.example/api/3")
    full_path, query = address.full_path(path)
    assert address.url(full_path, "&".join(filter(None, [query, "x=1"]))).target == target


@pytest.mark.parametrize("link", ["https://b.example/x", "http://a.example/x", "//b.example/x"])
def test_a_link_to_another_server_is_refused(link: str) -> None:
    with pytest.raises(ConfigError):
        Address.of("https://a.example/api/3").full_path(link)


def test_parameters_are_encoded_brackets_and_all() -> None:
    params = [("filters[updated_after]", "2025-07-14 10:00"), ("a", 1), ("b", True), ("a", "ü&")]
    assert encoded(params) == (
        "filters%5Bupdated_after%5D=2025-07-14%2010%3A00&a=1&b=true&a=%C3%BC%26"
    )
    assert encoded({"limit": 100}) == "limit=100"


DATE = "Mon, 23 Nov 2026 10:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "30"}, 30.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"Retry-After": "Mon, 23 Nov 2026 10:00:20 GMT", "Date": DATE}, 20.0),
        ({"Retry-After": "Mon, 23 Nov 2026 09:00:00 GMT", "Date": DATE}, 0.0),
        ({"Retry-After": "Mon, 23 Nov 2026 10:00:20 GMT"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": ""}, None),
        ({}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    assert Answer(429, Headers.of(raw), b"").retry_after_s == seconds


@pytest.mark.parametrize(
    ("text", "at"),
    [
        (DATE, datetime(2026, 11, 23, 10, tzinfo=UTC)),
        ("Mon, 23 Nov 2026 10:00:00 +0200", datetime(2026, 11, 23, 8, tzinfo=UTC)),
        ("yesterday", None),
        ("", None),
    ],
)
def test_the_servers_time_is_its_date_header(text: str, at: datetime | None) -> None:
    assert Answer(200, Headers.of([(b"Date", text.encode())]), b"").server_time == at


def test_headers_are_joined_and_do_not_show() -> None:
    headers = Headers.of([(b"X-A", b"secret"), (b"x-a", b"2")])
    assert headers["x-a"] == "secret, 2"
    assert "secret" not in repr(Answer(200, headers, b"secret"))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"<html>", "web page"),
        (b'{"a": [1, 2', "whole JSON"),
        (b'{"a": "b"]', "whole JSON"),
        (b"Having issues", "whole JSON"),
    ],
)
def test_what_cannot_be_json_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(BadBody, match=reason):
        whole_json(Answer(200, Headers(), body))


@pytest.mark.parametrize("body", [b' {"a": 1} \n', b"[]"])
def test_what_may_be_json_passes(body: bytes) -> None:
    whole_json(Answer(200, Headers(), body))


def waits(retry: Retry, setback: Setback, times: int, step_s: float = 0.0) -> list[float | None]:
    patience = Patience(retry)
    return [patience.next_wait_s(setback, i * step_s, 1.0) for i in range(times)]


FAILED = TransientError("It failed.")


def test_waits_double_up_to_the_longest_until_the_tries_are_used_up() -> None:
    retry = Retry(tries=6, first_wait_s=1, longest_wait_s=5)
    assert waits(retry, Setback(FAILED, again=True), 6) == [1, 2, 4, 5, 5, None]


def test_what_no_try_can_help_is_not_tried_again() -> None:
    assert waits(Retry(), Setback(FAILED), 1) == [None]


def test_refusals_for_speed_use_up_no_try_but_end_in_time() -> None:
    setback = Setback(FAILED, again=True, paused=True, counted=False)
    assert waits(Retry(give_up_after_s=100), setback, 12, step_s=10) == [0.0] * 11 + [None]


def test_a_status_to_confirm_has_tries_of_its_own() -> None:
    setback = Setback(FAILED, again=True, confirm=Confirm(tries=3))
    assert waits(Retry(), setback, 3) == [1, 2, None]


@pytest.mark.parametrize(
    ("auth", "echo"),
    [
        (Auth.header("Api-Token", SecretStr("s3cr3t/+x")), "bad key s3cr3t/+x"),
        (Auth.header("Api-Token", SecretStr("s3cr3t/+x")), "?key=s3cr3t%2F%2Bx"),
        (Auth.bearer(SecretStr("s3cr3t")), "Bearer s3cr3t"),
        (Auth.bearer(SecretStr("s3cr3t")), "token s3cr3t"),
        (Auth.basic("me", SecretStr("s3cr3t")), "password s3cr3t"),
        (Auth.basic("me", SecretStr("s3cr3t")), "bWU6czNjcjN0"),
        (Auth.query("key", SecretStr("s3cr3t")), "/x?key=s3cr3t"),
    ],
)
def test_secrets_are_taken_out_of_what_servers_echo(auth: Auth, echo: str) -> None:
    shown = auth.scrub(echo) + repr(auth) + str(auth)
    assert "s3cr3t" not in shown
    assert "bWU6czNjcjN0" not in shown


def test_a_pasted_token_loses_its_white_space() -> None:
    auth = Auth.header("Api-Token", SecretStr(" abc123 \n"))
    assert auth.headers["Api-Token"].get_secret_value() == "abc123"


@pytest.mark.parametrize("token", ["abc\ndef", "schlüssel", "a\x00b"])
def test_a_token_that_cannot_be_sent_is_named_but_not_shown(token: str) -> None:
    with pytest.raises(AuthError) as raised:
        Auth.header("Api-Token", SecretStr(token))
    assert token not in str(raised.value.to_dict())
