"""Run `penstock` with a clock around the code that keeps its books.

Arguments: a file for the result, then Penstock's own. The result says by part how many CPU seconds
the calling thread spent inside of it; what such a function calls is counted once. The clock costs
about a microsecond a call, which is counted too.
"""

from __future__ import annotations

import atexit
import functools
import inspect
import json
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

# What books are: the catalog, the ledger in the destination, the cards of packages.
_PARTS = {
    "catalog": ["penstock.store.catalog", "penstock.store.commit", "penstock.store.positions",
                "penstock.store.jobs", "penstock.store.pipelines", "penstock.store.objects",
                "penstock.store.activity", "penstock.store.failed", "penstock.store.mappings"],
    "ledger": ["penstock.sdk.sql.ledger"],
    "packages": ["penstock.engine.package", "penstock.core.books"],
}  # fmt: skip
_inside = threading.local()
_spent: dict[str, float] = dict.fromkeys(_PARTS, 0.0)
_lock = threading.Lock()


def main(result: str, *words: str) -> None:
    for part, modules in _PARTS.items():
        for name in modules:
            _clock_module(part, import_module(name))
    atexit.register(lambda: Path(result).write_text(json.dumps(_spent), encoding="utf-8"))
    sys.argv = ["penstock", *words]
    from penstock.cli.start import run

    sys.exit(run())


def _clock_module(part: str, module: ModuleType) -> None:
    for name, item in list(vars(module).items()):
        if getattr(item, "__module__", None) != module.__name__:
            continue
        if inspect.isfunction(item):
            setattr(module, name, _clocked(part, item))
        elif inspect.isclass(item):
            for method, function in list(vars(item).items()):
                if inspect.isfunction(function) and not method.startswith("__"):
                    setattr(item, method, _clocked(part, function))


def _clocked(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.isgeneratorfunction(function):
        return function

    @functools.wraps(function)
    def timed(*args: Any, **options: Any) -> Any:
        if getattr(_inside, "it", False):
            return function(*args, **options)
        _inside.it = True
        began = time.thread_time()
        try:
            return function(*args, **options)
        finally:
            _inside.it = False
            with _lock:
                _spent[part] += time.thread_time() - began

    return timed


if __name__ == "__main__":
    main(*sys.argv[1:])
