"""An S3 server of our own for tests: started here, on a free port of this machine."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from uuid import uuid4

import obstore
import pytest
from obstore.store import S3Store

KEY = "AKIDOFATEST"
SECRET = "s3cret/of+a/test=="


class S3Server:
    """moto with its objects in memory; gone when it is stopped."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="s3-"))
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        log = self._folder / "log"
        with log.open("wb") as target:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"],
                stdout=target, stderr=target, stdin=subprocess.DEVNULL, cwd=self._folder,
            )  # fmt: skip
        while not (found := re.search(r"http://127\.0\.0\.1:\d+", log.read_text())):
            assert self._process.poll() is None, log.read_text()
            time.sleep(0.05)
        self.url = found[0]
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(60)
        shutil.rmtree(self._folder, ignore_errors=True)

    def bucket(self) -> Bucket:
        """A new one."""
        name = f"b{uuid4().hex}"
        with urllib.request.urlopen(
            urllib.request.Request(f"{self.url}/{name}", method="PUT"), timeout=30
        ):
            return Bucket(self.url, name)


class Bucket:
    """One bucket, looked at from outside of the code under test."""

    def __init__(self, endpoint: str, name: str) -> None:
        self.name = name
        self.variables = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
        }
        self._store = S3Store(name, config=self.variables, client_options={"allow_http": True})

    def listed(self) -> list[str]:
        return sorted(item["path"] for chunk in obstore.list(self._store) for item in chunk)

    def read(self, key: str) -> bytes:
        return bytes(obstore.get(self._store, key).bytes())


class _Refusing(BaseHTTPRequestHandler):
    """Answers every call with one error."""

    status: int
    code: str

    def do_GET(self) -> None:
        body = f"<Error><Code>{self.code}</Code><Message>no</Message></Error>".encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def refusing(status: int, code: str) -> Iterator[str]:
    """URL of a store that lists nothing and says why."""
    handler = type("Handler", (_Refusing,), {"status": status, "code": code})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """One for all tests of this process; do not stop it."""
    with S3Server() as server:
        yield server


@pytest.fixture
def bucket(s3_server: S3Server) -> Bucket:
    return s3_server.bucket()
