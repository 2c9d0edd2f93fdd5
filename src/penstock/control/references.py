"""`${NAME}`, `${file:path}` and `${secret:name}` in settings, and the `.env` file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from penstock.control.problems import nearest
from penstock.control.vault import Vault

_REFERENCE = re.compile(r"\$\$\{|\$\{([^{}]*)\}")
_UNCLOSED = re.compile(r"(?<!\$)\$\{[^}]*$")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*")


class Unresolved(ValueError):
    """A reference that leads nowhere; its text says what to do and shows no value."""


class Waiting(Unresolved):
    """A reference to a secret, before the catalog is known that keeps it."""


@dataclass(frozen=True)
class References:
    """Puts values in the place of references.

    Args:
        root: the workspace; paths in `${file:...}` are relative to it.
        variables: the environment, with `.env` behind it.
        vault: where secrets are; None until the place of the catalog is known.
    """

    root: Path
    variables: Mapping[str, str]
    vault: Vault | None = None

    def expand(self, text: str) -> str:
        """The text with every reference replaced; `$${` stands for `${`."""
        if _UNCLOSED.search(text):
            raise Unresolved("a `${` has no `}`. Write `$${` where these characters are meant.")

        def value(found: re.Match[str]) -> str:
            return "${" if found[1] is None else self._value(found[1])

        return _REFERENCE.sub(value, text)

    def _value(self, name: str) -> str:
        kind, colon, rest = name.partition(":")
        if colon and kind == "file":
            return self._file(rest)
        if colon and kind == "secret":
            return self._secret(rest)
        if not _NAME.fullmatch(name):
            raise Unresolved(
                f"${{{name}}} is no reference. Write ${{NAME}}, ${{file:path}} or ${{secret:name}}."
            )
        if name not in self.variables:
            raise Unresolved(
                f"the environment variable {name} is not set. Set it, or add it to .env."
            )
        if not self.variables[name]:
            raise Unresolved(f"the environment variable {name} is empty.")
        return self.variables[name]

    def _file(self, name: str) -> str:
        path = self.root / Path(name).expanduser()
        try:
            return path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is not text"
            raise Unresolved(f"the file {name} cannot be read: {why}.") from None

    def _secret(self, name: str) -> str:
        if self.vault is None:
            raise Waiting(
                f"${{secret:{name}}} cannot be used here: secrets are in the catalog, which is "
                "opened later. Use ${NAME} or ${file:path}."
            )
        value = self.vault.get(name)
        if value is None:
            known = [secret.name for secret in self.vault.known()]
            raise Unresolved(
                f"there is no secret called {name!r}.{nearest(name, known)} "
                f"`penstock secrets set {name}` asks for its value."
            )
        return value


def has_reference(text: str) -> bool:
    return any(found[1] is not None for found in _REFERENCE.finditer(text))


def read_dotenv(path: Path) -> dict[str, str]:
    """Variables of a `.env` file, none when there is no such file; other lines are passed over."""
    if not path.is_file():
        return {}
    found = (_LINE.fullmatch(line) for line in path.read_text(encoding="utf-8").splitlines())
    return {match[1]: _unquoted(match[2]) for match in found if match}


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] in "'\"":
        end = value.find(value[0], 1)
        return value[1:end] if end > 0 else value
    return re.split(r"\s+#", value, maxsplit=1)[0]
