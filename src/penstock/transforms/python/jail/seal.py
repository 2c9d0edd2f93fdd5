"""Sealing the process: in this order, once, before any code of a user (record 0040)."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from penstock.transforms.python.jail import landlock, limits, seccomp
from penstock.transforms.python.jail.libc import prctl

LAYERS: Final = ("namespaces", "privileges", "landlock", "limits", "seccomp")
"""Every layer, in the order of sealing."""
_NOBODY: Final = 65534
_NO_NEW_PRIVILEGES, _DUMPABLE = 38, 4


@dataclass(frozen=True)
class Seal:
    """Which layers are on, and of each that is not, why."""

    on: tuple[str, ...]
    missing: dict[str, str]


def seal(*, apart: bool, memory: int) -> Seal:
    """Close every door that the kernel can close.

    Args:
        apart: whether the process has left its namespaces already.
        memory: bytes it may still take.
    """
    # Read first: after Landlock no file opens, and after the limits Landlock gets no descriptor.
    data = limits.in_use() + memory
    steps: dict[str, Callable[[], None]] = {
        "privileges": lambda: _drop(apart=apart),
        "landlock": landlock.restrict,
        "limits": lambda: limits.restrict(data),
        "seccomp": seccomp.restrict,
    }
    missing = {} if apart else {"namespaces": "the system does not let us leave its namespaces"}
    for name, step in steps.items():
        try:
            step()
        except (OSError, ValueError, ImportError, AttributeError) as error:
            missing[name] = str(error)
    return Seal(tuple(name for name in LAYERS if name not in missing), missing)


def _drop(*, apart: bool) -> None:
    """Nothing of root is left, and no program gives it back."""
    if not apart and os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    prctl(_NO_NEW_PRIVILEGES, 1)
    prctl(_DUMPABLE, 0)
