"""The commands, one file per verb or noun."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import typer

from penstock.cli.commands import (
    check,
    connectors,
    copy,
    demo,
    discover,
    export,
    failed,
    init,
    jobs,
    mapping,
    plan,
    preview,
    release,
    run,
    sandbox,
    secrets,
    status,
    transform,
    verify,
)

ALL: Final[tuple[Callable[[typer.Typer], None], ...]] = (
    demo.register,
    init.register,
    connectors.register,
    check.register,
    discover.register,
    preview.register,
    plan.register,
    run.register,
    transform.register,
    verify.register,
    copy.register,
    status.register,
    jobs.register,
    mapping.register,
    failed.register,
    release.register,
    secrets.register,
    export.register,
    sandbox.register,
)
