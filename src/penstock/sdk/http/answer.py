"""What a server answered, and what makes a body unfit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

REQUEST_ID = "x-request-id"


class Headers(dict[str, str]):
    """Headers by lower-case name; they can hold cookies and tokens, so `repr` shows none."""

    @classmethod
    def of(cls, raw: Iterable[tuple[bytes, bytes]]) -> Headers:
        headers = cls()
        for name_bytes, value_bytes in raw:
            name = name_bytes.decode("latin-1").lower()
            value = value_bytes.decode("latin-1")
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return headers

    def __repr__(self) -> str:
        return f"<{len(self)} headers>"


@dataclass(frozen=True, slots=True)
class Answer:
    """One complete answer, decoded and of the length the server announced."""

    status: int
    headers: Headers = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def server_time(self) -> datetime | None:
        """The `Date` header in UTC: the only clock that dates of this server compare with."""
        return http_date(self.headers.get("date"))

    @property
    def request_id(self) -> str | None:
        """What the vendor's support asks for."""
        return self.headers.get(REQUEST_ID)

    @property
    def retry_after_s(self) -> float | None:
        """Seconds that the server asks us to stay away; given in seconds or as a date."""
        text = self.headers.get("retry-after", "").strip()
        if text.replace(".", "", 1).isdecimal():
            return float(text)
        until, now = http_date(text), self.server_time
        return max(0.0, (until - now).total_seconds()) if until and now else None


def http_date(text: str | None) -> datetime | None:
    """An HTTP date as UTC; None when it is missing or malformed."""
    try:
        at = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    if at is None:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


class BadBody(Exception):
    """The caller cannot use the body of a success.

    Args:
        reason: ends the sentence "The API answered 200, but ...".
        final: a well-formed answer without what we asked for: believed after a few tries, and
            then the object has failed; otherwise it is treated like a server error.
    """

    def __init__(self, reason: str, *, final: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.final = final


Accept = Callable[[Answer], None]


def whole_json(answer: Answer) -> None:
    """Refuse what cannot be a JSON object or array, without parsing it.

    Raises:
        BadBody: empty, HTML, or cut off.
    """
    body = answer.body
    first, last = body[:64].lstrip()[:1], body[-64:].rstrip()[-1:]
    if not first:
        raise BadBody("the body is empty")
    if first == b"<":
        raise BadBody("the body is a web page")
    if (first, last) not in ((b"{", b"}"), (b"[", b"]")):
        raise BadBody("the body is not whole JSON")
