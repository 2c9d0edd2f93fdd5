"""Which modules scripts may import, and what they see instead of a few of them."""

from __future__ import annotations

import functools
import importlib
import io
import sys
import time
import urllib.parse
from types import ModuleType
from typing import Any, Final

from penstock.transforms.python import api
from penstock.transforms.python.jail import xml_tree

ALLOWED: Final = frozenset(
    {
        *("re", "string", "textwrap", "unicodedata", "difflib", "html", "html.parser"),
        *("json", "csv", "base64", "binascii", "struct", "copy", "collections"),
        *("collections.abc", "enum", "dataclasses", "typing", "uuid", "ipaddress"),
        *("xml", "xml.etree", "xml.etree.ElementTree"),
        *("math", "cmath", "decimal", "fractions", "statistics", "random", "numbers"),
        *("datetime", "time", "calendar", "zoneinfo", "itertools", "functools", "operator"),
        *("bisect", "heapq", "hashlib", "hmac", "zlib", "gzip", "io", "sys"),
        *("urllib", "urllib.parse", "urlparse", "email", "email.utils", "__future__"),
        *("io.hevo", "io.hevo.api", "penstock", "penstock.transform", "penstock.transform.api"),
        *("pyarrow", "pyarrow.compute"),
    }
)
"""Modules of transformations.md 3.5, and Arrow for `transform_batch`."""
THIRD_PARTY: Final = {
    "pytz": ("pytz",),
    "dateutil": ("dateutil", "dateutil.parser", "dateutil.tz", "dateutil.relativedelta",
                 "dateutil.rrule", "dateutil.zoneinfo", "dateutil.utils", "dateutil.easter"),
    "ua_parser": ("ua_parser", "ua_parser.user_agent_parser"),
    "user_agents": ("user_agents", "user_agents.parsers"),
}  # fmt: skip
"""Packages of the extra `transform`, with their parts; pytz is always there."""


def allowed(name: str, extra: frozenset[str] = frozenset()) -> bool:
    """Whether a script may import this module; `extra` is what the installation adds."""
    if name in ALLOWED or any(name in parts for parts in THIRD_PARTY.values()):
        return True
    return any(name == top or name.startswith(f"{top}.") for top in extra)


def views() -> dict[str, ModuleType]:
    """What scripts see under these names in place of the modules of this process."""
    native = _module("penstock.transform.api", {name: getattr(api, name) for name in api.__all__})
    hevo = _module("io.hevo", {"api": native}, package=True)
    transform = _module("penstock.transform", {"api": native}, package=True)
    parse = _module("urlparse", dict(vars(urllib.parse)))
    shown = {
        "io": _module("io", {"StringIO": io.StringIO, "BytesIO": io.BytesIO, "hevo": hevo}),
        "io.hevo": hevo,
        "io.hevo.api": native,
        "penstock": _module("penstock", {"transform": transform}, package=True),
        "penstock.transform": transform,
        "penstock.transform.api": native,
        "sys": _module("sys", {"version_info": sys.version_info, "maxsize": sys.maxsize}),
        "time": _module("time", {**_public(time), "sleep": _sleep}),
        "urlparse": parse,
        "urllib": _module("urllib", _urllib(), package=True),
        "urllib.parse": urllib.parse,
        "xml.etree.ElementTree": xml_tree.module(),
    }
    etree = _module("xml.etree", {"ElementTree": shown["xml.etree.ElementTree"]}, package=True)
    return {**shown, "xml.etree": etree, "xml": _module("xml", {"etree": etree}, package=True)}


def load(name: str) -> ModuleType | None:
    """Import a module while that is possible; None where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def python2_names() -> dict[str, Any]:
    """Builtins of Python 2 that older scripts use."""
    return {
        "unicode": str,
        "basestring": str,
        "long": int,
        "unichr": chr,
        "xrange": range,
        "reduce": functools.reduce,
    }


def _module(name: str, members: dict[str, Any], *, package: bool = False) -> ModuleType:
    made = ModuleType(name)
    vars(made).update({k: v for k, v in members.items() if not k.startswith("__")})
    if package:
        made.__path__ = []
    return made


def _public(module: ModuleType) -> dict[str, Any]:
    return {name: value for name, value in vars(module).items() if not name.startswith("_")}


def _urllib() -> dict[str, Any]:
    """`urllib` with the functions that Python 2 had at its top."""
    names = ("quote", "quote_plus", "unquote", "unquote_plus", "urlencode")
    return {"parse": urllib.parse, **{name: getattr(urllib.parse, name) for name in names}}


def _sleep(seconds: float) -> None:
    if seconds > 0:
        raise RuntimeError("a transformation does not sleep")
