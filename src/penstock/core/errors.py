"""Every error we raise: what happened, where, and what to do about it."""

from __future__ import annotations

from typing import Any, ClassVar


class PenstockError(Exception):
    """What happened, where, and what to do; its class says who must act.

    Args:
        message: one sentence, present or past tense, no secrets.
        hint: what to do, one sentence.
        code: stable dotted id, explained in docs/errors.md.
        where: names, not prose: `object="contacts"`, `column="total"`.
    """

    default_code: ClassVar[str] = "internal.unexpected"
    exit_code: ClassVar[int] = 1

    def __init__(
        self, message: str, *, hint: str | None = None, code: str | None = None, **where: Any
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code or self.default_code
        self.where: dict[str, Any] = {k: v for k, v in where.items() if v is not None}

    def at(self, **where: Any) -> PenstockError:
        """The same error with more of the place filled in; what is known already stays."""
        self.where = {**{k: v for k, v in where.items() if v is not None}, **self.where}
        return self

    def to_dict(self) -> dict[str, Any]:
        """The shape of interfaces.md section 4, safe to print."""
        return {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "where": {
                k: v if isinstance(v, int | float) else str(v) for k, v in self.where.items()
            },
        }


class ConfigError(PenstockError):
    """The user must change a file, a setting or a name."""

    default_code = "config.invalid"
    exit_code = 2


class NoRoom(ConfigError):
    """A load needs more memory than the destination may use; often it is one row that does."""

    default_code = "destination.memory"


class AuthError(PenstockError):
    """The user must change credentials or rights."""

    default_code = "auth.rejected"
    exit_code = 2


class SchemaConflict(PenstockError):
    """A change of shape that the policy, or else the user, must settle."""

    default_code = "schema.conflict"
    exit_code = 2


class TransientError(PenstockError):
    """Nobody need act: the same call may go through later."""

    default_code = "source.unreachable"
    exit_code = 75


class RateLimited(TransientError):
    """The system asked us to slow down for longer than we wait inside a job."""

    default_code = "source.rate_limited"

    def __init__(
        self,
        message: str,
        *,
        retry_after: float,
        hint: str | None = None,
        code: str | None = None,
        **where: Any,
    ) -> None:
        super().__init__(message, hint=hint, code=code, **where)
        self.retry_after = retry_after


class StagingAway(TransientError):
    """The object store of the staging area: without it no package can be closed."""

    default_code = "staging.unreachable"


class DataError(PenstockError):
    """Rows that the system refuses; they are set aside and the others go on."""

    default_code = "data.refused"
    exit_code = 3


class Unavailable(PenstockError):
    """An object that this account does not offer (plan or rights); the others go on."""

    default_code = "object.unavailable"
    exit_code = 0


class ObjectFailed(PenstockError):
    """One object cannot be read now; the others go on and its position stays."""

    default_code = "object.failed"
    exit_code = 3


class Interrupted(PenstockError):
    """The user or the system asked us to stop; everything kept is consistent."""

    default_code = "job.interrupted"
    exit_code = 130


class InternalError(PenstockError):
    """Our fault: something that must not happen has happened."""

    default_code = "internal.unexpected"
    exit_code = 1
