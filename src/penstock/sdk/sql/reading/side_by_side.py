"""Several iterators read by threads, their items handed over one at a time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Final, TypeVar

T = TypeVar("T")
_LOOK_S: Final = 0.2


class _End:
    """A thread has no more tasks; `error` is what stopped it."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def side_by_side(
    tasks: Sequence[Callable[[threading.Event], Iterator[T]]],
    at_once: int,
    cancel: threading.Event,
) -> Iterator[T]:
    """Items of all tasks, of each in order; at most `at_once` tasks are under way.

    Every thread is at most one item ahead. The first error stops the others and is raised;
    so does closing the iterator. Tasks are told by an event of their own.
    """
    stop = threading.Event()
    items: queue.Queue[T | _End] = queue.Queue(maxsize=1)
    left = iter(tasks)
    mutex = threading.Lock()

    def put(item: T | _End) -> bool:
        while not stop.is_set():
            try:
                items.put(item, timeout=_LOOK_S)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            while not stop.is_set() and not cancel.is_set():
                with mutex:
                    task = next(left, None)
                if task is None:
                    break
                # A generator; closing it ends its statement.
                with closing(task(stop)) as found:  # type: ignore[type-var]
                    for item in found:
                        if not put(item):
                            return
        except BaseException as error:  # noqa: BLE001 (raised by the reader of the items)
            put(_End(error))
        else:
            put(_End())

    threads = [
        threading.Thread(target=work, name=f"part-{at}", daemon=True)
        for at in range(min(at_once, len(tasks)))
    ]
    for thread in threads:
        thread.start()
    try:
        running = len(threads)
        while running:
            try:
                item = items.get(timeout=_LOOK_S)
            except queue.Empty:
                if cancel.is_set():
                    return
                continue
            if not isinstance(item, _End):
                yield item
            elif item.error is not None:
                raise item.error
            else:
                running -= 1
    finally:
        stop.set()
        for thread in threads:
            thread.join()
