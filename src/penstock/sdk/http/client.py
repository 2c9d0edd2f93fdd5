"""The HTTP client of all REST sources: paced, patient, cancellable, and silent about secrets."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self
from urllib.parse import unquote_plus, urljoin, urlsplit, urlunsplit

from penstock.core.errors import AuthError, ConfigError, Interrupted, ObjectFailed, Unavailable
from penstock.sdk.http.address import Address, Params
from penstock.sdk.http.answer import Accept, Answer, BadBody
from penstock.sdk.http.auth import Auth
from penstock.sdk.http.backend import Fault
from penstock.sdk.http.breaker import Breaker
from penstock.sdk.http.meaning import Action, Confirm, ErrorMeaning, Rule
from penstock.sdk.http.retry import Patience, Setback
from penstock.sdk.http.settings import HttpSettings
from penstock.sdk.http.stats import HttpStats
from penstock.sdk.http.verdict import Judge
from penstock.sdk.http.wire import Feed, Wire
from penstock.sdk.limiter import AccountLimiter, Ticket

_OVERLOADED = 503
# Even the path that always works is refused now and then.
_SURE = ErrorMeaning(statuses={"403": Rule(action=Action.AUTH, confirm=Confirm())})


@dataclass
class _Call:
    path: str
    params: Params
    priority: int
    accept: Accept | None
    meaning: ErrorMeaning
    cancel: threading.Event | None
    called: Callable[[], None] | None = None
    feed: Callable[[], Feed] | None = None
    ticket: Ticket | None = None


class Http:
    """Reads one API from as many threads as like to, within the budget of its account.

    Args:
        base_url: paths are relative to it; a trailing slash makes no difference.
        auth: secret headers or parameters of every call.
        limiter: the account's; shared with whoever else reads the account.
        meaning: what statuses mean here.
        headers: of every call, in place of our own of the same name; nothing secret.
        cancel: ends every call soon when set; `get` can be given another one.
    """

    def __init__(
        self,
        base_url: str,
        auth: Auth,
        limiter: AccountLimiter,
        *,
        meaning: ErrorMeaning | None = None,
        settings: HttpSettings | None = None,
        headers: Mapping[str, str] | None = None,
        cancel: threading.Event | None = None,
    ) -> None:
        settings = settings or HttpSettings()
        self._address = Address.of(base_url)
        self._limiter = limiter
        self._meaning = meaning or ErrorMeaning()
        self._retry = settings.retry
        self.largest_body_bytes = settings.largest_body_bytes
        self._cancel = cancel
        self._auth = auth
        self._judge = Judge(self._address, auth)
        self._wire = Wire(self._address, auth, settings, headers or {})
        self._breaker = Breaker()
        self.stats = HttpStats()

    def __repr__(self) -> str:
        return f"<Http {self._address}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def get(
        self,
        path: str,
        params: Params = (),
        *,
        priority: int = 0,
        accept: Accept | None = None,
        meaning: ErrorMeaning | None = None,
        cancel: threading.Event | None = None,
        called: Callable[[], None] | None = None,
    ) -> Answer:
        """A success, after as many tries as it takes.

        Args:
            path: below the base URL, or a whole link that the API gave for the same server.
            priority: lower ones are sent first when calls wait for the limit.
            accept: looks at a success and raises `BadBody` when it is unusable.
            meaning: what statuses mean for this path, if not as everywhere.
            called: told of each try.

        Raises:
            AuthError, ConfigError: the user must act; no try will help.
            Unavailable: this path is not offered to this account.
            ObjectFailed: this path does not work as declared.
            TransientError: all tries failed; `where` names the step (DNS, TCP, TLS, HTTP) or
                the status.
            RateLimited: the account pauses for longer than a job waits.
            Interrupted: cancel was set.
        """
        meaning = meaning or self._meaning
        cancel = cancel or self._cancel
        return self._get(_Call(path, params, priority, accept, meaning, cancel, called))

    def skim(
        self,
        path: str,
        params: Params,
        feed: Callable[[], Feed],
        *,
        priority: int = 0,
        cancel: threading.Event | None = None,
        called: Callable[[], None] | None = None,
    ) -> None:
        """Let the body of a success pass by, however large; the other arguments are those of `get`.

        Args:
            feed: makes, for each try, what gets the body's bytes and says when it is enough.

        Raises:
            PenstockError: as `get`.
        """
        cancel = cancel or self._cancel
        self._get(_Call(path, params, priority, None, self._meaning, cancel, called, feed))

    def link(self, found: str, path: str) -> str:
        """A link in the answer of a path as a whole URL; it is saved, so without secrets."""
        url = urljoin(f"{self._address}/{path.lstrip('/')}", found)
        parts = urlsplit(url)
        kept = [
            pair
            for pair in parts.query.split("&")
            if unquote_plus(pair.partition("=")[0]) not in self._auth.params
        ]
        return urlunsplit(parts._replace(query="&".join(kept)))

    def close(self) -> None:
        """Close the connections; the limiter is the caller's."""
        self._wire.close()

    def _get(self, call: _Call) -> Answer:
        patience = Patience(self._retry)
        answers_before = self._breaker.answers
        while True:
            outcome = self._try(call)
            if isinstance(outcome, Answer):
                return outcome
            if outcome.away and self._breaker.is_open:
                raise outcome.error
            wait_s = patience.next_wait_s(outcome, time.monotonic(), random.random())
            if wait_s is None:
                if outcome.away:
                    self._breaker.gave_up(answers_before)
                self._make_sure(outcome, call)
                raise outcome.error
            _rest(wait_s, call.cancel)
            self.stats.add(retries=1)

    def _try(self, call: _Call) -> Answer | Setback:
        self._respect_pause(call)
        call.ticket = self._limiter.take(call.priority, call.cancel)
        self.stats.add(calls=1)
        if call.called:
            call.called()
        try:
            answer = self._wire.get(
                call.path,
                call.params,
                before_send=lambda: self._before_send(call),
                after_send=lambda: self._after_send(call),
                cancel=call.cancel,
                feed=call.feed() if call.feed else None,
            )
        except Fault as error:
            return self._judge.of_fault(error, call.path)
        self._breaker.answered()
        self.stats.add(bytes_read=len(answer.body))
        return self._weighed(answer, call)

    def _weighed(self, answer: Answer, call: _Call) -> Answer | Setback:
        rule = call.meaning.of(answer.status)
        if rule.action is Action.RATE_LIMITED or answer.status == _OVERLOADED:
            return self._slowed(answer, rule, call)
        self._limiter.succeeded(_departed(call))
        if rule.action is not Action.OK:
            return self._judge.of_answer(answer, rule, call.path)
        try:
            if call.accept:
                call.accept(answer)
        except BadBody as bad:
            return self._judge.of_body(answer, bad, call.path)
        return answer

    def _slowed(self, answer: Answer, rule: Rule, call: _Call) -> Setback:
        """Too fast or overloaded: everybody on the account stays away for a while."""
        self.stats.add(rate_limited=rule.action is Action.RATE_LIMITED)
        self._limiter.slow_down(answer.retry_after_s, _departed(call))
        return replace(self._judge.of_answer(answer, rule, call.path), paused=True)

    def _respect_pause(self, call: _Call) -> None:
        left_s = self._limiter.pause_left_s()
        if left_s > self._retry.longest_pause_s:
            raise self._judge.paused(left_s, call.path)

    def _before_send(self, call: _Call) -> None:
        """A new connection takes time: the departure that counts is the one of the request."""
        if call.ticket:
            call.ticket = self._limiter.on_time(call.ticket, call.priority, call.cancel)

    def _after_send(self, call: _Call) -> None:
        if call.ticket:
            self._limiter.sent(call.ticket)

    def _make_sure(self, setback: Setback, call: _Call) -> None:
        """Raise AuthError if the path that always works does not."""
        if setback.confirm is None or setback.confirm.ask is None:
            return
        ask = _Call(setback.confirm.ask, (), call.priority, None, _SURE, call.cancel)
        try:
            self._get(ask)
        except (AuthError, ConfigError, Unavailable, ObjectFailed):
            raise self._judge.rejected(setback.error) from None


def _departed(call: _Call) -> float | None:
    return call.ticket.departed if call.ticket else None


def _rest(seconds: float, cancel: threading.Event | None) -> None:
    if cancel is None:
        time.sleep(seconds)
    elif cancel.wait(seconds):
        raise Interrupted("The call was cancelled while it waited for its next try.")
