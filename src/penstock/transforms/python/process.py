"""One sandbox process, from the worker's side: start, ask, watch, kill."""

from __future__ import annotations

import contextlib
import fcntl
import json
import mmap
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from penstock.core.errors import ConfigError
from penstock.transforms.python.frames import LENGTHS, pack

_START_SECONDS: Final = 60.0
_TICK_SECONDS: Final = 0.25
_MAX_HEAD: Final = 64 << 20
_PIPE_BYTES: Final = 1 << 20
_PACKAGES: Final = ("penstock", "pyarrow", "pytz", "dateutil", "six", "ua_parser", "user_agents",
                    "msgspec", "ua_parser_builtins")  # fmt: skip
_NEARLY: Final = 0.75
"""A process that died with this share of its memory in use died of it."""


@dataclass(frozen=True)
class Limits:
    """What a script may use (transformations.md 3.6)."""

    event_seconds: float = 5.0
    module_seconds: float = 10.0
    memory_bytes: int = 512 << 20
    console_lines: int = 200
    modules: tuple[str, ...] = field(default=())


class BreachError(Exception):
    """A process was ended, or ended itself.

    Args:
        place: the row it was working on; the number of rows when it was past them.
        sub_code: of the event that must have caused it.
    """

    def __init__(self, place: int, sub_code: str, reason: str) -> None:
        super().__init__(reason)
        self.place = place
        self.sub_code = sub_code
        self.reason = reason


