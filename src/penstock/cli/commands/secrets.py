"""`penstock secrets`: values that the workspace file refers to as `${secret:name}`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from penstock.cli.context import Cli, verb
from penstock.cli.table import Column
from penstock.cli.words import instant
from penstock.core.errors import ConfigError

_COLUMNS: Final = (
    Column("name", cut=True),
    Column("set", instant, key="updated_at"),
    Column("first set", instant, key="created_at", drop=1),
)
_ACTIONS: Final = ("list", "set", "remove", "rotate")
_MOST_BYTES: Final = 1_000_000


def register(app: typer.Typer) -> None:
    verb(
        app, "secrets",
        example="penstock secrets set crm_key\n"
        "penstock secrets set crm_key < key.txt\n"
        "penstock secrets list\n"
        "penstock secrets remove crm_key\n"
        "penstock secrets rotate",
    )(secrets)  # fmt: skip


def secrets(
    cli: Cli,
    action: Annotated[
        str,
        typer.Argument(
            metavar="list|set|remove|rotate", help="What to do; default: list.", show_default=False
        ),
    ] = "list",
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Of the secret to set or remove.")
    ] = None,
    value: Annotated[str | None, typer.Argument(hidden=True)] = None,
    key_file: Annotated[
        Path | None,
        typer.Option("--key-file", metavar="FILE", help="With rotate: the new master key."),
    ] = None,
) -> None:
    """Keep values for ${secret:name} in the catalog, encrypted.

    set asks for the value, or reads it from stdin; nothing shows it again. list gives names
    and dates, rotate changes the master key. That key comes from PENSTOCK_SECRET_KEY or
    PENSTOCK_SECRET_KEY_FILE, else the first secret makes one under .penstock/keys.
    """
    if action not in _ACTIONS:
        raise typer.BadParameter(f"The first word must be one of: {', '.join(_ACTIONS)}.")
    if value is not None:
        # Refused without showing it; a plain "unexpected argument" would print it.
        raise typer.BadParameter("The value is asked for or read from stdin, not typed here.")
    if (name is None) == (action in ("set", "remove")):
        raise typer.BadParameter(
            f"Write `secrets {action} NAME`." if name is None else f"{action} takes no name."
        )
    if key_file is not None and action != "rotate":
        raise typer.BadParameter("--key-file belongs to `secrets rotate`.")
    if name is None:
        _list(cli) if action == "list" else _rotate(cli, key_file)
    elif action == "set":
        _set(cli, name)
    else:
        _remove(cli, name)


def _list(cli: Cli) -> None:
    from dataclasses import asdict

    found = [asdict(secret) for secret in cli.workspace.vault.known()]
    if found:
        cli.out.table(_COLUMNS, found)
    else:
        cli.out.note("No secrets yet. Set one with: penstock secrets set NAME")


def _set(cli: Cli, name: str) -> None:
    from penstock.control.vault import check_name

    check_name(name)
    vault = cli.workspace.vault
    replaced = vault.set(name, _value(name))
    if cli.out.json:
        cli.out.record({"secret": name, "action": "replaced" if replaced else "set"})
    else:
        cli.out.say(f"{name} is {'replaced' if replaced else 'set'}.")
        cli.out.note(f"Use it in penstock.yaml as ${{secret:{name}}}")


def _value(name: str) -> str:
    """From a prompt that shows nothing, else all of stdin without the line end at its end."""
    if sys.stdin.isatty():
        return str(typer.prompt(f"Value of {name}", hide_input=True, err=True))
    raw = sys.stdin.buffer.read(_MOST_BYTES + 1)
    if len(raw) > _MOST_BYTES:
        raise ConfigError("The value is longer than 1 MB.", code="secrets.value")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise ConfigError(
            "The value is not UTF-8 text.", hint="Encode it, e.g. as base64.", code="secrets.value"
        ) from None
    return text.removesuffix("\n").removesuffix("\r")


def _remove(cli: Cli, name: str) -> None:
    from penstock.control.problems import nearest

    vault = cli.workspace.vault
    if not vault.remove(name):
        known = [secret.name for secret in vault.known()]
        raise ConfigError(
            "There is no secret of that name.",
            hint=nearest(name, known).strip() or "`penstock secrets list` shows the names.",
            code="secrets.unknown",
        )
    if cli.out.json:
        cli.out.record({"secret": name, "action": "removed"})
    else:
        cli.out.say(f"{name} is removed.")


def _rotate(cli: Cli, key_file: Path | None) -> None:
    from penstock.control.master import FILE_VARIABLE

    vault = cli.workspace.vault
    key = vault.rotate(key_file.expanduser().absolute() if key_file else None)
    if cli.out.json:
        cli.out.record({"action": "rotated", "key": key.origin})
        return
    cli.out.say(f"The secrets need the master key in {key.origin} from now on.")
    if key.file is None:
        cli.out.note(f"Set {FILE_VARIABLE} to that path before the next run.")
    cli.out.note("Other machines with this catalog need the new key too.")
