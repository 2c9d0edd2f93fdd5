"""What commands may import: starting must stay quick."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    "pyarrow", "duckdb", "sqlalchemy", "httpx2", "rich", "pandas", "numpy", "alembic",
    "cryptography",
)  # fmt: skip
_COMPARING = ("duckdb", "penstock.engine.verify", "penstock.worker.verify")
SHOW = (
    "import sys\n"
    "from penstock.cli.main import execute\n"
    "code = execute(sys.argv[1:])\n"
    "print('\\n'.join(sys.modules), file=sys.stderr)\n"
    "sys.exit(code)\n"
)


def loaded(folder: Path, *line: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", SHOW, *line], capture_output=True, text=True, cwd=folder, check=True
    )
    return set(done.stderr.splitlines())


@pytest.mark.parametrize(
    ("line", "never"),
    [
        pytest.param(["--help"], (*HEAVY, "pydantic", "yaml"), id="help"),
        pytest.param(["run", "--help"], (*HEAVY, "yaml"), id="help of a command"),
        pytest.param(["connectors"], (*HEAVY, "penstock.core.cards"), id="connectors"),
        pytest.param(["connectors", "--json"], (*HEAVY, "penstock.core.cards"), id="as JSON"),
        pytest.param(["init", "mine"], ("pyarrow", "duckdb", "sqlalchemy", "rich"), id="init"),
    ],
)
def test_quick_commands_import_little(
    tmp_path: Path, line: list[str], never: tuple[str, ...]
) -> None:
    assert sorted(loaded(tmp_path, *line) & set(never)) == []


FILE = """\
version: 1
sources: {crm: {type: activecampaign, account_name: acme7421, api_key: "${secret:key}"}}
destinations: {warehouse: {type: duckdb, path: w.duckdb}}
pipelines: {p: {source: crm, destination: warehouse}}
"""


@pytest.mark.parametrize("line", [["status"], ["jobs"], ["export"], ["secrets"]])
def test_looking_around_opens_no_secret(tmp_path: Path, line: list[str]) -> None:
    from penstock.store import Catalog

    (tmp_path / "penstock.yaml").write_text(FILE)
    (tmp_path / ".penstock").mkdir()
    Catalog.open(tmp_path / ".penstock" / "catalog.db").close()
    never = {"cryptography", "penstock.control.envelope", "alembic", "pyarrow", "duckdb", "httpx2"}
    assert sorted(loaded(tmp_path, *line) & never) == []


def test_a_job_imports_nothing_that_compares() -> None:
    """`penstock verify` and the repair of a gap need it, and take it along with DuckDB."""
    code = "import sys, penstock.worker.follow; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found = {name for name in done.stdout.splitlines() if name.startswith(_COMPARING)}
    assert sorted(found) == []


def test_importing_the_library_imports_nothing_heavy(tmp_path: Path) -> None:
    code = "import penstock, sys; print('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert set(done.stdout.splitlines()).isdisjoint((*HEAVY, "pydantic", "yaml", "typer"))
