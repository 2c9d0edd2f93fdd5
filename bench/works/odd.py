"""Columns of less usual types, from MariaDB and PostgreSQL into DuckDB: whose values arrive?

One row of values that the server's documentation allows. Each value in the copy is compared with
what was inserted; text that writes the same number, time or document counts as equal.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

import duckdb

from bench.databases.equal import ask
from bench.databases.tables import execute
from bench.databases.tools import TOOLS, Route, Tool
from bench.measure import Failed
from bench.setting import Results, Setting, say
from bench.works.full import clear, copy, target_url

# A name, its type, the value as SQL, the value as Python has it.
Column = tuple[str, str, str, Any]
_MARIA = [
    ("big_unsigned", "bigint unsigned", "18446744073709551615", 18446744073709551615),
    ("decimal_30", "decimal(30,12)", "123456789012345678.123456789012",
     Decimal("123456789012345678.123456789012")),
    ("decimal_65", "decimal(65,10)", "1234567890123456789012345678901234567890.0123456789",
     Decimal("1234567890123456789012345678901234567890.0123456789")),
    ("micros", "datetime(6)", "'2024-02-29 23:59:59.123456'",
     datetime(2024, 2, 29, 23, 59, 59, 123456)),  # noqa: DTZ001 (the column has no zone)
    ("duration", "time", "'-12:30:15'", "-12:30:15"),
    ("early", "date", "'1000-01-01'", date(1000, 1, 1)),
    ("binary_id", "binary(4)", "x'00ff10ab'", bytes.fromhex("00ff10ab")),
    ("bits", "bit(12)", "b'101000000001'", 0b101000000001),
    ("emoji", "varchar(20) character set utf8mb4", "'naïve 🐟'", "naïve 🐟"),
    ("latin", "varchar(20) character set latin1", "'Größe'", "Größe"),
    ("choice", "enum('a','b')", "'b'", "b"),
    ("some", "set('x','y','z')", "'x,z'", "x,z"),
    ("document", "json", """'{"n": 12345678901234567890}'""", {"n": 12345678901234567890}),
    ("small_float", "float", "0.1", 0.1),
    ("double_edge", "double", "1.7976931348623157e308", 1.7976931348623157e308),
    ("empty", "varchar(10)", "''", ""),
    ("the_word_null", "varchar(10)", "'NULL'", "NULL"),
]  # fmt: skip
_POSTGRES = [
    ("free_numeric", "numeric", "12345678901234567890.123456789012345678",
     Decimal("12345678901234567890.123456789012345678")),
    ("numeric_30", "numeric(30,12)", "123456789012345678.123456789012",
     Decimal("123456789012345678.123456789012")),
    ("big", "bigint", "9223372036854775807", 9223372036854775807),
    ("instant", "timestamptz", "'2024-02-29 23:59:59.123456+02'",
     datetime(2024, 2, 29, 21, 59, 59, 123456, UTC)),
    ("span", "interval", "'1 mon 2 days 03:04:05'", "1 mon 2 days 03:04:05"),
    ("clock", "time", "'23:59:59.999999'", "23:59:59.999999"),
    ("id", "uuid", "'123e4567-e89b-12d3-a456-426614174000'",
     UUID("123e4567-e89b-12d3-a456-426614174000")),
    ("document", "jsonb", """'{"n": 12345678901234567890}'""", {"n": 12345678901234567890}),
    ("bytes", "bytea", "'\\x00ff10ab'", bytes.fromhex("00ff10ab")),
    ("numbers", "integer[]", "'{1,NULL,3}'", [1, None, 3]),
    ("address", "inet", "'192.0.2.7/32'", "192.0.2.7"),
    ("bits", "bit(12)", "B'101000000001'", "101000000001"),
    ("price", "money", "'1234567.89'", Decimal("1234567.89")),
    ("double_edge", "float8", "1.7976931348623157e308", 1.7976931348623157e308),
    ("empty", "varchar(10)", "''", ""),
    ("the_word_null", "varchar(10)", "'NULL'", "NULL"),
]  # fmt: skip
_TABLES = {"mysql": _MARIA, "postgres": _POSTGRES}
_NAMES = {"mysql": "MariaDB", "postgres": "PostgreSQL"}


def measure(setting: Setting) -> dict[str, Any]:
    results = Results()
    tools = setting.tools([name for name in TOOLS if name != "bare reference"], results)
    lost: dict[str, dict[str, Any]] = {name: {} for name in tools}
    for engine, columns in _TABLES.items():
        for name, tool in tools.items():
            lost[name][_NAMES[engine]] = _wrong(setting, tool, engine, columns)
            say(f"{name} from {_NAMES[engine]}: {lost[name][_NAMES[engine]]}")
    counts = {_NAMES[engine]: len(columns) for engine, columns in _TABLES.items()}
    found = {name: {"wrong_columns": columns} for name, columns in lost.items()}
    return {"columns": counts, "tools": found | results.figures()}


def _wrong(setting: Setting, tool: Tool, engine: str, columns: Sequence[Column]) -> dict[str, str]:
    """What became of the columns that did not arrive. A table that stops the tool is halved, so
    that one column does not hide the others."""
    url = _fill(setting, engine, columns)
    route = Route(url, target_url(setting, "duckdb", f"odd_{tool.name}"), "odd", "pk")
    clear(setting, route)
    try:
        return _compared(setting, tool, route, columns)
    except Failed as error:
        if len(columns) == 1:
            return {columns[0][0]: _stopped(str(error))}
        half = len(columns) // 2
        parts = (columns[:half], columns[half:])
        first, second = (_wrong(setting, tool, engine, part) for part in parts)
        return first | second
    finally:
        clear(setting, route)


def _fill(setting: Setting, engine: str, table: Sequence[Column]) -> str:
    columns = ", ".join(f"{name} {kind}" for name, kind, _, _ in table)
    create = f"create table odd (pk int primary key, {columns})"
    insert = f"insert into odd values (1, {', '.join(value for _, _, value, _ in table)})"
    if engine == "postgres":
        url = setting.servers.postgres.fresh("odd")
        execute(url, create, insert)
        return url
    setting.servers.maria.execute(
        "drop database if exists odd", "create database odd character set utf8mb4", "use odd",
        create, insert,
    )  # fmt: skip
    return setting.servers.maria.url("odd")


def _compared(
    setting: Setting, tool: Tool, route: Route, table: Sequence[Column]
) -> dict[str, str]:
    copy(setting, tool, route, setting.place(f"odd {tool.name}"), merge=False)
    place = tool.place(route)
    try:
        names = {str(row[0]).lower(): row[0] for row in ask(route.target, f"describe {place}")}
        rows = ask(route.target, f"select count(*) from {place}")[0][0]
    except duckdb.Error as error:
        raise Failed(f"no table: {error}") from error
    if rows != 1:
        raise Failed(f"{rows} rows instead of 1")
    wrong: dict[str, str] = {}
    for name, _, _, expected in table:
        if name not in names:
            wrong[name] = "no such column"
            continue
        query = f'select "{names[name]}", cast("{names[name]}" as varchar) from {place}'
        value, text = ask(route.target, query)[0]
        if not same(expected, value) and not same(expected, text):
            wrong[name] = f"became {_short(str(text))}"
    return wrong


def _stopped(said: str) -> str:
    if "ended with 3" in said:  # Penstock's word for rows that it could not load, and kept.
        return "refused, and the row kept as a failed event with the reason"
    return f"stops: {_short(said)}"


def _short(text: str) -> str:
    return " ".join(text.split())[-120:]


def same(expected: Any, found: Any) -> bool:
    """Whether a value, or the text of it, is what was inserted."""
    if found is None or expected is None:
        return found is expected
    if isinstance(expected, int) and isinstance(found, bytes):
        return int.from_bytes(found, "big") == expected
    if isinstance(expected, bool | int | Decimal):
        try:
            return Decimal(str(found).lstrip("$").replace(",", "")) == expected
        except InvalidOperation:
            return False
    if isinstance(expected, float):
        return _float(found) == expected
    if isinstance(expected, datetime):
        return _moment(found) == expected
    if isinstance(expected, bytes):
        return found in (expected, f"\\x{expected.hex()}")
    if isinstance(expected, dict | list):
        return _document(found) == expected
    if isinstance(found, bytes):
        return _bits(expected) == found
    return str(found) == str(expected)


def _bits(expected: Any) -> bytes:
    """A bit string in bytes, as some tools keep it: filled up with zeros at its end."""
    text = str(expected)
    if not text or set(text) - {"0", "1"}:
        return text.encode()
    whole = text.ljust(-(-len(text) // 8) * 8, "0")
    return int(whole, 2).to_bytes(len(whole) // 8, "big")


def _float(found: Any) -> float | None:
    try:
        return float(found)
    except (TypeError, ValueError):
        return None


def _moment(found: Any) -> datetime | None:
    try:
        moment = found if isinstance(found, datetime) else datetime.fromisoformat(str(found))
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment


def _document(found: Any) -> Any:
    if isinstance(found, dict | list):
        return found
    text = str(found)
    if text.startswith("{") and ":" not in text:  # An array as PostgreSQL writes it.
        text = f"[{text[1:-1].replace('NULL', 'null')}]"
    try:
        return json.loads(text)
    except ValueError:
        return None
