"""What the C library keeps of freed memory, seen in processes of their own."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

glibc = pytest.mark.skipif(
    not sys.platform.startswith("linux") or not hasattr(ctypes.CDLL(None), "malloc_trim"),
    reason="a setting of glibc",
)

_COMMON = """
import ctypes, os, re, sys, threading
from penstock.core.heap import few_arenas, release_freed

library = ctypes.CDLL(None)
library.malloc.restype = library.fopen.restype = ctypes.c_void_p
library.malloc.argtypes = [ctypes.c_size_t]
library.free.argtypes = library.fclose.argtypes = [ctypes.c_void_p]
library.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
"""

_ARENAS = """
def work(barrier):
    barrier.wait()
    library.free(library.malloc(1000))
    barrier.wait()

if sys.argv[1] == "few":
    few_arenas()
barrier = threading.Barrier(12)
threads = [threading.Thread(target=work, args=(barrier,)) for _ in range(12)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
file = library.fopen(b"arenas.xml", b"w")
library.malloc_info(0, file)
library.fclose(file)
print(open("arenas.xml").read().count("<heap nr="))
"""

_FREED = """
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

blocks = [library.malloc(4_000) for _ in range(16_000)]
for block in blocks:
    ctypes.memset(block, 1, 4_000)
library.malloc(4_000)  # at the top of the heap, so that nothing goes back by itself
for block in blocks:
    library.free(block)
before = resident()
release_freed()
print(before - resident())
"""


def told(script: str, folder: object, *arguments: str) -> int:
    command = [sys.executable, "-c", _COMMON + script, *arguments]
    done = subprocess.run(command, cwd=str(folder), capture_output=True, text=True, check=True)
    return int(done.stdout)


@glibc
def test_threads_share_two_arenas(tmp_path: object) -> None:
    assert told(_ARENAS, tmp_path, "few") == 2
    assert told(_ARENAS, tmp_path, "many") > 2


@glibc
def test_freed_memory_goes_back_to_the_system(tmp_path: object) -> None:
    assert told(_FREED, tmp_path) > 40_000_000
