"""One job: leftovers first, then every split read in a thread of its own while packages load."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
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
from penstock.core.stream import Split
from penstock.engine.extract import extract
from penstock.engine.load import deliver
from penstock.engine.mapping import Mapper
from penstock.engine.passes import Passes
from penstock.engine.stage import Stager
from penstock.engine.task import Task
from penstock.engine.transform import transform

# Errors of one split that end the whole job: going on would only repeat them.
_STOP = (AuthError, ConfigError, SchemaConflict, InternalError, StagingAway)


@dataclass
class Outcome:
    """How the job ended: errors by split, and the one that stopped everything, if any.

    Args:
        waiting: streams with rows that were staged and not delivered.
    """

    splits: dict[str, PenstockError] = field(default_factory=dict)
    fatal: PenstockError | None = None
    interrupted: bool = False
    waiting: set[str] = field(default_factory=set)


@dataclass
class _Closed:
    """A closed package on its way to the loader; `delivered` lets its split close the next."""

    package: LoadPackage
    delivered: threading.Semaphore


def run(task: Task, splits: Sequence[Split]) -> Outcome:
    """Deliver what an earlier job left, then read the splits and deliver as packages close.

    First run, resume after a crash and planned retry are this same function. Readers are
    threads; loading happens in the calling thread, one package at a time. A split may have
    one closed package waiting, so reading pauses when loading is slower.
    """
    outcome = Outcome()
    try:
        deliver_leftovers(task)
    except PenstockError as error:
        outcome.fatal = error
        return outcome
    closed: queue.Queue[_Closed | None] = queue.Queue()
    with ThreadPoolExecutor(task.budget.readers, thread_name_prefix="read") as pool:
        order = sorted(splits, key=lambda split: split.priority)
        readers = {split.name: pool.submit(_read, task, split, closed) for split in order}
        waiter = threading.Thread(target=_announce_end, args=(readers, closed), daemon=True)
        waiter.start()
        _load_all(task, closed, outcome)
        waiter.join()
    _collect(readers, outcome)
    return outcome


def deliver_leftovers(task: Task) -> None:
    """Packages that an earlier job closed and did not finish; moves the positions on."""
    for package in task.staging.pending():
        deliver(task, package)
        if package.package_no <= task.package_numbers.get(package.split, 0):
            # Older than what the destination's ledger knows: a staging area from a backup.
            continue
        task.package_numbers[package.split] = package.package_no
        if package.checkpoint is not None and _is_current(task, package):
            task.checkpoints[package.split] = package.checkpoint


def _is_current(task: Task, package: LoadPackage) -> bool:
    """Whether the package is of the generations read now.

    A full reload that begins after it was staged starts from the beginning, not from there.
    """
    plans = task.plans
    return all(
        part.generation >= plans[part.stream].generation
        for part in package.parts
        if part.stream in plans
    )


def _read(task: Task, split: Split, closed: queue.Queue[_Closed | None]) -> None:
    """Read one split to its end (or to cancel), handing over each package as it closes."""
    slot = threading.Semaphore(1)
    try:
        for package in split_packages(task, split):
            while not slot.acquire(timeout=0.2):
                if task.cancel.is_set():
                    return
            closed.put(_Closed(package, slot))
    except _STOP:
        task.cancel.set()
        raise


def split_packages(task: Task, split: Split) -> Iterator[LoadPackage]:
    """The five steps on one screen: extract, transform, map, stage; loading is the caller's.

    When reading fails, what was read up to the last checkpoint is kept before the error goes on.
    """
    if task.cancel.is_set():
        return
    now = task.clock()
    for name in split.streams:
        task.states[name].status = "IN_PROGRESS"
        task.states[name].started_at = now
    checkpoint = task.checkpoints.get(split.name)
    passes = Passes.resume(checkpoint, now)
    mappers = {name: Mapper(task, task.plans[name]) for name in split.streams}
    for name, mapper in mappers.items():
        task.states[name].table = mapper.mapping.table
    stager = Stager(task, split, passes, mappers)
    batches = transform(extract(task, split, checkpoint, passes), ())
    try:
        yield from stager.packages(mappers[batch.stream].map(batch) for batch in batches)
    except PenstockError as error:
        if not isinstance(error, _STOP) and (last := stager.finish(whole=False)):
            yield last
        stager.abandon()
        raise
    except BaseException:
        stager.abandon()
        raise
    whole = not task.cancel.is_set()
    if last := stager.finish(whole=whole):
        yield last
    for name in split.streams:
        task.states[name].ended_at = task.clock()
        task.states[name].read_whole = whole


def _announce_end(readers: dict[str, Future[None]], closed: queue.Queue[_Closed | None]) -> None:
    for future in readers.values():
        future.exception()
    closed.put(None)


def _load_all(task: Task, closed: queue.Queue[_Closed | None], outcome: Outcome) -> None:
    """Deliver packages until the readers have ended.

    Whatever stops loading also stops reading; packages that are closed by then stay on disk.
    """
    bug: BaseException | None = None
    while (item := closed.get()) is not None:
        try:
            if task.cancel.is_set():
                outcome.waiting.update(part.stream for part in item.package.parts)
            else:
                deliver(task, item.package)
        except PenstockError as error:
            outcome.fatal = error
            outcome.waiting.update(part.stream for part in item.package.parts)
            task.cancel.set()
        except BaseException as error:  # noqa: BLE001 (raised below, once the readers have ended)
            bug = error
            task.cancel.set()
        finally:
            item.delivered.release()
    if bug is not None:
        raise bug


def _collect(readers: dict[str, Future[None]], outcome: Outcome) -> None:
    for name, future in readers.items():
        error = future.exception()
        if error is None:
            continue
        if not isinstance(error, PenstockError):
            raise error
        if isinstance(error, Interrupted):
            outcome.interrupted = True
            continue
        outcome.splits[name] = error
        if isinstance(error, _STOP) and outcome.fatal is None:
            outcome.fatal = error
