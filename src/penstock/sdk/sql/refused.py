"""What a server that refuses a connection means for the user, at either end of a pipeline."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from penstock.core.errors import AuthError, ConfigError, PenstockError, TransientError

_NO_LOGIN: Final = (
    r"password authentication failed|no password supplied|pg_hba\.conf|"
    r"role .* does not exist|not permitted to log in|authentication failed"
)
_NO_TLS: Final = r"SSL|certificate|sslmode|root\.crt|private key"

_CODES: Final = {
    "source": {
        "auth": "source.auth",
        "no_database": "source.no_database",
        "rights": "source.rights",
        "tls": "source.tls",
        "unreachable": "source.unreachable",
    },
    "destination": {
        "auth": "destination.auth",
        "no_database": "destination.no_database",
        "rights": "destination.rights",
        "tls": "destination.tls",
        "unreachable": "destination.unreachable",
    },
}
"""Written out, so that a search for a code finds it."""


def first_line(text: str) -> str:
    """Of what a server or driver said: what follows may hold whole rows."""
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[0].strip()[:300] if lines else "no reason given"


@dataclass(frozen=True)
class Refused:
    """Errors of connecting to one server.

    Args:
        end: which end of the pipeline it is; the codes begin with it.
        identity: of the server, without secrets.
    """

    end: Literal["source", "destination"]
    identity: str
    user: str

    def login(self, text: str, look_at: str) -> AuthError:
        return AuthError(
            f"The server does not let {self.user} in: {text}",
            hint=f"Check user, password and TLS settings, and {look_at}.",
            code=_CODES[self.end]["auth"],
            **self._where,
        )

    def database(self, name: str) -> ConfigError:
        make = "Create it, or name" if self.end == "destination" else "Name"
        return ConfigError(
            f"There is no database {name}.",
            hint=f"{make} another one in the {self.end}'s `database`.",
            code=_CODES[self.end]["no_database"],
            **self._where,
        )

    def rights(self, what: str, grant: str) -> AuthError:
        return AuthError(
            what,
            hint=f"Let an administrator run: {grant}",
            code=_CODES[self.end]["rights"],
            **self._where,
        )

    def tls(self, text: str) -> ConfigError:
        return ConfigError(
            f"TLS to the server failed: {text}",
            hint="Check `sslmode`, `sslrootcert`, `sslcert` and `sslkey`.",
            code=_CODES[self.end]["tls"],
            **self._where,
        )

    def unreachable(self, text: str, what: str = "The server cannot be reached.") -> TransientError:
        return TransientError(
            f"{what} ({text})",
            hint="Run again later; `penstock check` names the step that fails.",
            code=_CODES[self.end]["unreachable"],
            **self._where,
        )

    @property
    def _where(self) -> dict[str, str]:
        return {self.end: self.identity}


def postgres_refused(error: Exception, refused: Refused, database: str) -> PenstockError:
    """Our error for one that connecting to PostgreSQL raised: its driver gives a text only."""
    whole = str(error)
    text = first_line(whole)
    if re.search(_NO_LOGIN, whole):
        return refused.login(text, "the server's pg_hba.conf")
    if re.search(r"database .* does not exist", whole):
        return refused.database(database)
    if "permission denied for database" in whole:
        right = "CONNECT, TEMPORARY" if refused.end == "destination" else "CONNECT"
        return refused.rights(
            f"The user {refused.user} may not connect to the database {database}.",
            f'GRANT {right} ON DATABASE "{database}" TO "{refused.user}";',
        )
    if re.search(_NO_TLS, whole):
        return refused.tls(text)
    return refused.unreachable(text)
