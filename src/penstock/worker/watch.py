"""Tell the watcher how a job goes, about once a second, and look out for a wish to cancel it."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable
from types import TracebackType

from penstock.core.progress import ObjectState, Progress, Watcher
from penstock.sdk.source import Source
from penstock.store import Catalog
from penstock.worker.ending import source_counts

_EVERY_S = 1.0
_NOTE_EVERY_S = 10.0
"""How often the catalog learns how far a log is behind: a job that follows one may last an hour."""


class Reporter:
    """A thread beside the job; as a context manager it sends a last snapshot at the end."""

    def __init__(
        self,
        pipeline: str,
        job: str,
        states: dict[str, ObjectState],
        source: Source,
        watcher: Watcher,
        cancel: threading.Event,
        catalog: Catalog,
        clean: Callable[[str], str],
    ) -> None:
        self._pipeline = pipeline
        self._job = job
        self._states = states
        self._source = source
        self._watcher = watcher
        self._cancel = cancel
        self._catalog = catalog
        self._clean = clean
        self._began = time.monotonic()
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._watch, name="report", daemon=True)
        self.warnings: list[str] = []
        self.each_second: Callable[[], None] = lambda: None
        """Called too, by this thread."""

    def warn(self, object_name: str, text: str) -> None:
        """Pass a warning on, once; it is kept with the object and with the job."""
        text = self._clean(text)
        line = f"{object_name}: {text}"
        with self._lock:
            if line in self.warnings:
                return
            self.warnings.append(line)
            if object_name in self._states:
                self._states[object_name].warnings.append(text)
        self._watcher.message("warning", line)

    def snapshot(self) -> Progress:
        stats = self._source.stats
        return Progress(
            pipeline=self._pipeline,
            job=self._job,
            seconds=time.monotonic() - self._began,
            objects=tuple(copy.copy(state) for state in list(self._states.values())),
            calls=stats.calls,
            rate_limited=stats.rate_limited,
            retries=stats.retries,
            bytes_read=stats.bytes_read,
        )

    def __enter__(self) -> Reporter:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()
        self._watcher.progress(self.snapshot())

    def _watch(self) -> None:
        noted_at = self._began
        while not self._done.wait(_EVERY_S):
            self._watcher.progress(self.snapshot())
            if self._catalog.jobs.cancel_wanted(self._job):
                self._cancel.set()
            self.each_second()
            stats, now = self._source.stats, time.monotonic()
            if stats.lag_seconds is not None and now - noted_at >= _NOTE_EVERY_S:
                self._catalog.jobs.note_source(self._job, source_counts(stats))
                noted_at = now
