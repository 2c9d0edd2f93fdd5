"""The escape suite: scripts that try to get out, and how many did (none may)."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from penstock.core.errors import ConfigError
from penstock.transforms.events import Events, Transformed
from penstock.transforms.python.host import PythonTransformer
from penstock.transforms.python.jail.seal import LAYERS
from penstock.transforms.python.process import Limits

SCRIPT = Path(__file__).with_name("hostile_script.py").read_text(encoding="utf-8")
LIMITS = Limits(event_seconds=1.5, memory_bytes=192 << 20)
HELPERS = {"modules", "real", "builtin", "libc", "checked", "transform", "globals_"}
DEADLY = {
    "exit_process": "TRANSFORM_EXCEPTION",
    "crash": "TRANSFORM_EXCEPTION",
    "endless_loop": "TRANSFORM_TIMEOUT",
    "endless_loop_that_catches_all": "TRANSFORM_TIMEOUT",
    "regex_bomb": "TRANSFORM_TIMEOUT",
    "number_bomb": "TRANSFORM_TIMEOUT",
    "fill_stdout": "TRANSFORM_EXCEPTION",
    "forge_an_answer": "TRANSFORM_EXCEPTION",
    "claim_a_huge_answer": "TRANSFORM_EXCEPTION",
    "move_the_counter": "TRANSFORM_EXCEPTION",
}
"""Attacks that end their process, and what their event is set aside for."""
HARMLESS = {"memory_bomb_that_hides"}
"""Attacks that may go on: what they did costs nobody anything."""
QUIET = sorted(
    name
    for name in (
        line[4 : line.index("(")] for line in SCRIPT.splitlines() if line.startswith("def ")
    )
    if name not in HELPERS and name not in DEADLY and name not in HARMLESS
)


def attempt(transformer: PythonTransformer, attacks: list[str], **given: Any) -> Transformed:
    rows: dict[str, Any] = {"attack": attacks}
    rows.update({name: [value] * len(attacks) for name, value in given.items()})
    batch = pa.record_batch({name: pa.array(values) for name, values in rows.items()})
    origin = pa.array(range(len(attacks)), pa.int32())
    return transformer.transform(Events("attacks", (), batch, origin))


def row_by_attack(result: Transformed) -> dict[str, dict[str, Any]]:
    return {row["attack"]: row for events in result.outputs for row in events.rows.to_pylist()}


@pytest.fixture(scope="module")
def transformer() -> Iterator[PythonTransformer]:
    try:
        made = PythonTransformer(SCRIPT, LIMITS, processes=1)
    except ConfigError as error:
        if error.code != "transform.sandbox":
            raise
        pytest.skip(str(error))
    print("Layers on:", ", ".join(made.layers))  # noqa: T201
    yield made
    made.close()


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What the attacks are after: a file, a place to write, a port, a process."""
    folder = tmp_path_factory.mktemp("outside")
    folder.chmod(0o777)
    secret = folder / "secret"
    secret.write_text("the secret")
    secret.chmod(0o666)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        victim = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        yield {
            "secret": str(secret),
            "target": str(folder / "written"),
            "port": listener.getsockname()[1],
            "victim": victim.pid,
            "parent": os.getpid(),
            "_listener": listener,
            "_victim": victim,
        }
        victim.send_signal(signal.SIGKILL)
        victim.communicate()


def test_no_attack_gets_anything(transformer: PythonTransformer, outside: dict[str, Any]) -> None:
    given = {name: value for name, value in outside.items() if not name.startswith("_")}
    result = attempt(transformer, QUIET, **given)
    rows = row_by_attack(result)
    escaped = {name: row["got"] for name, row in rows.items() if row.get("got") is not None}
    assert escaped == {}
    assert {one.sub_code for one in result.refused} <= {"TRANSFORM_EXCEPTION", "TRANSFORM_MEMORY"}
    assert sorted([*rows, *(QUIET[one.row] for one in result.refused)]) == QUIET
    print(f"{len(QUIET)} attacks, {len(escaped)} escapes")  # noqa: T201
    assert Path(given["secret"]).read_text() == "the secret"
    assert not os.path.lexists(given["target"])
    assert outside["_victim"].poll() is None
    with pytest.raises(BlockingIOError):
        outside["_listener"].accept()


@pytest.mark.slow
@pytest.mark.parametrize("attack", DEADLY)
def test_an_attack_that_ends_its_process_costs_one_event(
    transformer: PythonTransformer, attack: str
) -> None:
    result = attempt(transformer, ["recursion", attack, "recursion"])
    assert [(one.row, one.sub_code) for one in result.refused] == [(1, DEADLY[attack])]
    assert [o for events in result.outputs for o in events.origin.to_pylist()] == [0, 2]
    assert (result.filtered, result.created) == (0, 0)


def test_a_process_without_memory_costs_one_event(transformer: PythonTransformer) -> None:
    result = attempt(transformer, ["recursion", "memory_bomb_that_hides", "recursion"])
    assert {one.row for one in result.refused} <= {1}
    assert result.outputs[0].origin[0].as_py() == 0


def test_the_list_of_attacks_is_whole() -> None:
    assert len(QUIET) > 60
    assert all(f"def {name}(p):" in SCRIPT for name in [*DEADLY, *HARMLESS])


def test_every_layer_is_on_or_named(transformer: PythonTransformer) -> None:
    assert set(transformer.layers) <= set(LAYERS)
    assert {"seccomp", "limits"} <= set(transformer.layers)
