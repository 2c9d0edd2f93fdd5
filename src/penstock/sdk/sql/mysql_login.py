"""How a MySQL or MariaDB server is reached: the settings that its source and destination share."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from penstock.sdk.sql.login_url import LoginUrl

SslMode = Literal["disable", "prefer", "require", "verify-ca", "verify-full"]
_NAMES: Final = ("sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout")
_URL: Final = LoginUrl(("mysql", "mariadb"), {name: name for name in _NAMES})


class MySqlLogin(BaseModel):
    """What the connection form asks for; a `url` fills the single fields."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    url: SecretStr | None = Field(default=None, title="URL")
    host: str = Field(min_length=1, title="Host", json_schema_extra={"unless": "url"})
    port: int = Field(default=3306, ge=1, le=65535, title="Port")
    user: str = Field(min_length=1, title="User", json_schema_extra={"unless": "url"})
    password: SecretStr | None = Field(default=None, title="Password")
    sslmode: SslMode = Field(default="prefer", title="TLS")
    sslrootcert: Path | None = Field(default=None, title="CA certificate")
    sslcert: Path | None = Field(default=None, title="Client certificate")
    sslkey: Path | None = Field(default=None, title="Client key")
    connect_timeout: int = Field(default=10, ge=1, le=600, title="Connect timeout")

    @model_validator(mode="before")
    @classmethod
    def _take_url_apart(cls, settings: Any) -> Any:
        return _URL.fill(settings)

    def connection(self) -> dict[str, Any]:
        """What PyMySQL is told; holds the password in the clear.

        Raises:
            ssl.SSLError, OSError: the certificates cannot be used.
        """
        return {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "password": self.password.get_secret_value() if self.password else "",
            "connect_timeout": self.connect_timeout,
            "charset": "utf8mb4",
            "autocommit": True,
            "program_name": "penstock",
            **self._tls(),
        }

    def _tls(self) -> dict[str, Any]:
        """By itself the driver encrypts where the server can."""
        if self.sslmode == "disable":
            return {"ssl_disabled": True}
        if self.sslmode == "prefer" and self.sslcert is None:
            return {}
        context = ssl.create_default_context(cafile=self.sslrootcert)
        # Certificates that servers make for themselves lack what Python 3.13 asks for.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.check_hostname = self.sslmode == "verify-full"
        if not self.sslmode.startswith("verify"):
            context.verify_mode = ssl.CERT_NONE
        if self.sslcert is not None:
            context.load_cert_chain(self.sslcert, self.sslkey)
        return {"ssl": context}


def notice_silence(connected: socket.socket) -> None:
    """A network that drops packets in silence is noticed within two minutes."""
    options = {
        "TCP_KEEPIDLE": 30,
        "TCP_KEEPINTVL": 10,
        "TCP_KEEPCNT": 6,
        "TCP_USER_TIMEOUT": 120_000,
    }
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in options.items():
        if hasattr(socket, name):
            connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
