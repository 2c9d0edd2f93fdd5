"""What a script returns, raises and prints, row by row (transformations.md 2 and 3), in process."""

from __future__ import annotations

import enum
import pathlib
import textwrap
import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from penstock.transforms.python.api import Properties
from penstock.transforms.python.console import Console, PerMinute
from penstock.transforms.python.jail.modules import ALLOWED
from penstock.transforms.python.jail.modules import load as load_module
from penstock.transforms.python.outputs import Built, Outputs
from penstock.transforms.python.runner import Failure, run
from penstock.transforms.python.script import ScriptError, load


@pytest.fixture(autouse=True, scope="module")
def modules_are_there() -> None:
    """The sandbox loads them all before it is sealed."""
    for name in (ALLOWED | {"pytz"}) - {"urlparse"}:
        load_module(name)


def ran(
    body: str, *rows: dict[str, Any], keys: tuple[str, ...] = ()
) -> tuple[Outputs, list[Failure]]:
    script = load(textwrap.dedent(body), frozenset(), lambda _text: None)
    fields = [Properties(row) for row in rows or ({"id": 1},)]
    return run(script, "books", keys, fields, [0])


def names(outputs: Outputs) -> list[str]:
    return [group.name for group in built(outputs) for _ in range(len(group.origins))]


def built(outputs: Outputs) -> list[Built]:
    groups, bad = outputs.build({})
    assert bad == {}
    return groups


def fields(outputs: Outputs) -> list[dict[str, Any]]:
    return [
        dict(zip(group.names, row, strict=True))
        for group in built(outputs)
        for row in zip(*(c.array.to_pylist() for c in group.columns), strict=True)
    ]


HEAD = "from io.hevo.api import Event\n"
KEEP = [
    ("return event", ["books"]),
    ("return Event('new', {})", ["new"]),
    ("return [event, Event('new', {'a': 1})]", ["books", "new"]),
    ("return [Event('new', {'a': 1})]", ["new"]),
    ("return (event,)", ["books"]),
    ("return (e for e in [event, event])", ["books", "books"]),
    ("return [None, event, None]", ["books"]),
    ("return None", []),
    ("pass", []),
    ("return []", []),
    ("return ()", []),
    ("yield event", ["books"]),
]


@pytest.mark.parametrize(("body", "kept"), KEEP)
def test_what_goes_on(body: str, kept: list[str]) -> None:
    outputs, failures = ran(f"{HEAD}def transform(event):\n    {body}")
    assert failures == []
    assert names(outputs) == kept


BAD = [
    ("return {}", "TRANSFORM_BAD_RETURN"),
    ("return 'books'", "TRANSFORM_BAD_RETURN"),
    ("return True", "TRANSFORM_BAD_RETURN"),
    ("return [[event]]", "TRANSFORM_BAD_RETURN"),
    ("return [event, {}]", "TRANSFORM_BAD_RETURN"),
    ("return [event] * 10001", "TRANSFORM_TOO_MANY_EVENTS"),
    ("return (Event('x', {'i': i}) for i in __import__('itertools').count())",
     "TRANSFORM_TOO_MANY_EVENTS"),
    ("event.getProperties()['x'] = object(); return event", "TRANSFORM_BAD_VALUE"),
    ("event.getProperties()['x'] = {'y': object()}; return event", "TRANSFORM_BAD_VALUE"),
    ("event.getProperties()['x'] = 1j; return event", "TRANSFORM_BAD_VALUE"),
    ("event.getProperties()[''] = 1; return event", "TRANSFORM_BAD_FIELD_NAME"),
    ("event.setPrimaryKeys(['x']); return event", "TRANSFORM_PRIMARY_KEY_MISSING"),
    ("event.setPrimaryKeys('id'); event.getProperties()['id'] = None; return event",
     "TRANSFORM_PRIMARY_KEY_MISSING"),
    ("event._name = ' '; return event", "TRANSFORM_BAD_EVENT_NAME"),
    ("event._name = None; return event", "TRANSFORM_BAD_EVENT_NAME"),
    ("event._name = 'x' * 513; return event", "TRANSFORM_BAD_EVENT_NAME"),
    ("return 1 / 0", "TRANSFORM_EXCEPTION"),
    ("del event.getProperties()['missing']", "TRANSFORM_EXCEPTION"),
    ("raise MemoryError", "TRANSFORM_MEMORY"),
    ("raise SystemExit", "TRANSFORM_EXCEPTION"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "sub_code"), BAD)
def test_what_is_set_aside(body: str, sub_code: str) -> None:
    outputs, failures = ran(f"{HEAD}def transform(event):\n    {body}", {"id": 1}, {"id": 2})
    assert [(one.row, one.sub_code) for one in failures] == [(0, sub_code), (1, sub_code)]
    assert names(outputs) == []


