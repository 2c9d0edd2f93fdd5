"""What a job was asked for, and whether that goes together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from penstock.core.checkpoint import Checkpoint
from penstock.core.errors import ConfigError
from penstock.core.flush import Flush
from penstock.core.records import FailedFilter, JobType

if TYPE_CHECKING:
    from penstock.worker.verify_repair import Repair


@dataclass(frozen=True)
class RunOptions:
    """What `penstock run` was asked for beyond the pipeline's name.

    Args:
        full_refresh: build new tables beside the old ones and swap them in at the end.
        from_, to: ISO instants; read again what changed between, without moving positions.
        accept_deletes: flag rows that are gone however many they are.
        replay: read these failed events instead of the source.
        repair: read only these rows again, by object; positions stay as they are.
        follow_s: read logs on for so many seconds, instead of to their end.
        flush: when a package closes, if not as the memory budget says.
        log_from: read the log from here on, as what lies before it was lost.
        reload: streams whose tables are built anew, beside the old ones.
    """

    objects: tuple[str, ...] = ()
    full_refresh: bool = False
    from_: str | None = None
    to: str | None = None
    accept_deletes: bool = False
    replay: FailedFilter | None = None
    repair: Mapping[str, Repair] | None = None
    follow_s: float | None = None
    flush: Flush | None = None
    log_from: Checkpoint | None = None
    reload: frozenset[str] = frozenset()

    @property
    def again(self) -> bool:
        """The rows come once more, and from elsewhere than the source's splits."""
        return self.replay is not None or self.repair is not None


def check(options: RunOptions) -> None:
    """Refuse a window that is empty, and one for tables that are built anew: rows outside of
    the window would be missing in them."""
    if options.full_refresh and (options.from_ or options.to):
        raise ConfigError(
            "--full-refresh builds the tables anew, so it cannot be limited by --from and --to.",
            hint="Leave out one or the other.",
            code="usage.window",
        )
    if options.follow_s is not None and (options.from_ or options.to):
        raise ConfigError(
            "--follow reads on without an end, so it cannot be limited by --from and --to.",
            hint="Leave out one or the other.",
            code="usage.window",
        )
    if options.from_ and options.to and _utc(options.from_) >= _utc(options.to):
        raise ConfigError(
            f"--from {options.from_} is not before --to {options.to}.", code="usage.window"
        )


def check_log(options: RunOptions, pipeline: str, *, logs: bool) -> None:
    """Refuse what goes only with a change log, or only without one."""
    if options.follow_s is not None and not logs:
        raise ConfigError(
            f"{pipeline} follows no change log, so there is nothing to wait for.",
            hint="Run it without --follow, as often as you like; or set up its source for a log.",
            code="usage.follow",
            pipeline=pipeline,
        )
    if logs and (options.from_ or options.to):
        raise ConfigError(
            f"{pipeline} follows a change log, of which no part can be read again.",
            hint="Read an object's history again: --full-refresh, with --object for one alone.",
            code="usage.window",
            pipeline=pipeline,
        )


def _utc(text: str) -> datetime:
    """An ISO date or instant; without an offset it is UTC."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def job_type(options: RunOptions) -> JobType:
    if options.replay is not None:
        return JobType.REPLAY
    if options.repair is not None:
        return JobType.RESYNC
    return JobType.RESYNC_DROP if options.full_refresh else JobType.INCREMENTAL


def bounds(options: RunOptions) -> dict[str, str]:
    given = {"from": options.from_, "to": options.to}
    return {name: value for name, value in given.items() if value is not None}
