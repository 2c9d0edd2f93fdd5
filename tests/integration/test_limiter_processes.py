"""One budget for all processes of the machine, measured with real ones."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from penstock.sdk.limiter import AccountLimiter

RATE = 50
WORKER = """
import sys, threading
from pathlib import Path
from penstock.sdk.limiter import AccountLimiter

rate, threads, calls = map(int, sys.argv[2:])
account = AccountLimiter("acme", rate, folder=Path(sys.argv[1]))
stamps, mutex = [], threading.Lock()

def work():
    for _ in range(calls):
        at = account.on_time(account.take()).departed
        with mutex:
            stamps.append(at)

workers = [threading.Thread(target=work) for _ in range(threads)]
print("ready", flush=True)
sys.stdin.readline()
for worker in workers: worker.start()
for worker in workers: worker.join()
print(" ".join(map(repr, stamps)))
"""


def start(folder: Path, rate: int, threads: int, calls: int) -> subprocess.Popen[str]:
    arguments = [str(folder), str(rate), str(threads), str(calls)]
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.write("go\n")
    process.stdin.flush()


def stamps(process: subprocess.Popen[str]) -> list[float]:
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return [float(word) for word in out.split()]


def test_processes_and_threads_together_never_exceed_the_rate(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    processes = [start(tmp_path, RATE, 4, 25) for _ in range(3)]
    for process in processes:
        go(process)
    each = [stamps(process) for process in processes]
    left = sorted(at for some in each for at in some)
    assert [len(some) for some in each] == [100, 100, 100]
    spans = [later - sooner for sooner, later in zip(left, left[RATE:], strict=False)]
    assert min(spans) > 1.0
    used = (len(left) - 1) / (left[-1] - left[0]) / RATE
    record_property("utilisation", f"{used:.3f}")


def test_a_killed_process_holds_up_nobody(tmp_path: Path) -> None:
    victim = start(tmp_path, 100, 4, 100_000)
    go(victim)
    account = AccountLimiter("acme", 100, folder=tmp_path)
    for _ in range(20):
        account.acquire()
    victim.kill()
    victim.communicate()
    for _ in range(20):
        account.acquire()


def test_a_refusal_in_one_process_pauses_the_others(tmp_path: Path) -> None:
    account = AccountLimiter("acme", 20, folder=tmp_path)
    account.slow_down(0.5)
    resumes = account._clock() + account.pause_left_s()
    other = start(tmp_path, 20, 2, 2)
    go(other)
    assert min(stamps(other)) >= resumes - 0.001
