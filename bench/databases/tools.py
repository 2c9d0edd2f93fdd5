"""How each tool is told to copy a table: Penstock, the peers, and the bare reference."""

from __future__ import annotations

import json
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.databases.equal import engine_of
from bench.installs import Peer, install

_HERE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Route:
    """From where to where, as URLs; a DuckDB file as `duckdb:///file`."""

    source: str
    target: str
    table: str = "orders"
    key: str = "o_orderkey"
    cursor: str = "updated_at"

    @property
    def source_engine(self) -> str:
        return engine_of(self.source)

    @property
    def to_duckdb(self) -> bool:
        return self.target.startswith("duckdb:")

    @property
    def file(self) -> str:
        return self.target.removeprefix("duckdb:///")


class Tool(ABC):
    """One tool in one way of using it, by the settings that cost it least."""

    name: str
    first_merges = False
    """Whether also the first load, into nothing, is told to merge, so that it notes a position."""

    def env(self) -> dict[str, str]:
        return dict(os.environ)

    def prepare(self, route: Route, folder: Path) -> None:  # noqa: B027 (most need nothing)
        """Write files that the command reads; not measured."""

    @abstractmethod
    def command(self, route: Route, folder: Path, *, merge: bool) -> list[str]:
        """One copy: all rows, or what changed since the last when `merge`."""

    @abstractmethod
    def place(self, route: Route) -> str:
        """The table in the target, with its schema."""


class Penstock(Tool):
    name = "penstock"

    def prepare(self, route: Route, folder: Path) -> None:
        write_workspace(route, folder)

    def command(self, route: Route, folder: Path, *, merge: bool) -> list[str]:  # noqa: ARG002
        return [sys.executable, "-m", "penstock", "run", "p", "--json"]

    def place(self, route: Route) -> str:
        return f"main.{route.table}" if route.to_duckdb else f"public.{route.table}"


def write_workspace(
    route: Route, folder: Path, *, settings: dict[str, Any] | None = None, **source: object
) -> None:
    """A penstock.yaml with one pipeline, `p`.

    Args:
        settings: of the table, as in the file.
        source: further settings of the source.
    """
    target = (
        {"type": "duckdb", "path": route.file}
        if route.to_duckdb
        else {"type": "postgres", "url": route.target, "schema": "public"}
    )
    pipeline: dict[str, Any] = {"source": "shop", "destination": "out"}
    pipeline["objects"] = {"include": [route.table]}
    if settings is not None:
        pipeline["settings"] = {route.table: settings}
    spec = {
        "version": 1,
        "sources": {"shop": {"type": route.source_engine, "url": route.source, **source}},
        "destinations": {"out": target},
        "pipelines": {"p": pipeline},
    }
    (folder / "penstock.yaml").write_text(json.dumps(spec), encoding="utf-8")


class Bare(Tool):
    """The best component for each end, with no staging, no books and no checks."""

    name = "bare reference"

    def command(self, route: Route, folder: Path, *, merge: bool) -> list[str]:  # noqa: ARG002
        words = [route.source, route.target, route.table, *([route.key] if merge else [])]
        return [sys.executable, str(_HERE / "references" / "copy_table.py"), *words]

    def place(self, route: Route) -> str:
        return f"main.{route.table}" if route.to_duckdb else f"public.{route.table}"


class Dlt(Tool):
    """dlt with one of its readers, `connectorx` or `pyarrow`."""

    first_merges = True

    def __init__(self, peer: Peer, backend: str) -> None:
        self._peer, self._backend = peer, backend
        self.name = f"dlt {backend}"

    def env(self) -> dict[str, str]:
        return {**os.environ, "RUNTIME__DLTHUB_TELEMETRY": "false", "NORMALIZE__WORKERS": "1"}

    def command(self, route: Route, folder: Path, *, merge: bool) -> list[str]:
        driver = {"postgresql": "postgresql+psycopg2", "mysql": "mysql+pymysql"}
        scheme, rest = route.source.split(":", 1)
        target = route.file if route.to_duckdb else route.target
        words = [f"{driver[scheme]}:{rest}", target, str(folder), self._backend, route.table]
        words += [route.key, route.cursor] if merge else []
        return [str(self._peer.python), str(_HERE / "peers" / "dlt_sql.py"), *words]

    def place(self, route: Route) -> str:
        return f"d.{route.table}"


