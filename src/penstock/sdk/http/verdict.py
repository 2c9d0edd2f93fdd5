"""From an answer or a fault to a setback: who must act, in words, without secrets."""

from __future__ import annotations

from typing import Any

from penstock.core.errors import (
    AuthError,
    ConfigError,
    ObjectFailed,
    PenstockError,
    RateLimited,
    TransientError,
    Unavailable,
)
from penstock.sdk.http.address import Address
from penstock.sdk.http.answer import Answer, BadBody
from penstock.sdk.http.auth import Auth
from penstock.sdk.http.backend import Fault
from penstock.sdk.http.meaning import Action, Confirm, Rule
from penstock.sdk.http.retry import Setback
from penstock.sdk.http.words import error_text


class Judge:
    """Puts what went wrong with calls to one API into errors."""

    def __init__(self, address: Address, auth: Auth) -> None:
        self._address = address
        self._auth = auth

    def of_answer(self, answer: Answer, rule: Rule, path: str) -> Setback:
        """A status that is no success."""
        error = self._error(answer, rule.action, path)
        if rule.action is Action.RATE_LIMITED:
            return Setback(error, again=True, paused=True, counted=False)
        again = rule.action is Action.RETRY or rule.confirm is not None
        return Setback(error, again=again, confirm=rule.confirm)

    def of_body(self, answer: Answer, bad: BadBody, path: str) -> Setback:
        """A success whose body the caller refused."""
        message = f"The API answered {answer.status}, but {self._auth.scrub(bad.reason)}."
        where = self._where(path, answer)
        if bad.final:
            # Servers in trouble say odd things now and then: not believed at once.
            failed = ObjectFailed(message, code="object.bad_answer", **where)
            return Setback(failed, again=True, confirm=Confirm())
        return Setback(TransientError(message, code="source.bad_answer", **where), again=True)

    def of_fault(self, fault: Fault, path: str) -> Setback:
        """No complete answer; the step that failed is in `where`."""
        reason = self._auth.scrub(fault.reason)
        where = {"step": fault.step, **self._where(path)}
        where |= {"request_id": fault.request_id} if fault.request_id else {}
        if not fault.settled:
            failed = "gave no whole answer" if fault.step == "HTTP" else "could not be reached"
            message = f"{self._address.host} {failed}: {reason}."
            return Setback(TransientError(message, **where), again=True, away=True)
        if fault.step == "TLS":
            error: PenstockError = ConfigError(
                f"{self._address.host} could not be trusted: {reason}.",
                hint="Check the host name, or name the file of your own certificates.",
                code="source.certificate",
                **where,
            )
        else:
            error = ObjectFailed(f"The call failed: {reason}.", code="object.too_large", **where)
        return Setback(error)

    def paused(self, left_s: float, path: str) -> RateLimited:
        """The account pauses for longer than a job waits."""
        return RateLimited(
            f"The API asked us to stay away for {left_s:.0f} s.",
            retry_after=left_s,
            hint="Progress is kept; run again after that time.",
            **self._where(path),
        )

    def rejected(self, error: PenstockError) -> AuthError:
        """The call that always works did not: it was the credentials after all."""
        return AuthError(error.message, hint=_TOKEN_HINT, **error.where)

    def _error(self, answer: Answer, action: Action, path: str) -> PenstockError:
        told = self._auth.scrub(error_text(answer.body))
        message = f"The API answered {answer.status}" + (f": {told}" if told else ".")
        where = self._where(path, answer)
        match action:
            case Action.AUTH:
                return AuthError(message, hint=_TOKEN_HINT, **where)
            case Action.UNAVAILABLE:
                hint = "The plan or the user's rights may not include it."
                return Unavailable(message, hint=hint, **where)
            case Action.CONFIG:
                hint = "Check the URL and the settings of this source."
                return ConfigError(message, hint=hint, code="source.refused", **where)
            case Action.PLAN_INACTIVE:
                hint = "Check the plan and the payments of the account, then run again."
                return ConfigError(message, hint=hint, code="account.inactive", **where)
            case Action.RETRY:
                return TransientError(message, code="source.server_error", **where)
            case Action.RATE_LIMITED:
                return RateLimited(message, retry_after=answer.retry_after_s or 0.0, **where)
            case _:
                return ObjectFailed(message, **where)

    def _where(self, path: str, answer: Answer | None = None) -> dict[str, Any]:
        shown = self._auth.scrub(path.partition("?")[0])
        seen = {"status": answer.status, "request_id": answer.request_id} if answer else {}
        return {"host": self._address.host, "path": shown, **seen}


_TOKEN_HINT = "Check the token and the rights of the user it belongs to."  # noqa: S105
