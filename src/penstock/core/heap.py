"""What the C library keeps of memory that was freed.

glibc serves threads from separate arenas, by default up to eight for each core, and returns
freed memory only from an arena's top. Each load starts threads (DuckDB's own, one that closes the
file), each leaves a few MB behind in another arena, and so a process grows with the number of
its loads although nothing is in use. Where there is no glibc, nothing is done about it.

Source: mallopt(3) and malloc_trim(3) of the Linux manual pages.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import ctypes

_FOR_COLUMNS: Final = "jemalloc"
_M_ARENA_MAX: Final = -8
"""From glibc's malloc.h."""

# One is busy while another thread takes from the other; readers share the interpreter's lock, so
# more arenas save no time.
_ARENAS: Final = 2


def few_arenas() -> None:
    """From now on all threads of this process share a few arenas.

    A setting of the whole process, so only for a program of ours; call it before threads start.
    """
    library = _glibc()
    if library is not None:
        library.mallopt(_M_ARENA_MAX, _ARENAS)


def arrow_pool() -> str:
    """Which allocator Arrow shall take its memory from; to be told before Arrow is imported.

    Whole columns are large pieces, which malloc takes from the system and gives back one by one:
    reading 1.5 million rows of ten columns touched 400,000 fresh pages, and jemalloc, which keeps
    what was freed for a second, 230,000. That is a tenth of the CPU, in no more memory. Arrow
    for Linux with glibc always has it.
    """
    with suppress(AttributeError, ValueError, OSError):
        if os.confstr("CS_GNU_LIBC_VERSION"):
            return _FOR_COLUMNS
    return "system"


def small_pieces() -> None:
    """From now on what Python asks of Arrow is malloc's, not jemalloc's.

    Where rows come in small batches its pages serve again anyhow, and jemalloc would keep 6 MB
    and save nothing.
    """
    import pyarrow as pa

    if pa.default_memory_pool().backend_name == _FOR_COLUMNS:
        pa.set_memory_pool(pa.system_memory_pool())


def release_freed() -> None:
    """Give freed memory back to the system, Arrow's as well, which jemalloc would keep for a
    second; takes about a millisecond, and any thread may ask."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)
    if (arrow := sys.modules.get("pyarrow")) is not None:
        arrow.default_memory_pool().release_unused()


@cache
def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    import ctypes

    library = ctypes.CDLL(None)
    # musl, the other C library of Linux, has neither; it also has no arenas.
    return library if hasattr(library, "malloc_trim") else None
