"""A URI taken apart, with `${...}` references in any of its parts."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, unquote_plus

from penstock.control.references import References, Unresolved

ENCODE: Final = (
    "Characters such as @ : / ? # % in a user name or a password must be encoded: "
    "@ is %40, : is %3A, / is %2F, ? is %3F, # is %23, % is %25."
)
_REFERENCE: Final = re.compile(r"\$\{[^{}]*\}")
# References may hold any character, so marks stand in their place while the URI is taken apart.
_MARK: Final = "\ue000{}\ue001"
_MARKED: Final = re.compile("\ue000(\\d+)\ue001")
_NAME: Final = re.compile(r"[A-Za-z_]\w*")


class WrongUri(ValueError):
    """What is wrong with a URI: a sentence without any value of it, and what to do."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


@dataclass(frozen=True)
class Part:
    """A value as it was typed, still encoded, references and all."""

    typed: str = field(repr=False)
    query: bool = False

    @property
    def in_clear(self) -> bool:
        """Whether it holds a value, and no reference to one."""
        return bool(self.typed) and not _REFERENCE.search(self.typed)

    def value(self, references: References) -> str:
        """Decoded, with references replaced; what those stand for is taken as it is.

        Raises:
            Unresolved: a reference leads nowhere.
        """
        decode = unquote_plus if self.query else unquote
        pieces = re.split(f"({_REFERENCE.pattern})", self.typed)
        return "".join(
            references.expand(piece) if at % 2 else _plain(piece, decode)
            for at, piece in enumerate(pieces)
        )


@dataclass(frozen=True)
class Server:
    """`user:password@host:port/path`; parts that are not there are None."""

    user: Part | None
    password: Part | None
    host: Part | None
    port: Part | None
    path: Part | None


@dataclass(frozen=True)
class UriParts:
    """What follows `://`, in two halves."""

    place: str = field(repr=False)
    """Before the `?`; references are marks."""
    settings: tuple[tuple[str, Part], ...]
    kept: Sequence[str] = field(repr=False)

    @staticmethod
    def of(rest: str) -> UriParts:
        kept: list[str] = []

        def mark(found: re.Match[str]) -> str:
            kept.append(found[0])
            return _MARK.format(len(kept) - 1)

        place, _, query = _REFERENCE.sub(mark, rest).partition("?")
        if "@" in query and "@" not in place:
            raise WrongUri("there is an @ behind the ?, and none before it.", ENCODE)
        return UriParts(place, _settings(query, kept), kept)

    def server(self) -> Server:
        authority, _, path = self.place.partition("/")
        if "@" in path:
            raise WrongUri("there is an @ after the name of the server.", ENCODE)
        login, _, address = authority.rpartition("@")
        user, colon, password = login.partition(":")
        host, port = _address(address)
        if port and not (_MARKED.fullmatch(port) or port.isdecimal()):
            raise WrongUri("the port is no number.", ENCODE)
        return Server(
            self._part(user),
            self._part(password, empty=bool(colon)),
            self._part(host),
            self._part(port),
            self._part(path.rstrip("/")),
        )

    def file(self) -> Part | None:
        """A path. A bare name after `///` is a file of this folder: nobody keeps one in `/`."""
        bare = self.place.startswith("/") and "/" not in self.place[1:]
        return self._part(self.place[1:] if bare else re.sub("^/+", "/", self.place))

    def _part(self, text: str, *, empty: bool = False) -> Part | None:
        return Part(_put_back(text, self.kept)) if text or empty else None


def _settings(query: str, kept: Sequence[str]) -> tuple[tuple[str, Part], ...]:
    found = []
    for piece in filter(None, query.split("&")):
        name, equals, value = piece.partition("=")
        if not _NAME.fullmatch(name) or not equals:
            raise WrongUri("what follows the ? is not made of name=value, joined by &.")
        found.append((name, Part(_put_back(value, kept), query=True)))
    return tuple(found)


def _address(text: str) -> tuple[str, str]:
    """Host and port; an IPv6 address stands in brackets."""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host, rest.removeprefix(":")
    host, _, port = text.partition(":")
    return host, port


def _put_back(text: str, kept: Sequence[str]) -> str:
    return _MARKED.sub(lambda found: kept[int(found[1])], text)


def _plain(text: str, decode: Callable[..., str]) -> str:
    if "${" in text:
        raise Unresolved("a `${` has no `}`. Write %24{ where these characters are meant.")
    try:
        return decode(text, errors="strict")
    except UnicodeDecodeError:
        raise Unresolved("it is not UTF-8 text once it is decoded.") from None
