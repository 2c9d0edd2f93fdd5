"""`penstock check`: test connections, naming the step that fails."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli.context import Cli, verb
from penstock.cli.failures import clean, cleaned
from penstock.cli.output import style
from penstock.core.errors import ConfigError, PenstockError, TransientError

if TYPE_CHECKING:
    from penstock.control.workspace import Workspace
    from penstock.core.cards import Role
    from penstock.sdk.source import Step

_NETWORK = ("dns", "tcp", "tls", "network", "connect", "reach")


def register(app: typer.Typer) -> None:
    verb(app, "check", example="penstock check\npenstock check crm")(check)


def check(
    cli: Cli,
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="A source or destination. Default: all of them."),
    ] = None,
) -> None:
    """Test the connections, step by step.

    Each connection is tried in order: settings, network, login, rights, one read or write.
    The step that fails is named, with what to do about it. With scripts in the file, their
    sandbox is tried too.

    Exit codes: 0 all reached, 2 something must be changed, 75 unreachable now.
    """
    workspace = cli.workspace
    codes = [0]
    for connection, role in _wanted(workspace, name):
        codes.append(_try(cli, workspace, connection, role))
    if name is None:
        codes.append(_try_sandbox(cli, workspace))
    if bad := [code for code in codes if code]:
        raise typer.Exit(2 if 2 in bad else max(bad))


def _wanted(workspace: Workspace, name: str | None) -> Iterator[tuple[str, Role]]:
    found: list[tuple[str, Role]] = [(n, "source") for n in workspace.spec.sources]
    found += [(n, "destination") for n in workspace.spec.destinations]
    if name is None:
        return iter(found)
    chosen = [item for item in found if item[0] == name]
    if not chosen:
        from penstock.control.problems import nearest

        raise ConfigError(
            f"There is no source or destination called {name!r}.",
            hint=nearest(name, [n for n, _ in found]).strip() or None,
            code="config.unknown_connection",
        )
    return iter(chosen)


def _try(cli: Cli, workspace: Workspace, connection: str, role: Role) -> int:
    """Test one connection and print its steps; an error of one does not stop the others."""
    from penstock.control.file import FILE_NAME
    from penstock.control.problems import FileError
    from penstock.worker.look import check as steps_of

    if not cli.out.json:
        cli.out.say(f"{connection} ({role})")
    passed = True
    last: Step | None = None
    try:
        if lost := workspace.unresolved(role, connection):
            raise FileError(FILE_NAME, lost)
        for at, its_role, step in steps_of(workspace, connection):
            if at == connection and its_role == role:
                passed, last = passed and step.ok, step
                _print(cli, connection, role, step)
    except PenstockError as error:
        _print_error(cli, connection, role, error)
        return error.exit_code
    if passed:
        return 0
    later = last is not None and (last.again or any(word in last.name.lower() for word in _NETWORK))
    return TransientError.exit_code if later else ConfigError.exit_code


def _try_sandbox(cli: Cli, workspace: Workspace) -> int:
    from penstock.worker.look import check_sandbox, runs_scripts

    if not runs_scripts(workspace):
        return 0
    if not cli.out.json:
        cli.out.say("transformations (scripts)")
    step = check_sandbox()
    _print(cli, "transformations", "scripts", step)
    return 0 if step.ok else ConfigError.exit_code


def _print(cli: Cli, connection: str, role: str, step: Step) -> None:
    if cli.out.json:
        cli.out.record(cleaned(cli, {
            "connection": connection, "role": role, "step": step.name, "ok": step.ok,
            "detail": step.detail, "seconds": round(step.seconds, 3), "hint": step.hint,
        }))  # fmt: skip
        return
    mark = style("ok    ", "green", sys.stdout) if step.ok else style("FAILED", "red", sys.stdout)
    cli.out.say(clean(cli, f"  {mark}  {step.name:<12} {step.detail}".rstrip()))
    if step.hint:
        cli.out.say(clean(cli, f"          hint: {step.hint}"))


def _print_error(cli: Cli, connection: str, role: Role, error: PenstockError) -> None:
    if cli.out.json:
        shown = {"type": "error", "connection": connection, "role": role}
        cli.out.record({**shown, "ok": False, "error": cleaned(cli, error.to_dict())})
        return
    mark = style("FAILED", "red", sys.stdout)
    cli.out.say(clean(cli, f"  {mark}  {error.message}"))
    for line in getattr(error, "lines", []):
        cli.out.say(clean(cli, f"          {line}"))
    if error.hint:
        cli.out.say(clean(cli, f"          hint: {error.hint}"))
