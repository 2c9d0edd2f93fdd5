"""The embedded Debezium engine reads a change log and throws the changes away.

Arguments: JSON of the engine's properties, and the number of changes to see before it stops (0:
until it has read the history and nothing came for two seconds). Chosen for its benefit: the
package's own consumer calls from Python into Java for each change; this one does so twice a batch.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any

from pydbzengine import BasePythonChangeHandler, DebeziumJsonEngine
from pydbzengine.engine.jvm import ensure_jvm_started

ensure_jvm_started()

import jpype  # noqa: E402 (Java must run before its classes are named)


class Nothing(BasePythonChangeHandler):
    def handleJsonBatch(self, records: Any) -> None:  # noqa: N802 (Debezium's name)
        """Never called."""


@jpype.JImplements("io/debezium/engine/DebeziumEngine$ChangeConsumer")
class Counting:
    """Counts changes, and acknowledges each batch by its last."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.seen = 0
        self.last = time.monotonic()
        self.done = threading.Event()

    @jpype.JOverride
    def handleBatch(self, records: Any, committer: Any) -> None:  # noqa: N802
        count = records.size()
        committer.markProcessed(records.get(count - 1))
        committer.markBatchFinished()
        self.seen += count
        self.last = time.monotonic()
        if self.wanted and self.seen >= self.wanted:
            self.done.set()

    @jpype.JOverride
    def supportsTombstoneEvents(self) -> bool:  # noqa: N802
        return True

    def quiet(self) -> bool:
        return not self.wanted and self.seen > 0 and time.monotonic() - self.last > 2

    def set_change_handler(self, handler: Any) -> None:
        """Asked for by the package; there is none."""

    def clear_error(self) -> None:
        """Asked for by the package."""

    def raise_if_failed(self) -> None:
        """Asked for by the package."""


def main(properties: str, wanted: str) -> None:
    consumer = Counting(int(wanted))
    engine = DebeziumJsonEngine(properties=json.loads(properties), handler=Nothing())
    engine.__dict__["consumer"] = consumer
    thread = threading.Thread(target=engine.run, daemon=True)
    thread.start()
    while thread.is_alive() and not consumer.done.wait(0.02) and not consumer.quiet():
        continue
    if not thread.is_alive() and not consumer.done.is_set():
        sys.exit("the engine ended early")
    engine.close()
    thread.join(1)
    print(f"{consumer.seen} changes")


if __name__ == "__main__":
    main(*sys.argv[1:])