class Process:
    """A sealed process; `layers` says how well.

    Whoever creates it must be a thread that lives as long as the process is wanted: the kernel
    ends the process with that thread.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        page = os.memfd_create("penstock-progress")
        os.ftruncate(page, mmap.PAGESIZE)
        self._page = mmap.mmap(page, mmap.PAGESIZE)
        self._place = memoryview(self._page).cast("q")
        self._popen = _spawn(page, limits)
        os.close(page)
        self._out, self._in = self._popen.stdin, self._popen.stdout
        assert self._out is not None
        assert self._in is not None
        for pipe in (self._out, self._in):
            os.set_blocking(pipe.fileno(), False)
            # A whole slice at once, where the system allows pipes of that size.
            with contextlib.suppress(OSError):
                fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._resident = 0
        try:
            start = {"modules": limits.modules, "console": limits.console_lines}
            hello, _ = self._exchange(start, b"", 0, _START_SECONDS)
        except BreachError as error:
            raise ConfigError(
                "The sandbox for transformations did not start.",
                hint="See whether Penstock runs in this environment: penstock version.",
                code="transform.sandbox",
                reason=error.reason,
            ) from error
        self.layers = tuple(str(name) for name in hello["on"])
        self._resident = int(hello["resident"])
        self.missing = {str(k): str(v) for k, v in hello["missing"].items()}

    def load(self, script: str) -> dict[str, Any]:
        """Give it the script; what it says of it.

        Raises:
            BreachError: the code of the module took too long, too much, or ended the process.
        """
        return self._exchange({}, script.encode(), 0, self._limits.module_seconds)[0]

    def ask(self, head: dict[str, Any], body: Any, rows: int) -> tuple[dict[str, Any], bytearray]:
        """Its answer for one slice, unchecked.

        Raises:
            BreachError: it broke a limit, lied about where it is, or ended.
        """
        return self._exchange(head, body, rows, self._limits.event_seconds)

    def kill(self) -> None:
        """End it; harmless when it has ended."""
        if self._popen.returncode is None:
            self._end()

    def _exchange(
        self, head: dict[str, Any], body: Any, rows: int, seconds: float
    ) -> tuple[dict[str, Any], bytearray]:
        self._place[0] = 0
        watch = _Watch(self._place, rows, seconds)
        try:
            part = memoryview(body).cast("B")
            self._write(memoryview(pack(head, len(part))), watch)
            self._write(part, watch)
            head_bytes, body_bytes = LENGTHS.unpack(self._read(LENGTHS.size, watch))
            if head_bytes > _MAX_HEAD or body_bytes > self._limits.memory_bytes:
                raise _broken(watch.place(), "its answer is too long")
            answer = json.loads(self._read(head_bytes, watch))
            if not isinstance(answer, dict):
                raise _broken(watch.place(), "its answer makes no sense")
            return answer, self._read(body_bytes, watch)
        except (ValueError, RecursionError) as error:
            self._end()
            raise _broken(watch.place(), "its answer makes no sense") from error
        except (BrokenPipeError, EOFError):
            raise self._post_mortem(watch.place()) from None
        except BreachError:
            self._end()
            raise

    def _write(self, part: memoryview, watch: _Watch) -> None:
        assert self._out is not None
        descriptor = self._out.fileno()
        while part:
            watch.wait(descriptor, select.POLLOUT)
            try:
                part = part[os.write(descriptor, part) :]
            except BlockingIOError:
                continue

    def _read(self, size: int, watch: _Watch) -> bytearray:
        assert self._in is not None
        descriptor = self._in.fileno()
        whole = bytearray(size)
        rest = memoryview(whole)
        while rest:
            watch.wait(descriptor, select.POLLIN)
            try:
                got = os.readv(descriptor, [rest])
            except BlockingIOError:
                continue
            if got == 0:
                raise EOFError
            rest = rest[got:]
        return whole

    def _post_mortem(self, place: int) -> BreachError:
        status, used = self._end()
        if status < 0 and used > self._resident + _NEARLY * self._limits.memory_bytes:
            return BreachError(place, "TRANSFORM_MEMORY", "the process had no memory left")
        return BreachError(place, "TRANSFORM_EXCEPTION", f"the process ended ({_words(status)})")

    def _end(self) -> tuple[int, int]:
        """Kill it; its status and the most memory it had, in bytes."""
        assert self._out is not None
        assert self._in is not None
        if self._popen.returncode is not None:
            return self._popen.returncode, 0
        os.kill(self._popen.pid, signal.SIGKILL)
        _, status, usage = os.wait4(self._popen.pid, 0)
        self._popen.returncode = os.waitstatus_to_exitcode(status)
        self._in.close()
        # Nobody is left to read what was not sent.
        with contextlib.suppress(BrokenPipeError):
            self._out.close()
        self._place.release()
        self._page.close()
        return self._popen.returncode, usage.ru_maxrss * 1024


class _Watch:
    """Sees to it that no event takes longer than it may."""

    def __init__(self, place: memoryview, rows: int, seconds: float) -> None:
        self._page = place
        self._rows = rows
        self._seconds = seconds
        self._last = 0
        self._since = time.monotonic()

    def place(self) -> int:
        """Where the process is, within what is possible."""
        return self._last

    def wait(self, descriptor: int, what: int) -> None:
        """Wait until the pipe is ready.

        Raises:
            BreachError: the event now worked on takes too long.
        """
        poll = select.poll()
        poll.register(descriptor, what)
        while True:
            ready = poll.poll(_TICK_SECONDS * 1000)
            self._look()
            if ready:
                return

    def _look(self) -> None:
        now, place = time.monotonic(), self._page[0]
        if not self._last <= place <= self._rows:
            # Nobody knows which event did this.
            raise _broken(self._rows, "it says that it is where it cannot be")
        if place != self._last:
            self._last, self._since = place, now
        elif now - self._since > self._seconds:
            raise BreachError(place, "TRANSFORM_TIMEOUT", f"took more than {self._seconds:g} s")


def _broken(place: int, reason: str) -> BreachError:
    return BreachError(place, "TRANSFORM_EXCEPTION", f"the process was stopped: {reason}")


def _words(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit code {status}"


def _spawn(page: int, limits: Limits) -> subprocess.Popen[bytes]:
    """Start it with an empty environment, in the root folder, with three descriptors."""
    settings = {
        "parent": os.getpid(),
        "paths": package_folders(limits.modules),
        "page": page,
        "memory": limits.memory_bytes,
    }
    boot = Path(__file__).parent / "jail" / "boot.py"
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-I", "-S", str(boot), json.dumps(settings)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={},
        pass_fds=(page,),
        start_new_session=True,
        bufsize=0,
    )


def package_folders(extra: tuple[str, ...]) -> list[str]:
    """The folders that hold the packages of the sandbox."""
    folders: dict[str, None] = {}
    for name in (*_PACKAGES, *(module.partition(".")[0] for module in extra)):
        spec = find_spec(name)
        if spec is not None and spec.origin is not None:
            file = Path(spec.origin)
            folders[str(file.parent.parent if spec.submodule_search_locations else file.parent)] = (
                None
            )
    return list(folders)
