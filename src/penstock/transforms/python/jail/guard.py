"""The builtins of a script: imports by the list, no files, no code from text.

This is for clear messages, not for safety: `().__class__.__base__.__subclasses__()` walks around
it in one line. What holds is the seal of the process.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

from penstock.transforms.python.jail import modules

DENIED: Final = (
    "open", "exec", "eval", "compile", "input", "raw_input", "breakpoint", "globals",
    "help", "exit", "quit", "copyright", "credits", "license",
)  # fmt: skip


class ModuleNotAllowedError(ImportError):
    """A script imports what it may not."""


def guarded(extra: frozenset[str], show: Callable[[str], None]) -> dict[str, Any]:
    """The builtins for a script.

    Args:
        extra: modules that the installation allows beside the usual ones.
        show: called with each text that the script prints.
    """
    given = {**vars(builtins), **modules.python2_names()}
    given.update({name: _denied(name) for name in DENIED})
    given["__import__"] = _importer(modules.views(), extra)
    given["vars"] = _vars
    given["print"] = _printer(show)
    return given


def _denied(name: str) -> Callable[..., Any]:
    def denied(*_args: object, **_named: object) -> None:
        raise NameError(f"{name}() is not available in a transformation")

    return denied


def _vars(*of: Any) -> Any:
    if not of:
        raise NameError("vars() without an argument is not available in a transformation")
    return builtins.vars(*of)


def _printer(show: Callable[[str], None]) -> Callable[..., None]:
    def write(*values: object, sep: str | None = " ", end: str | None = "\n", **_: Any) -> None:
        between = " " if sep is None else sep
        show(between.join(map(str, values)) + ("\n" if end is None else end))

    return write


def _importer(views: dict[str, ModuleType], extra: frozenset[str]) -> Callable[..., ModuleType]:
    def find(name: str) -> ModuleType:
        found = views.get(name) or sys.modules.get(name)
        if found is None or not modules.allowed(name, extra):
            raise ModuleNotAllowedError(_reason(name, extra), name=name)
        return found

    def guarded_import(
        name: str,
        _globals: object = None,
        _locals: object = None,
        fromlist: Any = (),
        level: int = 0,
    ) -> ModuleType:
        if level:
            raise ModuleNotAllowedError("ModuleNotAllowed: relative import", name=name)
        found = find(name)
        for part in fromlist or ():
            inner = f"{name}.{part}"
            if not hasattr(found, part) and modules.allowed(inner, extra):
                setattr(found, part, find(inner))
        return found if fromlist else find(name.partition(".")[0])

    return guarded_import


def _reason(name: str, extra: frozenset[str]) -> str:
    if modules.allowed(name, extra):
        return f"{name} is not installed here: it comes with the extra 'transform'"
    return f"ModuleNotAllowed: {name}"
