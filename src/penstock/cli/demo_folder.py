"""The workspace that the demo leaves behind."""

from __future__ import annotations

import re
from pathlib import Path

from penstock.cli.context import Cli
from penstock.cli.stand_in import free_port
from penstock.control import scaffold
from penstock.control.references import read_dotenv
from penstock.core.errors import ConfigError

TOKEN = "sandbox-token"  # noqa: S105 (the sandbox's own default, no secret)
_MARK = "# Made by `penstock demo`.\n"
_PORT = re.compile(r"http://127\.0\.0\.1:(\d+)")


def prepare(cli: Cli, root: Path) -> int:
    """Make the workspace, or take the one that an earlier demo made; gives the port to use."""
    with scaffold.writing(root):
        return _prepare(cli, root)


def _prepare(cli: Cli, root: Path) -> int:
    env = root / ".env"
    if not (root / "penstock.yaml").exists():
        port = free_port()
        scaffold.make(root, scaffold.DEMO, env=_env(port))
        if not env.read_text(encoding="utf-8").startswith(_MARK):
            raise ConfigError(
                f"{root} has a .env of its own, and the demo would have to change it.",
                hint="Choose another folder: penstock demo --dir DIR",
                code="demo.folder",
            )
        cli.out.note(f"Made a workspace in {root}: penstock.yaml, .env, .gitignore")
        return port
    if not env.is_file() or not env.read_text(encoding="utf-8").startswith(_MARK):
        raise ConfigError(
            f"{root} is a workspace that `penstock demo` did not make.",
            hint="Choose another folder: penstock demo --dir DIR",
            code="demo.folder",
        )
    before = _PORT.fullmatch(read_dotenv(env).get("AC_API_URL", ""))
    port = free_port(int(before[1]) if before else None)
    env.write_text(_env(port), encoding="utf-8")
    cli.out.note(f"Using the workspace of an earlier demo in {root}.")
    cli.out.note("The stand-in begins anew, so what is new to it may be known here already.")
    return port


def _env(port: int) -> str:
    return f"{_MARK}AC_API_URL=http://127.0.0.1:{port}\nAC_API_KEY={TOKEN}\n"
