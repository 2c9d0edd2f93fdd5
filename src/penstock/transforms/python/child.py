"""The sandbox process: seal, take a script, then answer batches until the worker goes away."""

from __future__ import annotations

import gc
import mmap
import os
import resource
from dataclasses import asdict
from typing import Any, Final

import pyarrow as pa

from penstock.transforms.python import decode, frames, wire
from penstock.transforms.python.batchwise import run_batch
from penstock.transforms.python.console import Console
from penstock.transforms.python.jail.preload import preload
from penstock.transforms.python.jail.seal import seal
from penstock.transforms.python.outputs import Built
from penstock.transforms.python.runner import Failure, run
from penstock.transforms.python.script import Script, ScriptError, load

_IN, _OUT, _ERR = 0, 1, 2
_COLLECT_AFTER: Final = 200_000
"""Objects between two searches for cycles: the default makes decoding three times slower."""


def serve(*, apart: bool, page: int, memory: int) -> None:
    """Everything this process ever does.

    Args:
        apart: whether it has left its namespaces.
        page: descriptor of the page in which it says where it is.
        memory: bytes it may take beyond what the modules need.
    """
    with mmap.mmap(page, mmap.PAGESIZE) as shared:
        os.close(page)
        progress = memoryview(shared).cast("q")
        _serve(progress, apart=apart, memory=memory)


def _serve(progress: memoryview, *, apart: bool, memory: int) -> None:
    first = frames.receive(_IN)
    if first is None:
        return
    settings, _ = first
    extra = tuple(settings["modules"])
    kept = preload(extra)
    # Also the duplicate that the mapping of the page keeps.
    os.closerange(_ERR + 1, 1024)
    resident = _resident()
    sealed = seal(apart=apart, memory=memory)
    frames.send(_OUT, {"on": sealed.on, "missing": sealed.missing, "resident": resident})
    console = Console(settings["console"])
    script = _script(frozenset(extra), console)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)
    assert kept  # the loaded zones stay alive as long as the process
    while script is not None and (asked := frames.receive(_IN)) is not None:
        head, body = asked
        answer, bodies = _answer(script, head, body, progress)
        frames.send(_OUT, {**answer, "console": console.taken()}, *bodies)


def _resident() -> int:
    """The most memory that the process has had so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _script(extra: frozenset[str], console: Console) -> Script | None:
    """The script that the worker sends next; it is told whether that can be used."""
    asked = frames.receive(_IN)
    if asked is None:
        return None
    try:
        script = load(asked[1].decode(), extra, console.show)
    except ScriptError as error:
        why = {"problem": error.reason, "line": error.line, "traceback": error.traceback}
        frames.send(_OUT, {**why, "console": console.taken()})
        return None
    frames.send(_OUT, {"ready": True, "by_batch": script.by_batch, "console": console.taken()})
    return script


def _answer(
    script: Script, head: dict[str, Any], body: bytearray, progress: memoryview
) -> tuple[dict[str, Any], list[pa.Buffer]]:
    batch = pa.ipc.open_stream(body).read_next_batch()
    width = head["fields"]
    names = batch.schema.names[:width]
    marks = {place: batch.column(width + i) for i, place in enumerate(head["marks"])}

    if script.by_batch:
        built, failures = run_batch(script, head, batch.select(names), marks, progress)
    else:
        built, failures = _by_event(script, head, batch, marks, progress)
    progress[0] = batch.num_rows
    bodies = [_body(group) for group in built]
    heads = [
        {
            "name": group.name,
            "keys": group.keys,
            "fields": len(group.names),
            "marks": [i for i, c in enumerate(group.columns) if c.nulls is not None],
            "bytes": body.size,
        }
        for group, body in zip(built, bodies, strict=True)
    ]
    return {"outputs": heads, "refused": [asdict(failure) for failure in failures]}, bodies


def _by_event(
    script: Script,
    head: dict[str, Any],
    batch: pa.RecordBatch,
    marks: dict[int, pa.Array],
    progress: memoryview,
) -> tuple[list[Built], list[Failure]]:
    fields = [batch.schema.field(i) for i in range(head["fields"])]
    columns = batch.columns[: head["fields"]]
    rows = decode.rows([f.name for f in fields], columns, marks)
    outputs, failures = run(script, head["name"], tuple(head["keys"]), rows, progress)
    progress[0] = batch.num_rows
    built, bad = outputs.build({field.name: field.type for field in fields})
    failures += [Failure(row, "TRANSFORM_BAD_VALUE", reason) for row, reason in bad.items()]
    return built, failures


def _body(group: Built) -> pa.Buffer:
    nulls = {i: c.nulls for i, c in enumerate(group.columns) if c.nulls is not None}
    return wire.encode(group.names, [c.array for c in group.columns], nulls, group.origins)
