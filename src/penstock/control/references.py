"""`${NAME}` and `${file:path}` in settings, and the `.env` file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_REFERENCE = re.compile(r"\$\$\{|\$\{([^{}]*)\}")
_UNCLOSED = re.compile(r"(?<!\$)\$\{[^}]*$")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*")


class Unresolved(ValueError):
    """A reference that leads nowhere; its text says what to do and shows no value."""


@dataclass(frozen=True)
class References:
    """Puts values in the place of references.

    Args:
        root: the workspace; paths in `${file:...}` are relative to it.
        variables: the environment, with `.env` behind it.
    """

    root: Path
    variables: Mapping[str, str]

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
            raise Unresolved(
                f"${{{name}}} needs the secret store, which this version does not have yet. "
                "Use ${NAME} for an environment variable or ${file:path} for a file."
            )
        if not _NAME.fullmatch(name):
            raise Unresolved(f"${{{name}}} is no reference. Write ${{NAME}} or ${{file:path}}.")
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
