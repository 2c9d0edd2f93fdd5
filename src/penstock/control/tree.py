"""YAML with places: plain values, and the line and column of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from penstock.control.problems import Problem

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MERGE = "tag:yaml.org,2002:merge"
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
        except yaml.YAMLError as error:
            tree.problems.append(_unreadable(text, error))
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
        inherited: dict[str, Any] = {}
        for name, value in node.value:
            if name.tag == _MERGE:
                inherited = {**self._inherited(value, loc), **inherited}
                continue
            if not isinstance(name, yaml.ScalarNode):
                self.problems.append(Problem(*_mark(name), "a key must be a single word."))
                continue
            if name.value in found:
                text = f"{name.value!r} is here twice; keep one."
                self.problems.append(Problem(*_mark(name), text))
                continue
            self._keys[*loc, name.value] = _mark(name)
            found[name.value] = self._plain(value, (*loc, name.value))
        return {**inherited, **found}

    def _inherited(self, node: yaml.Node, loc: Loc) -> dict[str, Any]:
        """What `<<: *name` brings in; keys of the mapping itself win, then earlier ones."""
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        found: dict[str, Any] = {}
        for item in nodes:
            if isinstance(item, yaml.MappingNode):
                found = {**self._mapping(item, loc), **found}
            else:
                self.problems.append(Problem(*_mark(item), "`<<` takes a group of lines."))
        return found


def _unreadable(text: str, error: yaml.YAMLError) -> Problem:
    """Where the parser gave up, and what it stumbled over."""
    if isinstance(error, yaml.reader.ReaderError):
        # The parser's position counts bytes or characters, as it likes; the first one it is.
        bad = chr(error.character) if isinstance(error.character, int) else str(error.character)
        before = text.split(bad, 1)[0].split("\n")
        said = f"this is not valid YAML: the character {bad!r} is not allowed."
        return Problem(len(before), len(before[-1]) + 1, said)
    assert isinstance(error, yaml.MarkedYAMLError)
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    lines = text.splitlines()
    if mark and line < len(lines) and lines[line][column : column + 1] == "\t":
        return Problem(line + 1, column + 1, "this line begins with a tab: YAML needs spaces.")
    parts = [error.context if error.context != error.problem else None, error.problem]
    said = ", ".join(filter(None, parts)) or "it cannot be read"
    return Problem(line + 1, column + 1, f"this is not valid YAML: {said}.")


def _mark(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
