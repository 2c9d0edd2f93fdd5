"""What the C library keeps of memory that was freed.

glibc serves threads from separate arenas, by default up to eight for each core, and returns
freed memory only from an arena's top. Each load starts threads (DuckDB's own, one that closes the
file), each leaves a few MB behind in another arena, and so a process grows with the number of
its loads although nothing is in use. Both functions do nothing where there is no glibc.

Source: mallopt(3) and malloc_trim(3) of the Linux manual pages.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import ctypes

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


def release_freed() -> None:
    """Give freed memory back to the system; takes about a millisecond, and any thread may ask."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


@cache
def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    import ctypes

    library = ctypes.CDLL(None)
    # musl, the other C library of Linux, has neither; it also has no arenas.
    return library if hasattr(library, "malloc_trim") else None
