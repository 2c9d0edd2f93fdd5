"""Classes that answer an unknown name with the one that was probably meant."""

from __future__ import annotations

import difflib
from typing import Any


def unknown(owner: str, name: str, known: list[str]) -> AttributeError:
    """`Utils has no function 'xyz'. Did you mean 'isDict'?`"""
    near = difflib.get_close_matches(name, known, 1, cutoff=0.4)
    guess = f" Did you mean {near[0]!r}?" if near else ""
    return AttributeError(f"{owner} has no function {name!r}.{guess}")


class Helpful(type):
    """Metaclass of classes that only hold static functions."""

    def __getattr__(cls, name: str) -> Any:
        raise unknown(cls.__name__, name, [n for n in vars(cls) if not n.startswith("_")])
