"""What a store's refusal means. Answers of servers are not quoted: they echo requests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from penstock.core.errors import (
    AuthError,
    ConfigError,
    InternalError,
    PenstockError,
    StagingAway,
)

# Source: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
_CODE: Final = re.compile(r"<Code>(\w+)</Code>")
_STATUS: Final = re.compile(r"status code: (\d{3})")
_NO_BUCKET: Final = ("NoSuchBucket", "ContainerNotFound", "The specified bucket does not exist")
_METADATA: Final = "169.254.169.254"
_REGION: Final = "incorrectly configured region"
_NO_ROOM: Final = re.compile(r"os error (28|122)\b")  # ENOSPC, EDQUOT


@contextmanager
def in_our_words(place: str, key: str = "") -> Iterator[None]:
    """Raise what the driver says as one of our errors.

    Raises:
        StagingAway: nobody answers, or not well; the same call may go through later.
        AuthError: credentials are missing, wrong, or lack a right.
        ConfigError: there is no such bucket, or the store is not one that can be used.
        InternalError: the object of this key is not there (code staging.damaged).
    """
    from obstore.exceptions import BaseError

    try:
        yield
    except FileNotFoundError as error:
        missing = _no_bucket if any(word in str(error) for word in _NO_BUCKET) else damaged
        raise missing(place, key) from None
    except (BaseError, OSError) as error:
        # Without the cause: its text may quote a request, with what signs it.
        raise _meaning(error, place) from None


def _meaning(error: Exception, place: str) -> PenstockError:
    text, kind = str(error), type(error).__name__
    status = found[1] if (found := _STATUS.search(text)) else ""
    code = found[1] if (found := _CODE.search(text)) else status
    if any(word in text for word in _NO_BUCKET):
        return _no_bucket(place, "")
    if kind in ("UnauthenticatedError", "PermissionDeniedError") or status in ("401", "403"):
        return _refused(place, code)
    if _METADATA in text:
        return AuthError(
            f"There are no credentials for {place}.",
            hint="Set the store's variables, e.g. AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
            code="staging.auth",
        )
    if _NO_ROOM.search(text):
        return StagingAway(
            f"{place} is full.",
            hint="Free some space and run again: nothing is lost.",
            code="staging.disk_full",
        )
    if kind == "NotSupportedError" or status in ("301", "400", "405", "501") or _REGION in text:
        return ConfigError(
            f"{place} does not understand what it was asked{_named(code)}.",
            hint="Check the region, and that the store knows conditional writes (If-None-Match, "
            "If-Match).",
            code="staging.not_supported",
        )
    return StagingAway(
        f"{place} does not answer{_named(code)}.",
        hint="Run again later: nothing is lost, reading goes on where it was.",
    )


def _refused(place: str, code: str) -> AuthError:
    return AuthError(
        f"{place} refuses the credentials{_named(code)}.",
        hint="They need the rights to list, read, write and delete objects below the prefix.",
        code="staging.auth",
    )


def damaged(place: str, key: str) -> InternalError:
    """An object that we put there is missing, or is another one now."""
    return InternalError(
        f"{place} does not hold what Penstock put there: {key} is missing or has another size.",
        hint="Look for whoever deletes objects below the prefix. To give a package up and read "
        "its rows again, delete its package.json.",
        code="staging.damaged",
    )


def _no_bucket(place: str, _key: str) -> ConfigError:
    return ConfigError(
        f"The bucket of {place} does not exist.",
        hint="Make it, or name another one in `state.staging`.",
        code="staging.no_bucket",
    )


def _named(code: str) -> str:
    return f" ({code})" if code else ""
