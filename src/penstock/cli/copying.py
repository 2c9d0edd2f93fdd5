"""A copy from its URIs to its report; its state folder goes when nothing is left to do."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import typer
from pydantic import SecretStr

from penstock.cli.context import Cli, scan
from penstock.cli.copy_report import report_copy
from penstock.cli.jobrun import running
from penstock.cli.settings import settings_model
from penstock.cli.words import plural
from penstock.control.one_off import one_off
from penstock.control.references import References, read_dotenv
from penstock.control.uris import Endpoint, read_uri
from penstock.control.workspace import Workspace
from penstock.core.errors import PenstockError
from penstock.worker.copy import CopyPlan, CopyRequest, copy, plan_copy
from penstock.worker.copy_objects import with_qualifiers
from penstock.worker.copy_state import CopyState

_KEY_CHARS: Final = 12


def run_copy(cli: Cli, source_uri: str, destination_uri: str, request: CopyRequest) -> None:
    """The whole command; ends with its exit code."""
    variables = {**read_dotenv(Path(".env")), **os.environ}
    source, destination = _ends(source_uri, destination_uri, request, variables)
    for line in (*source.warnings, *destination.warnings):
        cli.out.warn(line)
    state = CopyState.open(_base(), _key(source, destination, request))
    workspace = one_off(
        state.folder, source, destination,
        registry=scan(), model_of=settings_model, environ=variables,
    )  # fmt: skip
    cli.use(workspace)
    with running(cli) as (watcher, cancel):
        plan = _planned(cli, workspace, request, state)
        try:
            copied = copy(plan, request, watcher, cancel)
        except BaseException:
            cli.out.note(_kept(state))
            raise
    if copied.whole:
        state.remove()
    report_copy(cli, copied, None if copied.whole else state.folder)
    if not copied.whole:
        cli.out.note(_kept(state))
    if copied.exit_code:
        raise typer.Exit(copied.exit_code)


def _ends(
    source: str, destination: str, request: CopyRequest, variables: Mapping[str, str]
) -> tuple[Endpoint, Endpoint]:
    registry, references = scan(), References(Path.cwd(), variables)
    read = read_uri("source", source, registry, settings_model, references)
    settings = with_qualifiers(read.card, read.settings, request.tables)
    written = read_uri("destination", destination, registry, settings_model, references)
    return replace(read, settings=settings), written


def _base() -> Path:
    home = os.environ.get("PENSTOCK_HOME")
    return Path(home).expanduser() if home else Path(tempfile.gettempdir())


def _key(source: Endpoint, destination: Endpoint, request: CopyRequest) -> str:
    """The same for the same command in the same folder, whatever the secrets are now."""
    told = [
        str(Path.cwd()),
        *(
            [end.card.name, {name: _plain(value) for name, value in end.settings.items()}]
            for end in (source, destination)
        ),
        sorted(request.tables),
        request.mode,
    ]
    text = json.dumps(told, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_KEY_CHARS]


def _plain(value: Any) -> Any:
    return None if isinstance(value, SecretStr) else value


def _planned(cli: Cli, workspace: Workspace, request: CopyRequest, state: CopyState) -> CopyPlan:
    try:
        plan = plan_copy(workspace, request)
    except PenstockError:
        # Nothing has begun. What an earlier command left may still be gone on with.
        if not state.resumed:
            state.remove()
        raise
    if state.resumed:
        cli.out.note(
            f"Going on with a copy that was stopped: {plural(len(plan.done), 'table')} done, "
            f"{len(plan.rest)} to go. To begin anew, remove {state.folder} first."
        )
    return plan


def _kept(state: CopyState) -> str:
    return f"What is done is kept in {state.folder}; the same command goes on from there."
