"""Frames between a worker and its sandbox process: a JSON head and a body of bytes."""

from __future__ import annotations

import json
import os
import struct
from typing import Any, Final

LENGTHS: Final = struct.Struct("<IQ")
"""Bytes of the head and of the body."""


def pack(head: dict[str, Any], body_bytes: int) -> bytes:
    """What stands before the body."""
    text = json.dumps(head, separators=(",", ":")).encode()
    return LENGTHS.pack(len(text), body_bytes) + text


def send(descriptor: int, head: dict[str, Any], *body: Any) -> None:
    """Write one frame, waiting for the reader."""
    parts = [memoryview(part).cast("B") for part in body]
    _write(descriptor, memoryview(pack(head, sum(len(part) for part in parts))))
    for part in parts:
        _write(descriptor, part)


def receive(descriptor: int) -> tuple[dict[str, Any], bytearray] | None:
    """Read one frame, waiting for it; None when the writer has closed."""
    start = _read(descriptor, LENGTHS.size)
    if start is None:
        return None
    head_bytes, body_bytes = LENGTHS.unpack(start)
    head, body = _read(descriptor, head_bytes), _read(descriptor, body_bytes)
    return None if head is None or body is None else (json.loads(head), body)


def _write(descriptor: int, part: memoryview) -> None:
    while part:
        part = part[os.write(descriptor, part) :]


def _read(descriptor: int, size: int) -> bytearray | None:
    whole = bytearray(size)
    rest = memoryview(whole)
    while rest:
        got = os.readv(descriptor, [rest])
        if got == 0:
            return None
        rest = rest[got:]
    return whole
