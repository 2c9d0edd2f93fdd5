"""A URI of `penstock copy` as the settings of a connector, the same as in `penstock.yaml`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel, SecretStr, ValidationError

from penstock.control.problems import nearest, words
from penstock.control.references import References, Unresolved
from penstock.control.secrets import secret_fields
from penstock.control.uri_parts import Part, UriParts, WrongUri
from penstock.core.cards import Card, Role, UriForm
from penstock.core.errors import ConfigError
from penstock.core.registry import Registry

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_NAMES: Final[Mapping[Role, str]] = {"source": "SRC_URI", "destination": "DST_URI"}
_PARTS: Final = ("user", "password", "host", "port", "path")


@dataclass(frozen=True)
class Endpoint:
    """One end of a copy.

    Args:
        settings: by name, as the connector takes them; secrets are `SecretStr`.
        secrets: values that must not be shown.
        warnings: of secrets that were typed in clear.
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
    found = _SCHEME.fullmatch(uri)
    if found is None:
        raise _refused(role, "it is no URI, which begins with a name and ://.", registry)
    card, form = _card(role, found[1].lower(), registry)
    try:
        return _Reader(role, card, form, model_of(card), references).read(UriParts.of(found[2]))
    except WrongUri as error:
        raise ConfigError(
            f"{_NAMES[role]}: {error.message}",
            hint=error.hint or f"Write it like {form.example}",
            code="copy.uri",
        ) from None


def _card(role: Role, scheme: str, registry: Registry) -> tuple[Card, UriForm]:
    by_role = {
        card.role: (card, card.uri) for card in registry if card.uri and scheme in card.uri.schemes
    }
    if role in by_role:
        return by_role[role]
    for other, _ in by_role.values():
        raise _refused(role, f"{other.title} is no {role}, only a {other.role}.", registry)
    known = [known for _, form in _offered(role, registry) for known in form.schemes]
    raise _refused(role, f"no {role} has the scheme {scheme}.{nearest(scheme, known)}", registry)


def _offered(role: Role, registry: Registry) -> Iterator[tuple[Card, UriForm]]:
    return ((card, card.uri) for card in registry if card.role == role and card.uri)


def _refused(role: Role, message: str, registry: Registry) -> ConfigError:
    examples = ", ".join(form.example for _, form in _offered(role, registry))
    return ConfigError(
        f"{_NAMES[role]}: {message}", hint=f"What can be a {role}: {examples}", code="copy.uri"
    )


@dataclass(frozen=True)
class _Reader:
    """Turns the parts of one URI into settings."""

    role: Role
    card: Card
    form: UriForm
    model: type[BaseModel]
    references: References

    def read(self, uri: UriParts) -> Endpoint:
        parts = self._named(uri)
        secret = secret_fields(self.model)
        values = {name: self._value(name, part) for name, part in parts.items()}
        for name, variable in self.form.environment.items():
            if name not in values and self.references.variables.get(variable):
                values[name] = self.references.variables[variable]
        settings = {
            name: SecretStr(value) if name in secret else self._typed(name, value)
            for name, value in values.items()
        }
        self._check(settings)
        return Endpoint(
            self.card,
            settings,
            frozenset(value for name, value in values.items() if name in secret and value),
            tuple(self._warning(n) for n, part in parts.items() if n in secret and part.in_clear),
        )

    def _named(self, uri: UriParts) -> dict[str, Part]:
        """What was typed, by setting."""
        found = self._of_server(uri) if self.form.host else self._of_file(uri)
        fields = self._fields()
        for name, part in uri.settings:
            if name not in fields:
                raise WrongUri(
                    f"there is no setting {name!r}.{nearest(name, fields)}",
                    f"`penstock connectors {self.card.name}` lists the settings.",
                )
            if name in found:
                raise WrongUri(f"{name!r} is given twice.")
            found[name] = part
        return found

    def _of_file(self, uri: UriParts) -> dict[str, Part]:
        path = uri.file()
        return {self.form.path: path} if path and self.form.path else {}

    def _of_server(self, uri: UriParts) -> dict[str, Part]:
        server, found = uri.server(), {}
        for part in _PARTS:
            setting: str | None = getattr(self.form, part)
            given: Part | None = getattr(server, part)
            if given and not setting:
                raise WrongUri(f"it has a {part}, and {self.card.title} takes none there.")
            if given and setting:
                found[setting] = given
        return found

    def _fields(self) -> list[str]:
        return [info.alias or name for name, info in self.model.model_fields.items()]

    def _value(self, name: str, part: Part) -> str:
        try:
            return part.value(self.references)
        except Unresolved as error:
            raise WrongUri(f"{name!r}: {error}") from None

    def _typed(self, name: str, text: str) -> str | None:
        """An empty value is null where that means something of its own."""
        setting = self.card.settings.get(name)
        return None if not text and setting and setting.nullable else text

    def _check(self, settings: Mapping[str, Any]) -> None:
        try:
            self.model(**settings)
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False)
            raise WrongUri("; ".join(self._told(item) for item in found) + ".") from None

    def _told(self, item: Any) -> str:
        """One pydantic error, without a full stop."""
        if not item["loc"]:
            said = str(item.get("ctx", {}).get("error", item["msg"]))
        elif item["type"] == "missing":
            name = str(item["loc"][0])
            said = f"it has no {name}{self._where(name)}"
        else:
            said = words(item, self._fields())
        return said.rstrip(".")

    def _where(self, name: str) -> str:
        """Where a setting that is missing would stand."""
        if name == self.form.path and self.form.host:
            return " (what follows the / after the server)"
        if name in (getattr(self.form, part) for part in _PARTS):
            return ""
        variable = self.form.environment.get(name)
        return f" (?{name}=${{{variable}}}, or set {variable})" if variable else f" (?{name}=)"

    def _warning(self, name: str) -> str:
        variable = f"{self.role}_{name}".upper()
        return (
            f"{_NAMES[self.role]} holds a secret in clear text ({name}): it stays in the shell's "
            "history, and other users see it in the list of processes. Better: put it into a "
            f"variable, and write ${{{variable}}} in its place, the URI in single quotes."
        )
