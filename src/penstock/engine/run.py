"""One job: leftovers first, then every split read in a thread of its own while packages load."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from penstock.core.errors import (
    AuthError,
    ConfigError,
    InternalError,
    Interrupted,
    PenstockError,
    SchemaConflict,
    StagingAway,
)
from penstock.core.load import LoadPackage
from penstock.core.splits import LOG_SPLIT
from penstock.core.stream import Split
from penstock.engine.extract import extract
from penstock.engine.histories import Histories
from penstock.engine.load import deliver
from penstock.engine.mappers import Mappers
from penstock.engine.passes import Passes
from penstock.engine.recovery import forget, left_open, recovered
from penstock.engine.stage import Stager
from penstock.engine.starts import Starts
from penstock.engine.task import Task, is_log
from penstock.engine.transform import transform

# Errors of one split that end the whole job: going on would only repeat them.
_STOP = (AuthError, ConfigError, SchemaConflict, InternalError, StagingAway)


@dataclass
class Outcome:
    """How the job ended: errors by split, and the one that stopped everything, if any.

    Args:
        objects: errors by stream; of several splits of one, the first.
        waiting: streams with rows that were staged and not delivered.
    """

    splits: dict[str, PenstockError] = field(default_factory=dict)
    fatal: PenstockError | None = None
    interrupted: bool = False
    waiting: set[str] = field(default_factory=set)
    objects: dict[str, PenstockError] = field(default_factory=dict)


@dataclass
class _Closed:
    """A closed package on its way to the loader; `delivered` lets its split close the next."""

    package: LoadPackage
    delivered: threading.Semaphore


@dataclass
class _Ended:
    """A split whose reader has ended; all its packages came before."""

    split: Split
    error: BaseException | None = None
    whole: bool = False


_Queue = queue.Queue[_Closed | _Ended]


def run(task: Task, splits: Sequence[Split]) -> Outcome:
    """Deliver what an earlier job left, then read the splits and deliver as packages close.

    First run, resume after a crash and planned retry are this same function. Readers are
    threads; loading happens in the calling thread, one package at a time. A split may have
    one closed package waiting, so reading pauses when loading is slower.
    """
    outcome = Outcome()
    histories = Histories(task, splits)
    try:
        deliver_leftovers(task)
        histories.begin()
    except PenstockError as error:
        outcome.fatal = error
        return outcome
    closed: _Queue = queue.Queue()
    # A log is read as long as its history is, and history waits for the log: one thread for each.
    logs = sum(is_log(split, task.plans) for split in splits)
    with ThreadPoolExecutor(task.budget.readers + logs, thread_name_prefix="read") as pool:
        starts = Starts(
            splits, task.checkpoints, lambda split, others: pool.submit(
                _read, task, split, others, closed
            )
        )  # fmt: skip
        bug = _load_all(task, closed, outcome, starts, histories)
    if bug is not None:
        raise bug
    return outcome


def deliver_leftovers(task: Task) -> None:
    """Packages that an earlier job closed and did not finish, then those that were open when it
    was killed, as far as they are sealed; moves the positions on."""
    for checkpoint in task.checkpoints.values():
        task.truncated.update(checkpoint.emptied)
    buildings = left_open(task.staging.folder)
    task.cut_short = bool(buildings)
    for package in task.staging.pending():
        task.cut_short = True
        _deliver_leftover(task, package)
    for building in buildings:
        sealed = recovered(task, building)
        if sealed is not None:
            _deliver_leftover(task, sealed)
    forget(buildings)


def _deliver_leftover(task: Task, package: LoadPackage) -> None:
    if package.checkpoint is not None:
        task.truncated.update(package.checkpoint.emptied)
    deliver(task, package)
    if package.package_no <= task.package_numbers.get(package.split, 0):
        # Older than what the destination's ledger knows: a staging area from a backup.
        return
    task.package_numbers[package.split] = package.package_no
    if package.checkpoint is not None and _is_current(task, package):
        task.checkpoints[package.split] = package.checkpoint


def _is_current(task: Task, package: LoadPackage) -> bool:
    """Whether the package is of the generations read now.

    A full reload that begins after it was staged starts from the beginning, not from there; but
    a log goes on, except where it is to begin anew.
    """
    plans = task.plans
    if package.split == LOG_SPLIT:
        return LOG_SPLIT in task.checkpoints
    return all(
        part.generation >= plans[part.stream].generation
        for part in package.parts
        if part.stream in plans
    )


def _read(task: Task, split: Split, others_ended: threading.Event, closed: _Queue) -> None:
    """Read one split to its end (or to cancel), handing over each package as it closes."""
    slot = threading.Semaphore(1)
    ended = _Ended(split)
    try:
        for package in split_packages(task, split, others_ended):
            while not slot.acquire(timeout=0.2):
                if task.cancel.is_set():
                    return
            closed.put(_Closed(package, slot))
        ended.whole = not task.cancel.is_set()
    except BaseException as error:  # noqa: BLE001 (judged by the thread that loads)
        ended.error = error
        if isinstance(error, _STOP) or not isinstance(error, PenstockError):
            task.cancel.set()
    finally:
        closed.put(ended)


def split_packages(
    task: Task, split: Split, others_ended: threading.Event | None = None
) -> Iterator[LoadPackage]:
    """The five steps on one screen: extract, transform, map, stage; loading is the caller's.

    When reading fails, what was read up to the last checkpoint is kept before the error goes on.
    """
    if task.cancel.is_set():
        return
    now = task.clock()
    for name in split.streams:
        task.states[name].status = "IN_PROGRESS"
        task.states[name].started_at = task.states[name].started_at or now
    checkpoint = task.checkpoints.get(split.name)
    passes = Passes.resume(checkpoint, now)
    mappers = Mappers(task, split.streams)
    stager = Stager(task, split, passes, mappers)
    batches = transform(task, extract(task, split, checkpoint, passes, others_ended), passes)
    try:
        yield from stager.packages(map(mappers.map, batches))
    except PenstockError as error:
        if not isinstance(error, _STOP) and (last := stager.finish(whole=False)):
            yield last
        stager.abandon()
        raise
    except BaseException:
        stager.abandon()
        raise
    if last := stager.finish(whole=not task.cancel.is_set()):
        yield last


def _load_all(
    task: Task, closed: _Queue, outcome: Outcome, starts: Starts, histories: Histories
) -> BaseException | None:
    """Deliver packages until every split has ended; returns an error that is a bug.

    Whatever stops loading also stops reading; packages that are closed by then stay on disk.
    """
    bug: BaseException | None = None
    while starts.reading:
        item = closed.get()
        try:
            if isinstance(item, _Ended):
                bug = _settle(task, item, outcome, starts, histories) or bug
            elif task.cancel.is_set():
                outcome.waiting.update(part.stream for part in item.package.parts)
            else:
                deliver(task, item.package)
                starts.saved(item.package)
        except PenstockError as error:
            outcome.fatal = outcome.fatal or error
            if isinstance(item, _Closed):
                outcome.waiting.update(part.stream for part in item.package.parts)
            task.cancel.set()
        except BaseException as error:  # noqa: BLE001 (raised once the readers have ended)
            bug = error
            task.cancel.set()
        finally:
            if isinstance(item, _Closed):
                item.delivered.release()
    return bug


def _settle(
    task: Task, item: _Ended, outcome: Outcome, starts: Starts, histories: Histories
) -> BaseException | None:
    """A reader has ended, and with it those that would have come after it; returns a bug."""
    ends = [item, *(_Ended(split, item.error) for split in starts.ended(item.split.name))]
    for end in ends:
        starts.ended(end.split.name)
        if isinstance(end.error, Interrupted):
            outcome.interrupted = True
        elif isinstance(end.error, PenstockError):
            names = end.split.streams
            if len(names) == 1 or end.split.name in names:
                end.error.at(object=names[0])
            outcome.splits[end.split.name] = end.error
            for stream in names:
                outcome.objects.setdefault(stream, end.error)
            if isinstance(end.error, _STOP) and outcome.fatal is None:
                outcome.fatal = end.error
    for end in ends:
        delivered = not task.cancel.is_set() and not outcome.waiting.intersection(end.split.streams)
        histories.ended(end.split, whole=end.whole, delivered=delivered)
    return None if isinstance(item.error, PenstockError) else item.error
