"""The ActiveCampaign sandbox as a child process, for the demo."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib import request
from urllib.error import URLError

from penstock.core.errors import InternalError

_WAIT_S = 10.0


@dataclass(frozen=True)
class StandIn:
    """A running sandbox; it is changed over its control path."""

    url: str
    token: str

    def rows(self, table: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._ask("GET", f"/rows/{table}")
        return found

    def change(self, **what: Any) -> None:
        """Add, update and delete rows, as the sandbox's README describes."""
        self._ask("POST", "/change", what)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        # Loopback only: a proxy of the environment must not see it.
        opener = request.build_opener(request.ProxyHandler({}))
        asked = request.Request(f"{self.url}/_sandbox{path}", data, method=method)  # noqa: S310
        try:
            with opener.open(asked, timeout=_WAIT_S) as answer:
                return json.load(answer)
        except URLError as error:
            raise InternalError(f"The sandbox did not answer ({error}).") from error


@contextmanager
def stand_in(port: int, contacts: int) -> Iterator[StandIn]:
    """Start the sandbox, and end it whatever happens.

    The child is kept away from Ctrl-C, so that the job can stop first; it watches its stdin
    and ends when this process does, even a killed one.
    """
    child = subprocess.Popen(  # noqa: S603 (ourselves)
        [
            sys.executable, "-m", "penstock", "sandbox", "activecampaign", "--json",
            "--port", str(port), "--contacts", str(contacts), "--rate-limit", "0",
            "--until-stdin-ends",
        ],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        assert child.stdout is not None
        line = child.stdout.readline()
        if not line:
            raise InternalError(f"The sandbox did not start (exit code {child.wait(_WAIT_S)}).")
        told = json.loads(line)
        yield StandIn(told["url"], told["token"])
    finally:
        child.terminate()
        try:
            child.communicate(timeout=_WAIT_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()


def free_port(wanted: int | None = None) -> int:
    """The wanted port if it is free, else one that is free now, on loopback."""
    for port in (*([wanted] if wanted else []), 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            chosen: int = probe.getsockname()[1]
            return chosen
    raise InternalError("No port is free on this machine.")
