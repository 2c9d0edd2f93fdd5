"""Destination names out of source names, and who got which name first."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from hashlib import sha256
from typing import Final, Literal

from penstock.core.compress import Measure, compress, size
from penstock.core.errors import ConfigError

NameKind = Literal["table", "column"]
RESERVED: Final = "_ps_"
"""Our own columns begin so; source fields that do are moved out of the way."""
MAX_PREFIX_CHARS: Final = 32


class NameStyle(StrEnum):
    """How names are cleaned; OFF keeps them as they are."""

    CLASSIC = "CLASSIC"
    SNAKE = "SNAKE"
    OFF = "OFF"


def sanitize(
    name: str, *, kind: NameKind, style: NameStyle = NameStyle.CLASSIC, upper: bool = False
) -> str:
    """The clean form of a source name, upper-cased for destinations that fold that way.

    >>> sanitize("Table$namE_05_", kind="table")
    'table_name_05'
    """
    if style is NameStyle.OFF:
        return _unreserved(name)
    clean = _classic(name) if style is NameStyle.CLASSIC else _snake(name, kind)
    if not clean.strip("_"):
        clean = f"{kind[0]}_{sha256(name.encode()).hexdigest()[:8]}"
    clean = _unreserved(clean)
    return clean.upper() if upper else clean


def _unreserved(name: str) -> str:
    return f"src_{name}" if name.lower().startswith(RESERVED) else name


def _classic(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "_", name).lower().rstrip("_")


def _snake(name: str, kind: NameKind) -> str:
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    clean = re.sub(r"[^A-Za-z0-9_]", "_", plain)
    clean = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])", "_", clean)
    clean = re.sub(r"_+", "_", clean).lower()
    if clean[:1].isdigit():
        clean = f"_{clean}"
    return re.sub(r"^_(?=[a-z])", "", clean) if kind == "table" else clean


def check_prefix(prefix: str, *, leading_underscore: bool = True) -> str:
    """The prefix, if it may stand before table names.

    Raises:
        ConfigError: too long, other characters than letters, digits and `_`, or a leading
            `_` where the destination does not allow one.
    """
    fits = re.fullmatch(rf"[A-Za-z0-9_]{{1,{MAX_PREFIX_CHARS}}}", prefix)
    if not fits or (prefix.startswith("_") and not leading_underscore):
        start = "" if leading_underscore else ", and begin with a letter or digit"
        raise ConfigError(
            f"The prefix {prefix} cannot be used.",
            hint=f"Use at most {MAX_PREFIX_CHARS} letters, digits and _{start}.",
            code="config.prefix",
        )
    return prefix


class NameScope:
    """Names of one scope (tables of a schema, columns of a table): no two originals share one.

    Args:
        taken: stored pairs original -> name; they are reused for ever.
        kind: what is named here.
        fold: the form in which the destination compares names, lower case by default.
        reserved: names that the destination keeps for itself; no original gets one.
    """

    def __init__(
        self,
        taken: Mapping[str, str] | None = None,
        *,
        kind: NameKind = "column",
        style: NameStyle = NameStyle.CLASSIC,
        upper: bool = False,
        fold: Callable[[str], str] = str.lower,
        reserved: Iterable[str] = (),
    ) -> None:
        self._names = dict(taken or {})
        self._kind: NameKind = kind
        self._style = style
        self._upper = upper
        self._fold = fold
        self._used = {fold(name) for name in (*self._names.values(), *reserved)}

    @property
    def pairs(self) -> dict[str, str]:
        """All pairs original -> name, old and new, for storing."""
        return dict(self._names)

    def name_for(
        self,
        original: str,
        limit: int,
        measure: Measure = Measure.CHARS,
        prefix: str | None = None,
    ) -> str:
        """The name of an original: the stored one, or a new one, sanitized, prefixed and short.

        The first to ask for a form gets it; later originals get `_2`, `_3` and so on.
        """
        if original not in self._names:
            clean = sanitize(original, kind=self._kind, style=self._style, upper=self._upper)
            name = self._free(f"{prefix}_{clean}" if prefix else clean, limit, measure)
            name = name.upper() if self._upper else name
            self._names[original] = name
            self._used.add(self._fold(name))
        return self._names[original]

    def _free(self, name: str, limit: int, measure: Measure) -> str:
        if size(name, measure) > limit:
            return self._compressed(name, limit, measure)
        number = 1
        form = name
        while self._is_used(form):
            number += 1
            form = compress(f"{name}_{number}", limit, measure=measure, taken=self._is_used)
        return form

    def _compressed(self, name: str, limit: int, measure: Measure) -> str:
        number = 1
        longer = name
        while True:
            try:
                return compress(longer, limit, measure=measure, taken=self._is_used)
            except ConfigError as error:
                # Every form of it is taken: another original with the same clean name.
                if error.code != "config.name_taken":
                    raise
            number += 1
            longer = f"{name}_{number}"

    def _is_used(self, name: str) -> bool:
        return self._fold(name) in self._used
