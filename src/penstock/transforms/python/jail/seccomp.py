"""The system calls that are left: compute, take memory, read and write what is open, end.

A filter in the kernel's small instruction set (seccomp(2), bpf). All else answers EPERM; a
foreign architecture, or the x32 numbers of x86, end the process. Memory may never become
executable, so no native library can be loaded later. The filter covers all threads (TSYNC):
one set by prctl leaves those that exist already as they are, and Arrow has some.

Numbers: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h of Linux.
"""

from __future__ import annotations

import ctypes
import errno
import platform
from dataclasses import dataclass
from typing import Final

from penstock.transforms.python.jail.libc import syscall

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _THIRD = 0, 4, 32
"""Offsets in struct seccomp_data; the third argument of mmap and mprotect is the protection."""
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_REFUSE: Final = 0x00050000 | errno.EPERM
_PROT_EXEC: Final = 4
_X32: Final = 0x40000000
_SET_FILTER, _ALL_THREADS = 1, 1


@dataclass(frozen=True)
class Machine:
    """Numbers of one processor architecture."""

    audit: int
    seccomp: int
    free: frozenset[int]
    never_executable: tuple[int, ...]
    x32: bool = False


X86: Final = Machine(
    audit=0xC000003E,
    seccomp=317,
    free=frozenset(
        {
            0,  # read
            1,  # write
            3,  # close
            11,  # munmap
            12,  # brk
            14,  # rt_sigprocmask
            15,  # rt_sigreturn
            19,  # readv
            20,  # writev
            24,  # sched_yield
            25,  # mremap
            28,  # madvise
            35,  # nanosleep
            39,  # getpid
            60,  # exit
            96,  # gettimeofday
            131,  # sigaltstack
            186,  # gettid
            201,  # time
            202,  # futex
            219,  # restart_syscall
            228,  # clock_gettime
            229,  # clock_getres
            230,  # clock_nanosleep
            231,  # exit_group
            273,  # set_robust_list
            309,  # getcpu
            318,  # getrandom
            324,  # membarrier
            334,  # rseq
        }
    ),
    never_executable=(9, 10),  # mmap, mprotect
    x32=True,
)
ARM: Final = Machine(
    audit=0xC00000B7,
    seccomp=277,
    free=frozenset(
        {
            57,  # close
            63,  # read
            64,  # write
            65,  # readv
            66,  # writev
            93,  # exit
            94,  # exit_group
            98,  # futex
            99,  # set_robust_list
            101,  # nanosleep
            113,  # clock_gettime
            114,  # clock_getres
            115,  # clock_nanosleep
            124,  # sched_yield
            128,  # restart_syscall
            132,  # sigaltstack
            135,  # rt_sigprocmask
            139,  # rt_sigreturn
            168,  # getcpu
            169,  # gettimeofday
            172,  # getpid
            178,  # gettid
            214,  # brk
            215,  # munmap
            216,  # mremap
            233,  # madvise
            278,  # getrandom
            283,  # membarrier
            293,  # rseq
        }
    ),
    never_executable=(222, 226),
)
_MACHINES: Final = {"x86_64": X86, "aarch64": ARM}


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("yes", ctypes.c_uint8),
        ("no", ctypes.c_uint8),
        ("value", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("first", ctypes.POINTER(_Instruction)))


Step = tuple[int, int, int, int]


def program(machine: Machine) -> list[Step]:
    """The filter: each step is its code, the steps to skip when true and when false, a value."""
    steps: list[Step] = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, machine.audit),
        (_RETURN, 0, 0, _KILL),
    ]
    steps.append((_LOAD, 0, 0, _NUMBER))
    if machine.x32:
        steps += [(_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _KILL)]
    for number in sorted(machine.free):
        steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ALLOW)]
    for number in machine.never_executable:
        steps += [
            (_EQUAL, 0, 4, number),
            (_LOAD, 0, 0, _THIRD),
            (_ANY_BIT, 0, 1, _PROT_EXEC),
            (_RETURN, 0, 0, _REFUSE),
            (_RETURN, 0, 0, _ALLOW),
        ]
    return [*steps, (_RETURN, 0, 0, _REFUSE)]


def restrict() -> None:
    """Put the filter on every thread of this process, for good.

    Raises:
        OSError: the kernel has none, or we know no numbers for this machine.
    """
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        raise OSError(errno.ENOSYS, f"no filter for {platform.machine()}")
    steps = program(machine)
    rows = (_Instruction * len(steps))(*(_Instruction(c, y, n, v) for c, y, n, v in steps))
    whole = _Program(len(steps), rows)
    if syscall(machine.seccomp, _SET_FILTER, _ALL_THREADS, ctypes.byref(whole)) != 0:
        raise OSError(errno.EPERM, "a thread did not take the filter")
