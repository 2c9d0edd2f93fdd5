"""Scripts of users as a transformation: slices of a batch to sealed processes and back."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pyarrow as pa

from penstock.core.convert import convert
from penstock.core.errors import ConfigError
from penstock.core.types import normal
from penstock.transforms.events import Events, Refused, Transformed
from penstock.transforms.python import wire
from penstock.transforms.python.answers import Answer, HostileError, greeted, parsed, refused
from penstock.transforms.python.jail.seal import LAYERS
from penstock.transforms.python.merging import merged
from penstock.transforms.python.process import BreachError, Limits, Process
from penstock.transforms.python.script import MAX_BYTES

SLICE_ROWS: Final = 5000
"""Measured: 20,000 is slower (caches), 1,000 the same."""
_LEAST_ROWS: Final = 1000
_PLACES: Final = pa.array(range(SLICE_ROWS), pa.int32())
_SLICE_BYTES: Final = 16 << 20
WEAKER: Final = "PENSTOCK_SANDBOX"
"""Environment variable; `weaker` lets scripts run where a layer is missing."""
_ALWAYS: Final = frozenset({"seccomp", "limits"})
"""Layers without which nothing runs, whatever is allowed."""


class PythonTransformer:
    """One version of one pipeline's script; its processes run nothing else.

    Args:
        script: source text that defines `transform` or `transform_batch`.
        processes: how many work side by side; the order of events is kept.
        on_console: called with each line that the script prints.

    Raises:
        ConfigError: the script cannot be used, or the sandbox lacks a layer.
    """

    def __init__(
        self,
        script: str,
        limits: Limits | None = None,
        *,
        processes: int | None = None,
        on_console: Callable[[str], None] | None = None,
    ) -> None:
        if len(script.encode(errors="replace")) > MAX_BYTES:
            raise _invalid(f"The script is larger than {MAX_BYTES // 1024} KiB.")
        self._script = script
        self._limits = limits or Limits()
        self._console = on_console or (lambda _line: None)
        self._own = threading.local()
        self._all: list[Process] = []
        self._processes = processes or min(2, os.cpu_count() or 1)
        self._threads = ThreadPoolExecutor(self._processes, "sandbox")
        try:
            self.layers = self._threads.submit(lambda: self._process().layers).result()
        except BaseException:
            self.close()
            raise

    def transform(self, events: Events) -> Transformed:
        """What became of these events; see `Transformer`."""
        plain = _normalised(events)
        slices = list(_slices(plain, self._processes))
        answers = self._threads.map(lambda part: self._answers(plain, *part), slices)
        found = [one for several in answers for one in several]
        for _, answer in found:
            for line in answer.console:
                self._console(line)
        return merged(events.rows.num_rows, found)

    def close(self) -> None:
        """End its processes."""
        for process in self._all:
            process.kill()
        self._threads.shutdown()

    def _process(self) -> Process:
        """The process of this thread, started when there is none."""
        process: Process | None = getattr(self._own, "process", None)
        if process is None:
            process = self._started()
            self._own.process = process
        return process

    def _started(self) -> Process:
        process = Process(self._limits)
        self._all.append(process)
        try:
            check_layers(process)
            greeting = greeted(process.load(self._script))
        except BreachError as error:
            raise _invalid(f"The code of the module {error.reason}.") from error
        except HostileError as error:
            process.kill()
            raise _invalid(f"The code of the module gave a false answer: {error}.") from error
        except BaseException:
            process.kill()
            raise
        for line in greeting.console:
            self._console(line)
        if greeting.problem is not None:
            process.kill()
            raise _invalid(greeting.problem, greeting.line, greeting.traceback)
        return process

    def _lost(self) -> None:
        self._all.remove(self._own.process)
        self._own.process = None

    def _answers(self, events: Events, start: int, stop: int) -> list[tuple[int, Answer]]:
        """Answers for a slice in order, around the events that cost a process."""
        found: list[tuple[int, Answer]] = []
        waiting: list[tuple[int, int, Refused | None]] = [(start, stop, None)]
        while waiting:
            first, last, lost = waiting.pop()
            if lost is not None:
                found.append((first, Answer((), (lost,), ())))
                continue
            try:
                found.append((first, self._answer(events, first, last)))
            except BreachError as error:
                self._lost()
                waiting += _around(error, first, last)
        return found

    def _answer(self, events: Events, first: int, last: int) -> Answer:
        rows = last - first
        columns = [column.slice(first, rows) for column in events.rows.columns]
        names = events.rows.schema.names
        nulls = {
            place: events.nulls[name].slice(first, rows)
            for place, name in enumerate(names)
            if name in events.nulls
        }
        head = {"name": events.name, "keys": events.keys, "fields": len(names), "marks": [*nulls]}
        body = wire.encode(names, columns, nulls, _PLACES.slice(0, rows))
        process = self._process()
        answer, answered = process.ask(head, body, rows)
        try:
            return parsed(answer, answered, rows)
        except HostileError as error:
            process.kill()
            reason = f"the process was stopped: its answer {error}"
            raise BreachError(rows, "TRANSFORM_EXCEPTION", reason) from error


def _around(error: BreachError, first: int, last: int) -> list[tuple[int, int, Refused | None]]:
    """What is left of a slice, last part first, when its process ended.

    The event that it was working on is set aside, those around it go to a new process. Past the
    events nobody knows which one it was: halves find out.
    """
    at = first + error.place
    if last - first == 1:
        at = first
    if at >= last:
        middle = (first + last) // 2
        return [(middle, last, None), (first, middle, None)]
    lost = refused(0, error.sub_code, error.reason)
    parts = [(at + 1, last, None), (at, at + 1, lost), (first, at, None)]
    return [part for part in parts if part[0] < part[1]]


def check_layers(process: Process) -> None:
    """Refuse to go on where the process is not sealed well enough.

    Raises:
        ConfigError: a layer is missing, and the administrator has not allowed that.
    """
    missing = [name for name in LAYERS if name not in process.layers]
    weaker = os.environ.get(WEAKER) == "weaker"
    if not missing or (weaker and not _ALWAYS.intersection(missing)):
        return
    why = "; ".join(f"{name}: {process.missing.get(name, 'not on')}" for name in missing)
    raise ConfigError(
        f"This system cannot seal the sandbox for Python transformations ({why}).",
        hint=f"Run on Linux 5.13 or newer, or let the administrator set {WEAKER}=weaker"
        f" ({' and '.join(sorted(_ALWAYS))} are always needed).",
        code="transform.sandbox",
    )


def _invalid(reason: str, line: object = None, traceback: str = "") -> ConfigError:
    return ConfigError(
        reason,
        hint="Correct the script; nothing was transformed.",
        code="transform.script",
        line=line,
        traceback=traceback or None,
    )


def _normalised(events: Events) -> Events:
    """The same rows under the types that we use ourselves."""
    rows = events.rows
    if all(normal(field) == field.type for field in rows.schema):
        return events
    columns = [convert(c, c.type, normal(c.type)).array for c in rows.columns]
    plain = pa.RecordBatch.from_arrays(columns, names=rows.schema.names)
    return Events(events.name, events.keys, plain, events.origin, events.nulls)


def _slices(events: Events, processes: int) -> Iterator[tuple[int, int]]:
    """Parts of a batch; of a small one as many as there are processes, so that all have work."""
    rows = events.rows.num_rows
    if not rows:
        return
    heavy = -(-events.rows.nbytes // _SLICE_BYTES)
    share = max(_LEAST_ROWS, -(-rows // processes))
    size = max(1, min(SLICE_ROWS, share, rows // max(heavy, 1)))
    for start in range(0, rows, size):
        yield start, min(start + size, rows)