class Sling(Tool):
    name = "sling"

    def __init__(self, peer: Peer) -> None:
        self._program = peer.program("lib/python3*/site-packages/sling_*/bin/sling-*")
        self._duckdb = peer.program("bin/duckdb")

    def env(self) -> dict[str, str]:
        return {
            **os.environ,
            "SLING_DISABLE_TELEMETRY": "true",
            "DUCKDB_PATH": str(self._duckdb),
            # Its own download of extensions would fail without a network; they are linked in.
            "DUCKDB_USE_INSTALLED_EXTENSIONS": "true",
            "SLING_LOADED_AT_COLUMN": "false",
        }

    def command(self, route: Route, folder: Path, *, merge: bool) -> list[str]:  # noqa: ARG002
        how = ["full-refresh"]
        if merge:
            how = ["incremental", "--primary-key", route.key, "--update-key", route.cursor]
        return [
            str(self._program), "run", "--src-conn", _plain(route.source),
            "--src-stream", f"{_schema(route)}.{route.table}", "--tgt-conn", _plain(route.target),
            "--tgt-object", self.place(route), "--mode", *how,
        ]  # fmt: skip

    def place(self, route: Route) -> str:
        return f"main.{route.table}" if route.to_duckdb else f"public.{route.table}"


class Ingestr(Tool):
    name = "ingestr"
    first_merges = True

    def __init__(self, peer: Peer) -> None:
        self._program = peer.program("bin/ingestr")

    def env(self) -> dict[str, str]:
        # Its telemetry, switched off, would otherwise try for minutes to reach its server.
        off = {"DISABLE_TELEMETRY": "true", "INGESTR_DISABLE_TELEMETRY": "true"}
        return {**os.environ, **off, "RUNTIME__DLTHUB_TELEMETRY": "false"}

    def command(self, route: Route, folder: Path, *, merge: bool) -> list[str]:
        how = ["--full-refresh"]
        if merge:
            how = ["--incremental-strategy", "merge", "--incremental-key", route.cursor]
            how += ["--primary-key", route.key]
        return [
            str(self._program), "ingest", "--source-uri", route.source,
            "--source-table", f"{_schema(route)}.{route.table}", "--dest-uri", route.target,
            "--dest-table", self.place(route), "--yes", "--progress", "log",
            "--pipelines-dir", str(folder / "ingestr"), *how,
        ]  # fmt: skip

    def place(self, route: Route) -> str:
        return f"main.{route.table}" if route.to_duckdb else f"public.{route.table}"


def _plain(url: str) -> str:
    """With what sling needs said in the URL.

    Its way into DuckDB without a download is a pipe; HTTP, its default, takes an extension.
    """
    options = {"postgresql": "?sslmode=disable", "duckdb": "?copy_method=csv_files"}
    return url + options.get(url.split(":", 1)[0], "")


def _schema(route: Route) -> str:
    return route.source.rpartition("/")[2] if route.source_engine == "mysql" else "public"


# What can be measured, by name. Making one installs it.
TOOLS: dict[str, Callable[[], Tool]] = {
    "bare reference": Bare,
    "penstock": Penstock,
    "sling": lambda: Sling(install("sling")),
    "dlt connectorx": lambda: Dlt(install("dlt"), "connectorx"),
    "dlt pyarrow": lambda: Dlt(install("dlt"), "pyarrow"),
    "ingestr": lambda: Ingestr(install("ingestr")),
}
