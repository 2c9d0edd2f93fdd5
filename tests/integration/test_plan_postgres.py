"""`penstock plan` and `preview` only look at a PostgreSQL destination."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from penstock.sandbox.activecampaign import Sandbox
from penstock.sandbox.activecampaign.options import SandboxOptions
from runs import PIPELINE, Space

pytestmark = pytest.mark.postgres


def _objects(url: str) -> list[tuple[str, ...]]:
    """Schemas and tables of the database that are not the server's own."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            "select nspname::text, coalesce(relname::text, '') from pg_namespace n "
            "left join pg_class c on c.relnamespace = n.oid and c.relkind = 'r' "
            "where nspname !~ '^(pg_|information_schema)' order by 1, 2"
        ).fetchall()


def test_plan_and_preview_make_no_schema_and_no_table(tmp_path: Path, postgres_url: str) -> None:
    with Sandbox(SandboxOptions(contacts=20, rate_limit=None)) as box:
        destination = {"type": "postgres", "url": postgres_url, "schema": "crm"}
        space = Space(tmp_path, box, destination, {"objects": {"include": ["tags"]}}).write()
        before = _objects(postgres_url)
        plan = space.command("plan", PIPELINE, "--json")
        assert (plan.code, plan.lines[0]["statements"][0][:12]) == (0, "CREATE TABLE")
        assert space.command("preview", PIPELINE, "--object", "tags").code == 0
        assert _objects(postgres_url) == before
