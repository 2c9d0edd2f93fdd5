"""Landlock with an empty rule set: no file, no TCP port, no signal out of here.

Rights by version of the interface: https://docs.kernel.org/userspace-api/landlock.html
"""

from __future__ import annotations

import ctypes
import os
from typing import Final

from penstock.transforms.python.jail.libc import syscall

_CREATE, _RESTRICT = 444, 446
_ASK_VERSION: Final = 1
_FILES: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many rights on files each version knows; later ones know as many as the fifth."""
_TCP_SINCE, _SCOPES_SINCE = 4, 6


class _Rules(ctypes.Structure):
    _fields_ = (
        ("files", ctypes.c_uint64),
        ("network", ctypes.c_uint64),
        ("scopes", ctypes.c_uint64),
    )


def restrict() -> None:
    """Take from this thread every right that the kernel lets us take.

    Raises:
        OSError: the kernel has no Landlock.
    """
    version = syscall(_CREATE, 0, 0, _ASK_VERSION)
    rules = _Rules((1 << _FILES.get(version, _FILES[5])) - 1)
    size = 8
    if version >= _TCP_SINCE:
        rules.network, size = 0b11, 16
    if version >= _SCOPES_SINCE:
        rules.scopes, size = 0b11, 24
    descriptor = syscall(_CREATE, ctypes.byref(rules), size, 0)
    try:
        syscall(_RESTRICT, descriptor, 0)
    finally:
        os.close(descriptor)
