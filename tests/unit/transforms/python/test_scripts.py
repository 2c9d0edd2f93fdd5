"""Whole scripts as users write them, in the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from penstock.core.errors import ConfigError
from penstock.core.types import json_array
from penstock.transform import api as native
from penstock.transforms.events import Events, Transformed
from penstock.transforms.python import api
from penstock.transforms.python.check import check
from penstock.transforms.python.host import PythonTransformer

FLATTEN = """
from io.hevo.api import Event
from io.hevo.api import Utils

# Expand objects and JSON strings into parent_child fields until none is left, then turn every
# array into child events.

def has_nested(properties):
    for key in properties.keys():
        value = properties.get(key)
        if Utils.isDict(value):
            return True
        if "varchar" in Utils.getType(value) and value.startswith('{'):
            return True
    return False

def expand(properties):
    for key in properties.keys():
        value = properties[key]
        if not Utils.isDict(value):
            if not ("varchar" in Utils.getType(value) and value.startswith('{')):
                continue
            value = Utils.jsonStringToDict(value)
        for child_key, child_value in value.iteritems():
            properties[key + '_' + child_key] = child_value
        del properties[key]

def transform(event):
    properties = event.getProperties()
    while has_nested(properties):
        expand(properties)
    event.setProperties(properties)
    events = [event]
    for field in properties.keys():
        if event.getType(field) == 'array':
            index = 0
            for item in properties[field]:
                row = {'ref_id': properties['__hevo_id'], 'index': index}
                if Utils.isDict(item):
                    row.update(item)
                else:
                    row['value'] = item
                events.append(Event(event.getEventName() + '_' + field, row))
                index += 1
            del properties[field]
    return events
"""


@pytest.fixture
def transformers() -> Iterator[list[PythonTransformer]]:
    made: list[PythonTransformer] = []
    yield made
    for one in made:
        one.close()


def ran(made: list[PythonTransformer], script: str, columns: dict[str, Any]) -> Transformed:
    try:
        made.append(PythonTransformer(script, processes=1))
    except ConfigError as error:
        if error.code == "transform.sandbox":
            pytest.skip(str(error))
        raise
    batch = pa.record_batch(columns)
    origin = pa.array(range(batch.num_rows), pa.int32())
    return made[0].transform(Events("orders", (), batch, origin))


def test_a_script_of_the_field_runs_unchanged(transformers: list[PythonTransformer]) -> None:
    assert [problem for problem in check(FLATTEN) if problem.error] == []
    result = ran(
        transformers,
        FLATTEN,
        {
            "_ps_id": pa.array(["h1", "h2"]),
            "id": pa.array([1, 2]),
            "customer": json_array(
                pa.array(['{"name":"Ana","address":{"city":"Oslo","geo":"{\\"lat\\":1.5}"}}', None])
            ),
            "raw": pa.array(['{"a": {"b": 1}}', "plain"]),
            "lines": json_array(pa.array(['[{"sku":"x","qty":2},{"sku":"y"}]', "[7]"])),
        },
    )
    assert result.refused == ()
    orders, lines = result.outputs
    assert orders.rows.to_pylist() == [
        {
            "_ps_id": "h1", "id": 1, "customer_name": "Ana", "customer_address_city": "Oslo",
            "customer_address_geo_lat": 1.5, "raw_a_b": 1, "raw": None,
        },
        {
            "_ps_id": "h2", "id": 2, "customer_name": None, "customer_address_city": None,
            "customer_address_geo_lat": None, "raw_a_b": None, "raw": "plain",
        },
    ]  # fmt: skip
    assert lines.name == "orders_lines"
    assert lines.rows.to_pylist() == [
        {"ref_id": "h1", "index": 0, "sku": "x", "qty": 2, "value": None},
        {"ref_id": "h1", "index": 1, "sku": "y", "qty": None, "value": None},
        {"ref_id": "h2", "index": 0, "sku": None, "qty": None, "value": 7},
    ]
    assert (orders.nulls, lines.nulls) == ({}, {})


MODULES = """
import pytz, dateutil.parser, dateutil.tz, zoneinfo, datetime, re, json, hashlib, email.utils
from dateutil.relativedelta import relativedelta
from ua_parser import user_agent_parser
from user_agents import parse

def transform(event):
    p = event.getProperties()
    moment = dateutil.parser.parse('2024-05-06T07:04:05Z')
    p['india'] = moment.astimezone(pytz.timezone('Asia/Kolkata')).strftime('%H:%M')
    p['lima'] = moment.astimezone(zoneinfo.ZoneInfo('America/Lima')).strftime('%H:%M %a')
    p['cairo'] = moment.astimezone(dateutil.tz.gettz('Africa/Cairo')).strftime('%H:%M')
    p['next'] = moment + relativedelta(months=1)
    p['browser'] = user_agent_parser.ParseUserAgent(p['agent'])['family']
    p['phone'] = parse(p['agent']).is_mobile
    p['year'] = datetime.datetime.strptime('2024', '%Y').year
    p['host'] = 'b\\xfccher.example'.encode('idna').decode()
    p['hash'] = hashlib.sha256(b'x').hexdigest()[:4]
    p['mail'] = email.utils.parseaddr('Ana <ana@shop.example>')[1]
    p['found'] = re.sub('[0-9]+', '#', 'a1b22')
    return event
"""


def test_modules_of_the_list_work_behind_the_seal(transformers: list[PythonTransformer]) -> None:
    pytest.importorskip("user_agents")
    agent = "Mozilla/5.0 (Android 14; Mobile; rv:128.0) Gecko/128.0 Firefox/128.0"
    result = ran(transformers, MODULES, {"agent": pa.array([agent])})
    assert result.refused == ()
    (row,) = result.outputs[0].rows.to_pylist()
    assert {k: v for k, v in row.items() if k not in ("agent", "next")} == {
        "india": "12:34",
        "lima": "02:04 Mon",
        "cairo": "10:04",
        "browser": "Firefox Mobile",
        "phone": True,
        "year": 2024,
        "host": "xn--bcher-kva.example",
        "hash": "2d71",
        "mail": "ana@shop.example",
        "found": "a#b#",
    }


def test_editors_get_the_same_names() -> None:
    assert {name: getattr(native, name) for name in native.__all__} == {
        name: getattr(api, name) for name in api.__all__
    }


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("import socket\ndef transform(event): pass", "MODULE_NOT_ALLOWED"),
        ("raise KeyError\ndef transform(event): pass", "SCRIPT"),
        ("def transform(event): pass", None),
    ],
)
def test_a_script_is_checked_before_it_is_deployed(script: str, code: str | None) -> None:
    try:
        problems = check(script)
    except ConfigError as error:
        pytest.skip(str(error))
    assert [problem.code for problem in problems] == ([code] if code else [])
