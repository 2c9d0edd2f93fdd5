"""What the process may use: memory, and none of files, children or core dumps."""

from __future__ import annotations

import resource
from pathlib import Path


def restrict(data: int) -> None:
    """Allow `data` bytes of private writable memory, and nothing else that can be limited.

    RLIMIT_DATA rather than RLIMIT_AS: Arrow reserves address space that it never uses.
    """
    _fix(resource.RLIMIT_DATA, data)
    for kind in ("NOFILE", "FSIZE", "CORE", "NPROC", "MEMLOCK", "MSGQUEUE"):
        _fix(getattr(resource, f"RLIMIT_{kind}"), 0)


def in_use() -> int:
    """Bytes of private writable memory of this process."""
    text = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in text.splitlines() if line.startswith("VmData:"))
    return int(line.split()[1]) * 1024


def _fix(kind: int, value: int) -> None:
    resource.setrlimit(kind, (value, value))
