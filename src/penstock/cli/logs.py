"""Log lines of libraries and of ours on stderr: text or JSON, without secrets."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from penstock.control.secrets import redact
from penstock.core.errors import ConfigError

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


@dataclass
class _Clean(logging.Formatter):
    """Redacts the finished line, so that no way of logging gets around it."""

    secrets: Collection[str]
    as_json: bool

    def __post_init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        if not self.as_json:
            return redact(super().format(record), self.secrets)
        message = record.getMessage()
        if record.exc_info:
            message += "\n" + self.formatException(record.exc_info)
        line = {
            "time": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(message, self.secrets),
        }
        return json.dumps(line, ensure_ascii=False)


def configure(
    environ: Mapping[str, str], secrets: Collection[str], *, verbose: bool = False
) -> None:
    """Set the root logger up by PENSTOCK_LOG and PENSTOCK_LOG_LEVEL; errors only by default."""
    kind = environ.get("PENSTOCK_LOG") or "text"
    level = (environ.get("PENSTOCK_LOG_LEVEL") or ("INFO" if verbose else "ERROR")).upper()
    if kind not in ("text", "json"):
        raise ConfigError(
            f"PENSTOCK_LOG is {kind!r}.", hint="It can be text or json.", code="config.log"
        )
    if level not in _LEVELS:
        raise ConfigError(
            f"PENSTOCK_LOG_LEVEL is {level!r}.",
            hint=f"It can be {', '.join(_LEVELS)}.",
            code="config.log",
        )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Clean(secrets, kind == "json"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