def test_nothing_of_an_event_that_fails_late_goes_on() -> None:
    outputs, failures = ran(
        "def transform(event):\n"
        "    yield event\n"
        "    if event.getProperties()['id'] == 2: raise ValueError('late')\n",
        {"id": 1}, {"id": 2}, {"id": 3},
    )  # fmt: skip
    assert [one.row for one in failures] == [1]
    assert fields(outputs) == [{"id": 1}, {"id": 3}]


def test_ten_thousand_events_of_one_are_fine() -> None:
    outputs, failures = ran("def transform(event):\n    return [event] * 10000")
    assert failures == []
    assert len(names(outputs)) == 10_000


def test_the_same_event_twice_and_shared_objects_come_apart() -> None:
    outputs, _ = ran(
        HEAD + "def transform(event):\n"
        "    shared = {'a': [1]}\n"
        "    event.getProperties()['x'] = shared\n"
        "    yield event\n"
        "    shared['a'].append(2)\n"
        "    yield event\n"
    )
    assert [row["x"] for row in fields(outputs)] == ['{"a":[1]}', '{"a":[1,2]}']


def test_a_missing_key_is_named() -> None:
    _, failures = ran("def transform(event):\n    event.setPrimaryKeys(['x'])\n    return event")
    assert failures[0].reason == "'x'"


def test_a_bad_value_names_its_field() -> None:
    _, failures = ran(
        "def transform(event):\n    event.getProperties()['f'] = len\n    return event"
    )
    assert failures[0].reason.startswith("f: values of type builtin_function_or_method")


def test_an_error_has_its_line_and_frames_of_the_script_alone() -> None:
    _, failures = ran("def inner(x):\n    return x['no']\n\ndef transform(event):\n    inner({})\n")
    assert failures[0].line == 2
    assert failures[0].reason == "KeyError: 'no'"
    assert failures[0].traceback == (
        "  line 5, in transform\n    inner({})\n"
        "  line 2, in inner\n    return x['no']\nKeyError: 'no'"
    )


class Shade(enum.Enum):
    RED = 1


@pytest.mark.parametrize(
    ("value", "loaded"),
    [
        ((1, "a"), '[1,"a"]'),
        ({3}, "[3]"),
        ([date(2024, 5, 6)], '["2024-05-06"]'),
        (
            {"d": Decimal("1.50"), "n": float("nan"), "t": time(9)},
            '{"d":1.50,"n":null,"t":"09:00:00"}',
        ),
        ({1: 2}, '{"1":2}'),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Shade.RED, "Shade.RED"),
        (pathlib.PurePosixPath("/a"), "/a"),
        (float("nan"), None),
        (float("-inf"), None),
        (datetime(2024, 5, 6, 7), datetime(2024, 5, 6, 7, tzinfo=UTC)),  # noqa: DTZ001
        (
            datetime(2024, 5, 6, 7, tzinfo=timezone(timedelta(hours=2))),
            datetime(2024, 5, 6, 5, tzinfo=UTC),
        ),
        (2**40, 2**40),
        (2**70, Decimal(2**70)),
        (Decimal("1.50"), Decimal("1.50")),
        (Decimal("NaN"), None),
        (b"\x00", b"\x00"),
        (True, True),
    ],
)
def test_values_that_are_loaded(value: Any, loaded: Any) -> None:
    script = load("def transform(event):\n    return event", frozenset(), lambda _text: None)
    outputs, failures = run(script, "e", (), [Properties(x=value)], [0])
    assert failures == []
    (row,) = fields(outputs)
    assert row["x"] == loaded
    assert type(row["x"]) is type(loaded)


def test_values_within_each_other_have_a_limit() -> None:
    body = (
        "def transform(event):\n"
        "    x = 1\n"
        "    for _ in range({n}): x = [x]\n"
        "    event.getProperties()['x'] = x\n"
        "    return event"
    )
    assert ran(body.format(n=64))[1] == []
    assert ran(body.format(n=65))[1][0].sub_code == "TRANSFORM_BAD_VALUE"
    own = "def transform(event):\n    p = event.getProperties()\n    p['p'] = p\n    return event"
    assert ran(own)[1][0].sub_code == "TRANSFORM_BAD_VALUE"


def test_half_a_surrogate_pair_costs_its_event_only() -> None:
    outputs, failures = ran(
        "def transform(event):\n"
        "    p = event.getProperties()\n"
        "    p['t'] = '\\ud800' if p['id'] == 2 else 'x'\n"
        "    return event\n",
        {"id": 1}, {"id": 2}, {"id": 3},
    )  # fmt: skip
    assert failures == []
    groups, bad = outputs.build({})
    assert list(bad) == [1]
    assert groups[0].origins.to_pylist() == [0, 2]


def test_null_that_is_set_is_told_from_a_field_that_is_missing() -> None:
    outputs, _ = ran(
        "def transform(event):\n"
        "    p = event.getProperties()\n"
        "    if p['id'] == 1: p['x'] = None\n"
        "    if p['id'] == 3: p['x'] = 'there'\n"
        "    return event\n",
        {"id": 1}, {"id": 2}, {"id": 3},
    )  # fmt: skip
    (group,) = built(outputs)
    column = group.columns[group.names.index("x")]
    assert column.array.to_pylist() == [None, None, "there"]
    assert column.nulls is not None
    assert column.nulls.to_pylist() == [True, False, False]


