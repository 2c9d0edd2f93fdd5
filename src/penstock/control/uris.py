"""A URI of `penstock copy` as the settings of a connector, the same as in `penstock.yaml`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote, unquote_plus

from pydantic import BaseModel, SecretStr, ValidationError

from penstock.control.problems import nearest, words
from penstock.control.references import References, Unresolved, has_reference
from penstock.control.secrets import secret_fields
from penstock.core.cards import Card, Role, UriForm
from penstock.core.errors import ConfigError
from penstock.core.registry import Registry

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_REFERENCE: Final = re.compile(r"\$\{[^{}]*\}")
# References may hold any character, so they are set aside while the URI is taken apart.
_MARK: Final = "\ue000{}\ue001"
_MARKED: Final = re.compile("\ue000(\\d+)\ue001")
_ENCODE: Final = (
    "Characters such as @ : / ? # % in a user name or a password must be encoded: "
    "@ is %40, : is %3A, / is %2F, ? is %3F, # is %23, % is %25."
)
_NAMES: Final[Mapping[Role, str]] = {"source": "SRC_URI", "destination": "DST_URI"}


@dataclass(frozen=True)
class Endpoint:
    """One end of a copy.

    Args:
        settings: by name, as the connector takes them; secrets are `SecretStr`.
        secrets: values that must not be shown.
        warnings: secrets that were typed in clear.
    """

    card: Card
    settings: Mapping[str, Any] = field(repr=False)
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    warnings: tuple[str, ...] = ()


def read_uri(
    role: Role,
    uri: str,
    registry: Registry,
    model_of: Callable[[Card], type[BaseModel]],
    references: References,
) -> Endpoint:
    """The connector that the scheme names, and its settings. No value is ever shown.

    Raises:
        ConfigError: no connector has the scheme, or a part of the URI is missing or wrong.
    """
    scheme, rest = _scheme(role, uri, registry)
    card = _card(role, scheme, registry)
    assert card.uri is not None
    model = model_of(card)
    try:
        return _Reader(role, card, card.uri, model, references).read(rest)
    except _Wrong as error:
        raise ConfigError(
            f"{_NAMES[role]}: {error.message}",
            hint=error.hint or f"Write it like {card.uri.example}",
            code="copy.uri",
        ) from None


class _Wrong(ValueError):
    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


def _scheme(role: Role, uri: str, registry: Registry) -> tuple[str, str]:
    found = _SCHEME.fullmatch(uri)
    if found is None:
        raise ConfigError(
            f"{_NAMES[role]} is no URI: it does not begin with a name and `://`.",
            hint=f"Some that can be a {role}: {', '.join(_examples(role, registry))}",
            code="copy.uri",
        )
    return found[1].lower(), found[2]


def _card(role: Role, scheme: str, registry: Registry) -> Card:
    for card in registry:
        if card.role == role and card.uri and scheme in card.uri.schemes:
            return card
    known = [s for c in registry if c.role == role and c.uri for s in c.uri.schemes]
    other = next(
        (c for c in registry if c.role != role and c.uri and scheme in c.uri.schemes), None
    )
    if other is not None:
        raise ConfigError(
            f"{_NAMES[role]}: {other.title} is no {role} here, only a {other.role}.",
            hint=f"A {role} begins with one of: {', '.join(f'{s}://' for s in known)}",
            code="copy.uri",
        )
    raise ConfigError(
        f"{_NAMES[role]}: no {role} has the scheme {scheme}://.{nearest(scheme, known)}",
        hint=f"Some that can be a {role}: {', '.join(_examples(role, registry))}",
        code="copy.uri",
    )


def _examples(role: Role, registry: Registry) -> list[str]:
    return [card.uri.example for card in registry if card.role == role and card.uri]


@dataclass(frozen=True)
class _Reader:
    """Takes one URI apart."""

    role: Role
    card: Card
    form: UriForm
    model: type[BaseModel]
    references: References

    def read(self, rest: str) -> Endpoint:
        marked, kept = _set_aside(rest)
        raw = self._parts(marked)
        typed = {name: _put_back(value, kept) for name, value in raw.items()}
        secret = secret_fields(self.model)
        values = {
            name: self._expanded(name, value, query=name in self._query_names(marked))
            for name, value in typed.items()
        }
        values |= {
            name: self.references.variables[variable]
            for name, variable in self.form.environment.items()
            if name not in values and self.references.variables.get(variable)
        }
        secrets = {value for name, value in values.items() if name in secret and value}
        settings = {
            name: SecretStr(value) if name in secret else self._value(name, value)
            for name, value in values.items()
        }
        self._check(settings)
        clear = [n for n in typed if n in secret and typed[n] and not has_reference(typed[n])]
        return Endpoint(
            self.card, settings, frozenset(secrets), tuple(self._told(name) for name in clear)
        )

    def _parts(self, rest: str) -> dict[str, str]:
        """Settings as typed, still encoded."""
        place, mark, query = rest.partition("?")
        found = self._server(place) if self.form.host else self._file(place)
        if not mark:
            return found
        for name, value in self._query(query):
            if name in found:
                raise _Wrong(f"{name!r} is given twice.")
            found[name] = value
        return found

    def _file(self, place: str) -> dict[str, str]:
        """A bare name after `///` is a file of this folder: nobody keeps one in `/`."""
        path = place[1:] if place.startswith("/") and "/" not in place[1:] else place
        return {self.form.path: path} if path and self.form.path else {}

    def _server(self, place: str) -> dict[str, str]:
        authority, _, path = place.partition("/")
        if "@" in path:
            raise _Wrong("there is an @ after the name of the server.", _ENCODE)
        user_info, _, server = authority.rpartition("@")
        user, colon, password = user_info.partition(":")
        host, port = _host_and_port(server)
        if port and not _MARKED.fullmatch(port) and not port.isdecimal():
            raise _Wrong("the port is no number.", _ENCODE)
        form = self.form
        given = {
            "user": (form.user, user),
            "password": (form.password, password),
            "host": (form.host, host),
            "port": (form.port, port),
            "path": (form.path, path.rstrip("/")),
        }
        found = {}
        for part, (setting, value) in given.items():
            if value and setting is None:
                raise _Wrong(f"it has a {part}, and there is none for {self.card.title}.")
            if setting and (value or (part == "password" and colon)):
                found[setting] = value
        return found

    def _query(self, query: str) -> list[tuple[str, str]]:
        pairs: list[tuple[str, str]] = []
        fields = self._fields()
        for piece in filter(None, query.split("&")):
            name, equals, value = piece.partition("=")
            name = unquote_plus(name)
            if not equals:
                raise _Wrong(f"{name!r} behind the ? has no value: write name=value.", None)
            if name not in fields:
                raise _Wrong(
                    f"there is no setting {name!r}.{nearest(name, fields)}",
                    f"`penstock connectors {self.card.name}` lists the settings.",
                )
            if name in dict(pairs):
                raise _Wrong(f"{name!r} is given twice.")
            pairs.append((name, value))
        return pairs

    def _fields(self) -> list[str]:
        return [info.alias or name for name, info in self.model.model_fields.items()]

    def _query_names(self, rest: str) -> set[str]:
        return {
            unquote_plus(piece.partition("=")[0]) for piece in rest.partition("?")[2].split("&")
        }

    def _expanded(self, name: str, text: str, *, query: bool) -> str:
        """Decoded first: what a reference stands for is taken as it is."""
        pieces = re.split(f"({_REFERENCE.pattern})", text)
        decode = unquote_plus if query else unquote
        try:
            return "".join(
                self.references.expand(piece) if at % 2 else decode(piece, errors="strict")
                for at, piece in enumerate(pieces)
            )
        except Unresolved as error:
            raise _Wrong(
                f"{error} It is for {name!r}.", "Set it, then run the command again."
            ) from None
        except UnicodeDecodeError:
            raise _Wrong(f"{name!r} is not UTF-8 text once it is decoded.") from None

    def _value(self, name: str, text: str) -> Any:
        """An empty value is null where that means something of its own."""
        setting = self.card.settings.get(name)
        return None if not text and setting and setting.nullable else text

    def _check(self, settings: Mapping[str, Any]) -> None:
        try:
            self.model(**settings)
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False)
            raise _Wrong(" ".join(self._sentence(item) for item in found)) from None

    def _sentence(self, item: Any) -> str:
        if not item["loc"]:
            said = str(item.get("ctx", {}).get("error", item["msg"]))
            return said if said.endswith((".", "?", "!")) else f"{said}."
        if item["type"] == "missing":
            name = str(item["loc"][0])
            return f"it has no {name}{self._place(name)}."
        return words(item, self._fields())

    def _place(self, name: str) -> str:
        """Where a setting that is missing would stand."""
        form = self.form
        if name == form.path and form.host:
            return " (what follows the / after the server)"
        if name in (form.host, form.user, form.password, form.port, form.path):
            return ""
        variable = form.environment.get(name)
        return f" (?{name}=..., or the variable {variable})" if variable else f" (?{name}=...)"

    def _told(self, name: str) -> str:
        variable = self.form.environment.get(name, f"{self.role}_{name}".upper())
        return (
            f"{_NAMES[self.role]} holds a secret in clear text ({name}): it stays in the shell's "
            "history, and other users see it in the list of processes. Better: put it into a "
            f"variable, and write '...${{{variable}}}...' in single quotes."
        )


def _host_and_port(server: str) -> tuple[str, str]:
    """An IPv6 address stands in brackets."""
    if server.startswith("["):
        host, _, rest = server[1:].partition("]")
        return host, rest.removeprefix(":")
    host, _, port = server.partition(":")
    return host, port


def _set_aside(text: str) -> tuple[str, Sequence[str]]:
    """The text with a mark for each reference, and the references."""
    kept: list[str] = []

    def mark(found: re.Match[str]) -> str:
        kept.append(found[0])
        return _MARK.format(len(kept) - 1)

    return _REFERENCE.sub(mark, text), kept


def _put_back(text: str, kept: Sequence[str]) -> str:
    return _MARKED.sub(lambda found: kept[int(found[1])], text)
