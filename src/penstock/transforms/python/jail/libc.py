"""System calls by number: the C library has no names for those of a sandbox."""

from __future__ import annotations

import ctypes
import os
from typing import Any, Final

_LIBC: Final = ctypes.CDLL(None, use_errno=True)


def syscall(number: int, *arguments: Any) -> int:
    """What the kernel answers; integers are passed as longs.

    Raises:
        OSError: the kernel refuses.
    """
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _checked(int(_LIBC.syscall(ctypes.c_long(number), *wide)))


def prctl(option: int, value: int) -> None:
    """Set one property of this process.

    Raises:
        OSError: the kernel refuses.
    """
    _checked(int(_LIBC.prctl(option, ctypes.c_ulong(value), 0, 0, 0)))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