@pytest.mark.parametrize(
    "line",
    [
        "from io.hevo.api import Event",
        "from io.hevo.api import Utils",
        "from io.hevo.api import TimeUtils",
        "from io.hevo.api import Event, Utils, TimeUtils",
        "import io.hevo.api; Event = io.hevo.api.Event",
        "import io.hevo.api as x; Event = x.Event",
        "from penstock.transform.api import Event, Utils, TimeUtils",
        "import penstock.transform.api as x; Event = x.Event",
        "import io; assert io.StringIO('a').read() + io.BytesIO(b'b').read().decode() == 'ab'",
        "import re, string, textwrap, unicodedata, difflib, html, json, csv, base64, binascii",
        "import struct, copy, collections, enum, dataclasses, typing, uuid, ipaddress",
        "import math, cmath, decimal, fractions, statistics, random, numbers, datetime, time",
        "import calendar, zoneinfo, pytz, itertools, functools, operator, bisect, heapq, hashlib",
        "import hmac, zlib, gzip, urllib.parse, html.parser, email.utils, sys; sys.version_info",
        "import xml.etree.ElementTree as ET; assert ET.fromstring('<a><b/></a>')[0].tag == 'b'",
        "from collections import OrderedDict, namedtuple; namedtuple('P', 'x y')(1, 2)",
        "from urllib import quote; assert quote('a b') == 'a%20b'",
        "import urlparse; assert urlparse.urlparse('http://h/p').path == '/p'",
        "assert (unicode, basestring, long, unichr(97), xrange(1)[0]) == (str, str, int, 'a', 0)",
        "assert reduce(lambda a, b: a + b, [1, 2]) == 3",
        "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: 'int' = 1\nA()",
        "class Helper(object):\n    def f(self): return super(Helper, self)",
    ],
)
def test_what_scripts_may_use(line: str) -> None:
    outputs, failures = ran(f"{line}\ndef transform(event):\n    return event")
    assert failures == []
    assert names(outputs) == ["books"]


@pytest.mark.parametrize(
    "module",
    ["os", "subprocess", "socket", "ssl", "http", "urllib.request", "requests", "threading",
     "multiprocessing", "asyncio", "ctypes", "importlib", "pickle", "marshal", "shutil", "pathlib",
     "tempfile", "signal", "resource", "gc", "inspect", "builtins"],
)  # fmt: skip
def test_modules_that_are_denied(module: str) -> None:
    with pytest.raises(ScriptError, match=rf"^ModuleNotAllowed: {module} \(line 2\)$") as raised:
        ran(f"\nimport {module}\ndef transform(event): pass")
    assert raised.value.line == 2


@pytest.mark.parametrize(
    "line",
    ["open('x')", "exec('1')", "eval('1')", "compile('1', '', 'eval')", "input()", "raw_input()",
     "breakpoint()", "globals()", "vars()", "import time; time.sleep(1)", "import sys; sys.path",
     "import sys; sys.modules", "import io; io.open('x')",
     "import xml.etree.ElementTree as E; E.fromstring('<!DOCTYPE a [<!ENTITY b \"c\">]><a/>')"],
)  # fmt: skip
def test_names_that_are_denied(line: str) -> None:
    with pytest.raises(ScriptError):
        ran(f"{line}\ndef transform(event): pass")


@pytest.mark.parametrize(
    ("text", "reason", "line"),
    [
        ("def transform(event):\n    print 'x'", "SyntaxError", 2),
        ("x = 1", "no function transform", None),
        ("transform = 5", "no function transform", None),
        ("\n\n1 / 0", "ZeroDivisionError: division by zero", 3),
    ],
)
def test_scripts_that_cannot_be_used(text: str, reason: str, line: int | None) -> None:
    with pytest.raises(ScriptError, match=reason) as raised:
        load(text, frozenset(), lambda _text: None)
    assert raised.value.line == line


def test_what_is_printed_is_kept_within_limits() -> None:
    console = Console(3)
    load(
        "print('a', 1)\nprint('b', end='')\nprint('c')\nprint('x' * 2000)\nprint('too much')\n"
        "def transform(event): pass",
        frozenset(),
        console.show,
    )
    assert console.taken() == ["a 1", "bc", "x" * 1000]
    console.show("next\n")
    assert console.taken() == ["next"]


def test_a_job_shows_twenty_lines_a_minute() -> None:
    shown: list[str] = []
    now = [0.0]
    console = PerMinute(shown.append, lambda: now[0])
    for number in range(30):
        console(str(number))
    now[0] = 60.0
    console("next minute")
    assert shown == [str(number) for number in range(20)] + ["next minute"]


def test_modules_that_an_installation_adds() -> None:
    load("import shlex\ndef transform(event): pass", frozenset({"shlex"}), lambda _text: None)
