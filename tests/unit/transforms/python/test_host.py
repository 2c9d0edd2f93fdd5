"""Batches through sealed processes: order, books, types, limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from penstock.core.errors import ConfigError
from penstock.core.types import TIME, TIMESTAMP, TIMESTAMPTZ, TIMETZ, UUID, json_array
from penstock.transforms.events import Events, Transformed
from penstock.transforms.python.host import PythonTransformer, check_layers
from penstock.transforms.python.jail.seal import LAYERS
from penstock.transforms.python.process import Limits, Process

Make = Callable[..., PythonTransformer]
HEAD = "from penstock.transform.api import Event\n"


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[PythonTransformer] = []

    def start(script: str, **given: Any) -> PythonTransformer:
        limits = Limits(**given.pop("limits", {}))
        try:
            made.append(PythonTransformer(script, limits, **given))
        except ConfigError as error:
            if error.code == "transform.sandbox":
                pytest.skip(str(error))
            raise
        return made[-1]

    yield start
    for one in made:
        one.close()


def events(columns: dict[str, Any], **given: Any) -> Events:
    batch = pa.table(columns).combine_chunks().to_batches()
    rows = batch[0] if batch else pa.RecordBatch.from_pydict(columns)
    origin = pa.array(range(rows.num_rows), pa.int32())
    return Events("books", given.get("keys", ()), rows, origin, given.get("nulls", {}))


def balanced(given: Events, result: Transformed) -> bool:
    rows = sum(one.rows.num_rows for one in result.outputs)
    return given.rows.num_rows + result.created == rows + len(result.refused) + result.filtered


def test_order_and_books_over_many_slices(make: Make) -> None:
    transformer = make(
        HEAD + "def transform(event):\n"
        "    n = event.getProperties()['n']\n"
        "    if n % 10 == 3: return None\n"
        "    if n % 10 == 4: raise ValueError(n)\n"
        "    if n % 10 == 5: return [event, Event('child', {'of': n}), event]\n"
        "    return event\n",
        processes=2,
    )
    given = events({"n": list(range(12_345))}, keys=("n",))
    result = transformer.transform(given)
    books, child = result.outputs
    expected = [n for n in range(12_345) if n % 10 not in (3, 4) for _ in range(1 + (n % 10 == 5))]
    assert books.rows.column("n").to_pylist() == books.origin.to_pylist() == expected
    assert child.rows.column("of").to_pylist() == child.origin.to_pylist()
    assert (books.keys, child.keys) == (("n",), ())
    assert [one.row for one in result.refused] == [n for n in range(12_345) if n % 10 == 4]
    assert result.filtered == len([n for n in range(12_345) if n % 10 == 3])
    assert balanced(given, result)


def test_an_empty_batch_is_one(make: Make) -> None:
    transformer = make("def transform(event): return event")
    assert transformer.transform(events({"n": pa.array([], pa.int64())})) == Transformed(())


EVERY_TYPE = {
    "flag": pa.array([True, None]),
    "byte": pa.array([1, None], pa.int8()),
    "short": pa.array([1, None], pa.int16()),
    "int": pa.array([1, None], pa.int32()),
    "long": pa.array([2**40, None], pa.int64()),
    "decimal": pa.array([Decimal("1.50"), None], pa.decimal128(10, 2)),
    "wide": pa.array([Decimal(10) ** 50, None], pa.decimal256(60, 0)),
    "float": pa.array([1.5, None], pa.float32()),
    "double": pa.array([0.1, None], pa.float64()),
    "text": pa.array(["ü", None]),
    "bytes": pa.array([b"\x00", None]),
    "date": pa.array([1, None], pa.int32()).cast(pa.date32()),
    "time": pa.array([1, None], pa.int64()).cast(TIME),
    "timetz": pa.ExtensionArray.from_storage(TIMETZ, pa.array(["10:00:00+02:00", None])),
    "local": pa.array([1, None], TIMESTAMP),
    "instant": pa.array([1, None], TIMESTAMPTZ),
    "uuid": pa.array([b"\0" * 15 + b"\1", None], pa.binary(16)).cast(UUID),
    "json": json_array(pa.array(['{"a":[1,2.5,null,"x"]}', None])),
    "list": pa.array([["a", None], None]),
    "numbers": pa.array([[1, None], None], pa.list_(pa.int16())),
    "doubles": pa.array([[1.0, 0.1], None], pa.list_(pa.float64())),
}


def test_what_a_script_leaves_alone_comes_back_as_it_was(make: Make) -> None:
    given = events(EVERY_TYPE)
    (out,) = make("def transform(event): return event").transform(given).outputs
    assert out.rows.schema.equals(given.rows.schema)
    assert out.rows.equals(given.rows)
    assert out.nulls == {}


def test_scripts_see_python_values(make: Make) -> None:
    transformer = make(
        "def transform(event):\n"
        "    p = event.getProperties()\n"
        "    event.setProperties({k: type(v).__name__ for k, v in p.items()})\n"
        "    return event\n"
    )
    (out,) = transformer.transform(events(EVERY_TYPE)).outputs
    assert out.rows.slice(0, 1).to_pylist()[0] == {
        "flag": "bool", "byte": "int", "short": "int", "int": "int", "long": "int",
        "decimal": "Decimal", "wide": "Decimal", "float": "float", "double": "float",
        "text": "str", "bytes": "bytes", "date": "date", "time": "time", "timetz": "time",
        "local": "datetime", "instant": "datetime", "uuid": "str", "json": "Properties",
        "list": "list", "numbers": "list", "doubles": "list",
    }  # fmt: skip
    assert out.rows.slice(1, 1).to_pylist()[0] == dict.fromkeys(EVERY_TYPE)


def test_moments_beyond_the_year_9999_are_text(make: Make) -> None:
    given = events({"t": pa.array([2**62, 0], TIMESTAMPTZ)})
    (out,) = make("def transform(event): return event").transform(given).outputs
    assert out.rows.column("t")[1].as_py() == "1970-01-01T00:00:00Z"


def test_null_that_was_set_stays_told_from_missing(make: Make) -> None:
    transformer = make(
        "def transform(event):\n"
        "    p = event.getProperties()\n"
        "    p['has'] = 'x' in p\n"
        "    return event\n"
    )
    marks = {"x": pa.array([False, True, False])}
    (out,) = transformer.transform(events({"x": [1, None, None]}, nulls=marks)).outputs
    assert out.rows.column("has").to_pylist() == [True, True, False]
    assert out.nulls["x"].to_pylist() == [False, True, False]


def test_values_of_several_types_meet_by_the_rules_of_promotion(make: Make) -> None:
    transformer = make(
        "def transform(event):\n"
        "    p = event.getProperties()\n"
        "    p['x'] = [1, 'a', 2.5, {'k': 1}, True][p['n'] % 5]\n"
        "    p['y'] = [1, 2.5][p['n'] % 2]\n"
        "    return event\n"
    )
    (out,) = transformer.transform(events({"n": list(range(5))})).outputs
    assert out.rows.column("x").to_pylist() == ["1", "a", "2.5", '{"k":1}', "true"]
    assert out.rows.schema.field("y").type == pa.float64()


def test_types_of_slices_meet(make: Make) -> None:
    transformer = make(
        "def transform(event):\n"
        "    p = event.getProperties()\n"
        "    return event if event.setProperties({'x': p['n'] if p['n'] < 6000 else 'a'}) is None"
        " else None\n",
        processes=2,
    )
    (out,) = transformer.transform(events({"n": list(range(11_000))})).outputs
    assert out.rows.column("x").to_pylist() == [str(n) for n in range(6000)] + ["a"] * 5000


def test_an_endless_event_costs_itself_alone(make: Make) -> None:
    transformer = make(
        "def transform(event):\n"
        "    while event.getProperties()['n'] == 2: pass\n"
        "    return event\n",
        limits={"event_seconds": 1.0},
    )
    given = events({"n": list(range(5))})
    result = transformer.transform(given)
    assert [(r.row, r.code, r.sub_code) for r in result.refused] == [
        (2, "TRANSFORM_TIMEOUT", "TRANSFORM_TIMEOUT")
    ]
    assert result.outputs[0].origin.to_pylist() == [0, 1, 3, 4]
    assert balanced(given, result)


def test_want_of_memory_costs_its_event_alone(make: Make) -> None:
    transformer = make(
        "def transform(event):\n"
        "    held = []\n"
        "    while event.getProperties()['n'] == 1: held.append(bytearray(1 << 20))\n"
        "    return event\n",
        limits={"memory_bytes": 128 << 20},
    )
    given = events({"n": [0, 1, 2]})
    result = transformer.transform(given)
    assert [(r.row, r.code, r.sub_code) for r in result.refused] == [
        (1, "TRANSFORM_ERROR", "TRANSFORM_MEMORY")
    ]
    assert balanced(given, result)


def test_code_of_the_module_has_a_limit_of_its_own(make: Make) -> None:
    with pytest.raises(ConfigError, match="took more than 1 s"):
        make("while True: pass", limits={"module_seconds": 1.0})


def test_a_script_that_cannot_be_used_is_refused_with_its_line(make: Make) -> None:
    with pytest.raises(ConfigError, match="ZeroDivisionError") as raised:
        make("x = 1\n\n1 / 0\n")
    assert (raised.value.code, raised.value.where["line"]) == ("transform.script", 3)
    with pytest.raises(ConfigError, match="256 KiB"):
        make("#" * (256 * 1024 + 1))


def test_what_is_printed_comes_back(make: Make) -> None:
    lines: list[str] = []
    transformer = make(
        "print('start')\ndef transform(event): print('event', event.getEventName())",
        on_console=lines.append,
    )
    transformer.transform(events({"n": [1, 2]}))
    assert lines == ["start", "event books", "event books"]


def test_code_of_the_module_runs_once_for_many_batches(make: Make) -> None:
    transformer = make(
        "seen = []\n"
        "def transform(event):\n"
        "    seen.append(1)\n"
        "    event.getProperties()['seen'] = len(seen)\n"
        "    return event\n",
        processes=1,
    )
    for batch in (1, 2):
        (out,) = transformer.transform(events({"n": [0]})).outputs
        assert out.rows.column("seen").to_pylist() == [batch]


class TestBatches:
    def test_a_batch_is_arrow_in_and_out(self, make: Make) -> None:
        transformer = make(
            "import pyarrow as pa\nimport pyarrow.compute as pc\n"
            "def transform_batch(batch: pa.RecordBatch) -> pa.RecordBatch:\n"
            "    batch = batch.filter(pc.greater(batch['n'], 2))\n"
            "    return batch.append_column('twice', pc.multiply(batch['n'], 2))\n"
        )
        given = events({"n": list(range(6))}, keys=("n",))
        result = transformer.transform(given)
        (out,) = result.outputs
        assert out.rows.to_pydict() == {"n": [3, 4, 5], "twice": [6, 8, 10]}
        assert out.origin.to_pylist() == [3, 4, 5]
        assert (out.keys, result.filtered) == (("n",), 3)
        assert balanced(given, result)

    def test_the_row_at_fault_is_found(self, make: Make) -> None:
        transformer = make(
            "def transform_batch(batch):\n"
            "    assert 5 not in batch['n'].to_pylist()\n"
            "    return batch\n"
        )
        given = events({"n": list(range(9))})
        result = transformer.transform(given)
        assert [(r.row, r.line) for r in result.refused] == [(5, 2)]
        assert [n for o in result.outputs for n in o.rows.column("n").to_pylist()] == [
            0, 1, 2, 3, 4, 6, 7, 8,
        ]  # fmt: skip
        assert balanced(given, result)

    def test_rows_that_lose_their_place_are_refused(self, make: Make) -> None:
        transformer = make("def transform_batch(batch): return batch.select(['n']).slice(1)")
        result = transformer.transform(events({"n": [1, 2]}))
        assert {r.sub_code for r in result.refused} == {"TRANSFORM_BAD_RETURN"}
        assert len(result.refused) == 2

    def test_files_are_out_of_reach(self, make: Make) -> None:
        transformer = make(
            "import pyarrow as pa\n"
            "def transform_batch(batch):\n"
            "    pa.memory_map('/etc/passwd')\n"
            "    return batch\n"
        )
        (one,) = transformer.transform(events({"n": [1]})).refused
        assert "PermissionError" in one.reason


class Unsealed(Process):
    """A process that says it lacks layers."""

    def __init__(self, on: tuple[str, ...]) -> None:
        self.layers = on
        self.missing = {name: "not here" for name in LAYERS if name not in on}


def test_a_missing_layer_stops_all_unless_the_administrator_allows_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without = Unsealed(tuple(name for name in LAYERS if name != "landlock"))
    monkeypatch.delenv("PENSTOCK_SANDBOX", raising=False)
    with pytest.raises(ConfigError, match="landlock: not here") as raised:
        check_layers(without)
    assert raised.value.code == "transform.sandbox"
    monkeypatch.setenv("PENSTOCK_SANDBOX", "weaker")
    check_layers(without)
    with pytest.raises(ConfigError, match="seccomp"):
        check_layers(Unsealed(tuple(name for name in LAYERS if name != "seccomp")))


def test_layers_are_reported(make: Make) -> None:
    assert set(make("def transform(event): pass").layers) <= set(LAYERS)
