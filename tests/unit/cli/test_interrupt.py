"""Ctrl-C and SIGTERM: the first asks the job to stop, the second ends at once."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

JOB = """\
import sys, typer
from penstock.cli.context import Cli
from penstock.cli.jobrun import running

with running(Cli()) as (watcher, cancel):
    print("ready", flush=True)
    cancel.wait(60)
    print("asked", flush=True)
    if sys.argv[1] == "hangs":
        sys.stdin.read()
print("ended", flush=True)
"""
COMMAND = """\
import sys, time
from penstock.cli import main

import penstock.cli.commands.connectors as command

def listing(cli):
    print("ready", flush=True)
    time.sleep(60)

command._list = listing
sys.exit(main.execute(["connectors"]))
"""


STARTING = """\
import sys, time
from penstock.cli import start

class Slow:
    def find_spec(self, name, *_):
        if name == "penstock.cli.main":
            print("ready", flush=True)
            time.sleep(60)

sys.meta_path.insert(0, Slow())
start.run()
"""


@contextmanager
def started(code: str, *more: str) -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen(
        [sys.executable, "-c", code, *more],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        yield child
    finally:
        child.kill()
        child.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_lets_the_job_end_in_order(number: signal.Signals) -> None:
    with started(JOB, "ends") as child:
        child.send_signal(number)
        out, err = child.communicate(timeout=60)
    assert (out, child.returncode) == ("asked\nended\n", 0)
    assert err == "Stopping after what is in hand; press Ctrl-C again to end at once.\n"


def test_the_second_signal_ends_at_once() -> None:
    with started(JOB, "hangs") as child:
        child.send_signal(signal.SIGINT)
        assert child.stdout is not None
        assert child.stdout.readline() == "asked\n"
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert err.endswith("Stopped. The state is consistent; run again to go on.\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_other_commands_end_with_130(number: signal.Signals) -> None:
    with started(COMMAND) as child:
        child.send_signal(number)
        _, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert err == (
        "error: Interrupted.\n  hint: The state is consistent; run the command again to go on.\n"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_the_command_began_ends_with_our_code(number: signal.Signals) -> None:
    with started(STARTING) as child:
        child.send_signal(number)
        _, err = child.communicate(timeout=60)
        assert (child.returncode, err) == (130, "Interrupted.\n")
