"""Workspaces against the ActiveCampaign sandbox, run by the real command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penstock.sandbox.activecampaign import Sandbox
from truth import differences

PIPELINE = "crm"


@dataclass(frozen=True)
class Ended:
    """One finished command."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines() if line.startswith("{")]

    @property
    def summary(self) -> dict[str, Any]:
        last = self.lines[-1]
        assert last["type"] == "summary", (self.out, self.err)
        return last

    def object(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = next(
            item for item in self.summary["objects"] if item["object"] == name
        )
        return found


@dataclass
class Space:
    """A workspace folder with one pipeline from a sandbox into one destination."""

    root: Path
    box: Sandbox
    destination: Mapping[str, Any]
    pipeline: Mapping[str, Any] = field(default_factory=dict)
    source: Mapping[str, Any] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)
    prefix: Sequence[str] = ()
    """Words before the command's own, such as those that enter a namespace."""

    def write(self) -> Space:
        self.root.mkdir(parents=True, exist_ok=True)
        crm = {
            "type": "activecampaign",
            "api_url": self.box.url,
            "api_key": "${AC_KEY}",
            "rate_limit": None,
            **self.source,
        }
        plan = {"source": "crm", "destination": "warehouse", **self.pipeline}
        spec = {
            "version": 1,
            "sources": {"crm": crm},
            "destinations": {"warehouse": dict(self.destination)},
            "pipelines": {PIPELINE: plan},
            **({"state": dict(self.state)} if self.state else {}),
        }
        # JSON is YAML, and needs no writer.
        (self.root / "penstock.yaml").write_text(json.dumps(spec, indent=2), encoding="utf-8")
        return self

    def command(self, *words: str, **env: str) -> Ended:
        done = subprocess.run(
            [*self.prefix, sys.executable, "-m", "penstock", *words],
            cwd=self.root,
            env=self.environment(**env),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=240,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def run(self, *words: str, **env: str) -> Ended:
        return self.command("run", PIPELINE, "--json", *words, **env)

    def start(self, *words: str, **env: str) -> subprocess.Popen[str]:
        """The same, not waited for."""
        return subprocess.Popen(
            [sys.executable, "-m", "penstock", "run", PIPELINE, "--json", *words],
            cwd=self.root,
            env=self.environment(**env),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )

    def environment(self, **env: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PENSTOCK_", "PYTHON"))}
        return {**kept, "AC_KEY": self.box.token, "XDG_RUNTIME_DIR": str(self.root), **env}

    def rows(self, table: str, where: str = "") -> list[dict[str, Any]]:
        """All rows of a table; JSON columns as text or as Python values."""
        return read_table(self.destination, self.root, table, where)

    def differences(
        self, tables: Sequence[str], *, prefix: str = "", where: str = "not _ps_deleted"
    ) -> list[str]:
        """What source and destination do not agree on, over these objects."""
        found: list[str] = []
        for table in tables:
            stored = self.rows(f"{prefix}{table}", where)
            found += differences(self.box.rows(table), stored, table=table)
        return found

    def leftovers(self) -> list[str]:
        """Files in the staging area and tables of ours that a finished job should not leave."""
        staging = self.root / ".penstock" / "staging"
        files = [str(path.relative_to(staging)) for path in staging.rglob("*") if path.is_file()]
        here = " and table_schema = database()" if self.destination["type"] == "mysql" else ""
        tables = read(
            self.destination,
            self.root,
            "select table_name from information_schema.tables "
            f"where table_name like '$_ps$_stg%' escape '$'{here}",
        )
        return files + [row["table_name"] for row in tables]


def read_table(
    destination: Mapping[str, Any], root: Path, table: str, where: str = ""
) -> list[dict[str, Any]]:
    condition = f" where {where}" if where else ""
    schema = (
        f'"{destination.get("schema", "public")}".' if destination["type"] == "postgres" else ""
    )
    return read(destination, root, f'select * from {schema}"{table}"{condition}')


def read(destination: Mapping[str, Any], root: Path, query: str) -> list[dict[str, Any]]:
    if destination["type"] == "duckdb":
        import duckdb

        with duckdb.connect(str(root / destination["path"]), read_only=True) as connection:
            connection.execute("set timezone = 'UTC'")
            return list(connection.sql(query).to_arrow_table().to_pylist())
    if destination["type"] == "mysql":
        from maria import rows_of

        return rows_of(destination["url"], query)
    import psycopg
    from psycopg.rows import dict_row

    with psycopg.connect(destination["url"], row_factory=dict_row) as postgres:
        postgres.execute("set timezone = 'UTC'")
        return list(postgres.execute(query.encode()).fetchall())
