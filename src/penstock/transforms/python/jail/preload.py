"""Loading all that scripts may need: once sealed, the process opens no file."""

from __future__ import annotations

import io
import linecache
import traceback
import zoneinfo
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from penstock.transforms.python.jail.modules import ALLOWED, THIRD_PARTY, load

_LATE: Final = (
    "_strptime",
    "encodings.idna",
    "encodings.punycode",
    "encodings.latin_1",
    "encodings.utf_16",
    "encodings.utf_32",
    "encodings.cp1252",
    "encodings.ascii",
    "encodings.utf_8_sig",
    "encodings.unicode_escape",
    "encodings.raw_unicode_escape",
    "encodings.hex_codec",
    "encodings.base64_codec",
    "encodings.rot_13",
    "pyarrow.compute",
    "stringprep",
    "email.message",
    "email.parser",
    "locale",
    "pprint",
)
"""Modules that others import only when first used."""


def preload(extra: tuple[str, ...]) -> list[Any]:
    """Import everything and use it once; what is returned must stay alive."""
    for name in [*sorted(ALLOWED - {"urlparse"}), *_LATE, *extra]:
        if not name.startswith(("penstock", "io.hevo")):
            load(name)
    for parts in THIRD_PARTY.values():
        for part in parts:
            load(part)
    datetime.strptime("2024", "%Y").replace(tzinfo=UTC).strftime("%c")
    "é".encode("idna")
    traceback.format_exc()
    linecache.clearcache()
    _warm_arrow()
    return [*_zones(), _user_agents(), _dateutil(), _pytz()]


def _warm_arrow() -> None:
    sink = io.BytesIO()
    batch = pa.record_batch({"a": pa.array([1]), "b": pa.array(["x"])})
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    pa.ipc.open_stream(sink.getvalue()).read_all()
    pa.array([datetime(2024, 1, 1, tzinfo=UTC)], pa.timestamp("us", tz="UTC")).to_pylist()


def _zones() -> list[zoneinfo.ZoneInfo]:
    """Every time zone of the system; those it lacks come from pytz."""
    names = zoneinfo.available_timezones()
    if not names and (pytz := load("pytz")):
        folder = Path(pytz.__file__ or "").parent / "zoneinfo"
        zoneinfo.reset_tzpath(to=[str(folder)])
        names = zoneinfo.available_timezones()
    return [zoneinfo.ZoneInfo(name) for name in sorted(names)]


def _pytz() -> object:
    """Every file of pytz in memory; it builds zones from them when asked."""
    pytz = load("pytz")
    if pytz is None:
        return None
    held = {}
    for name in pytz.all_timezones:
        with pytz.open_resource(name) as file:
            held[name] = file.read()
    vars(pytz).update(
        open_resource=lambda name: io.BytesIO(held[name]), resource_exists=held.__contains__
    )
    return held


def _dateutil() -> object:
    zones = load("dateutil.zoneinfo")
    return None if zones is None else zones.get_zonefile_instance()


def _user_agents() -> object:
    parser = load("ua_parser.user_agent_parser")
    if parser is None:
        return None
    return parser.Parse("Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0")
