"""The program: its commands, and the one place where errors become words and exit codes."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType
from typing import Any, NoReturn

import typer

from penstock.cli.context import Cli
from penstock.cli.failures import INTERRUPTED, crash, failure, misuse
from penstock.cli.output import Output, let_go
from penstock.core.collector import CALM
from penstock.core.heap import arrow_pool

# What the parser raises when it does not understand; Typer gives no name for it.
_MISUSE: type[Exception] = typer.BadParameter.__mro__[2]
_HELP = """Move data from APIs and databases into your warehouse; every record accounted for.

New here? `penstock demo` shows all of it in a minute, with no account.
"""


def build() -> typer.Typer:
    """The commands, in the order in which people meet them."""
    from penstock.cli import commands

    app = typer.Typer(
        name="penstock",
        help=_HELP,
        epilog="Each command explains itself: penstock run --help",
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100},
    )
    app.callback()(_options)
    for register in commands.ALL:
        register(app)
    return app


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"penstock {version('penstock')}")
        raise typer.Exit


def _options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Taken from `_HELP`."""


_options.__doc__ = None


def run() -> None:
    """The program: one command line, its exit code."""
    if not sys.warnoptions:
        # Warnings are for developers, who see them in tests or with `python -W default`.
        warnings.simplefilter("ignore")
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", arrow_pool())
    # pydantic would look through all installed packages for plugins; none of ours has any.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # NumPy comes with Arrow; its algebra, which nothing here uses, would start a thread per core.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # A default collector walks through all the objects of our imports again and again.
    gc.set_threshold(*CALM)
    _leave(execute(sys.argv[1:]))


def _leave(code: int) -> NoReturn:
    """End the process without taking the interpreter apart first, as `sys.exit` does.

    Everything we opened is closed by now, and looking at each object once more costs up to a
    quarter of a second. It also keeps our code when a Ctrl-C came while some extension was being
    imported: Python would end itself by SIGINT then.
    """
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # whoever read our output has gone
            stream.flush()
    os._exit(code)


def execute(arguments: Sequence[str]) -> int:
    """Run one command line; the exit codes are those of interfaces.md section 3."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    cli = Cli(Output(json="--json" in arguments))
    try:
        command = typer.main.get_command(build())
        # Not `command.main`: it has exit codes of its own for Ctrl-C and closed pipes.
        with command.make_context("penstock", list(arguments) or ["--help"], obj=cli) as context:
            command.invoke(context)
    except _MISUSE as error:
        return misuse(cli, error)
    except typer.Exit as error:
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return failure(cli, INTERRUPTED)
    except BrokenPipeError:
        let_go(sys.stdout)
        return 0
    except Exception as error:  # noqa: BLE001 (here, and only here, everything becomes a code)
        return crash(cli, error)
    return 0


def _interrupt(_number: int, _frame: FrameType | None) -> Any:
    raise KeyboardInterrupt
