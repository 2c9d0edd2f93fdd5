"""YAML with places: plain values, and the line and column of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from penstock.control.problems import Problem

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NODES_LIMIT = 100_000
"""Far above any workspace; stops aliases that unfold for ever."""

Loc = tuple[str | int, ...]


@dataclass
class Tree:
    """Mappings, lists, text and None. Every scalar is text as written: its model decides.

    So `password: 0123`, `name_style: off` and `key: [on, no]` are what they look like, and
    `parallel: "4"` is still a number where a number is meant.
    """

    value: Any = None
    problems: list[Problem] = field(default_factory=list)
    _keys: dict[Loc, tuple[int, int]] = field(default_factory=dict)
    _values: dict[Loc, tuple[int, int]] = field(default_factory=dict)

    @staticmethod
    def read(text: str) -> Tree:
        tree = Tree()
        try:
            node = yaml.compose(text, Loader=_LOADER)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            said = error.problem or error.context or "it cannot be read"
            tree.problems.append(Problem(line, column, f"this is not valid YAML: {said}."))
        except yaml.YAMLError as error:
            tree.problems.append(Problem(1, 1, f"this is not valid YAML: {error}."))
        else:
            if node is not None:
                tree.value = tree._plain(node, ())
        return tree

    def place(self, loc: Sequence[str | int], *, key: bool = False) -> tuple[int, int]:
        """Line and column of the value at `loc` (or its key), else of the nearest thing above."""
        path = tuple(loc)
        while path:
            if key and path in self._keys:
                return self._keys[path]
            if path in self._values:
                return self._values[path]
            path, key = path[:-1], True
        return self._values.get((), (1, 1))

    def _plain(self, node: yaml.Node, loc: Loc) -> Any:
        if len(self._values) > _NODES_LIMIT or len(loc) > 50:
            self.problems = [Problem(*_mark(node), "this file unfolds to far too much.")]
            return None
        self._values[loc] = _mark(node)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, loc)
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(item, (*loc, at)) for at, item in enumerate(node.value)]
        return None if node.tag == "tag:yaml.org,2002:null" else node.value

    def _mapping(self, node: yaml.MappingNode, loc: Loc) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in node.value:
            if not isinstance(name, yaml.ScalarNode):
                self.problems.append(Problem(*_mark(name), "a key must be a single word."))
                continue
            if name.value in found:
                text = f"{name.value!r} is here twice; keep one."
                self.problems.append(Problem(*_mark(name), text))
                continue
            self._keys[*loc, name.value] = _mark(name)
            found[name.value] = self._plain(value, (*loc, name.value))
        return found


def _mark(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
