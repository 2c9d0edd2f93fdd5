"""What every command is given: the options they share, the output, the workspace."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer
from typer.core import TyperCommand

from penstock.cli.output import Output

if TYPE_CHECKING:
    from penstock.control.workspace import Workspace
    from penstock.core.registry import Registry

Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object per line.")]
Folder = Annotated[
    str | None,
    typer.Option(
        "--workspace", "-w", metavar="DIR", show_default=False,
        help="Workspace folder. Default: the nearest one upwards, or $PENSTOCK_WORKSPACE.",
    ),
]  # fmt: skip
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print results and errors only.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Print more on the way.")]


@dataclass
class Cli:
    """One call of the program: how it talks, and the workspace once it was read."""

    out: Output = field(default_factory=Output)
    folder: str | None = None
    _workspace: Workspace | None = None

    @property
    def workspace(self) -> Workspace:
        """The workspace, read and checked at first use; warnings of its file are printed."""
        if self._workspace is None:
            from penstock.cli.logs import configure

            self._workspace = open_workspace(self.folder)
            configure(os.environ, self._workspace.secrets, verbose=self.out.verbose)
            for line in self._workspace.warnings:
                self.out.warn(line)
        return self._workspace

    def use(self, workspace: Workspace) -> None:
        """Take a workspace that is in no file: its secrets are kept out of all that is said."""
        from penstock.cli.logs import configure

        self._workspace = workspace
        configure(os.environ, workspace.secrets, verbose=self.out.verbose)

    @property
    def loaded(self) -> Workspace | None:
        """The workspace if it was read already."""
        return self._workspace


class _Verb(TyperCommand):
    """A command whose usage line is written as in manual pages: only what may be left out stands
    in brackets, and hidden arguments are hidden there too."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        hidden = [
            piece
            for parameter in self.params
            if getattr(parameter, "hidden", False)
            for piece in parameter.get_usage_pieces(ctx)
        ]
        pieces = [p for p in super().collect_usage_pieces(ctx) if p not in hidden]
        return [p[1:-1] if p.startswith("{") and p.endswith("}") else p for p in pieces]


def scan() -> Registry:
    from penstock.core.registry import Registry

    return Registry.scan()


def open_workspace(folder: str | None) -> Workspace:
    """The workspace named, else by PENSTOCK_WORKSPACE, else the nearest one upwards."""
    from penstock.cli.settings import settings_model
    from penstock.control.workspace import Workspace, find_root

    root = find_root(Path.cwd(), folder or os.environ.get("PENSTOCK_WORKSPACE"))
    return Workspace.open(root, registry=scan(), model_of=settings_model, environ=os.environ)


def verb(app: typer.Typer, name: str, *, example: str, **more: Any) -> Callable[..., Any]:
    """Register a command that takes `Cli` first; the shared options are added to its own.

    Args:
        example: one or more lines shown at the end of `--help`.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def command(**given: Any) -> None:
            cli: Cli = given.pop("ctx").obj
            cli.out = Output(given.pop("json_"), given.pop("quiet"), given.pop("verbose"))
            cli.folder = given.pop("workspace")
            function(cli, **given)

        del command.__wrapped__
        parameters = _parameters(function)
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in parameters}
        lines = "\n".join(f"  {line}" for line in example.splitlines())
        app.command(name, cls=_Verb, epilog=f"\b\nExample:\n{lines}", **more)(command)
        return function

    return register


def _parameters(function: Callable[..., None]) -> list[inspect.Parameter]:
    """Those of the function after `Cli`, then the shared ones."""
    hints = get_type_hints(function, include_extras=True)
    _, *own = inspect.signature(function).parameters.values()
    kind = inspect.Parameter.KEYWORD_ONLY
    shared = {
        "json_": (Json, False), "workspace": (Folder, None),
        "quiet": (Quiet, False), "verbose": (Verbose, False),
    }  # fmt: skip
    return [
        inspect.Parameter("ctx", kind, annotation=typer.Context),
        *(p.replace(annotation=hints[p.name], kind=kind) for p in own),
        *(inspect.Parameter(n, kind, annotation=a, default=d) for n, (a, d) in shared.items()),
    ]
