"""Reading and writing mapping files, as strictly as `penstock.yaml`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import ValidationError

from penstock.control.file import field_names
from penstock.control.problems import FileError, Problem, words
from penstock.control.tree import Tree
from penstock.mapper.applying import Fault
from penstock.mapper.document import MappingFile

HEAD = """\
# Fields with a column are loaded; `field: ignored` is not, and nobody warns of it.
# What is taken out of this file stays as it is.
"""


@dataclass(frozen=True)
class ReadMapping:
    """A mapping file that has the right form, and where everything in it stands."""

    content: MappingFile
    name: str
    tree: Tree

    def refuse(self, faults: Iterable[Fault]) -> None:
        """Raises `FileError` with the place of each fault, if there are any."""
        problems = [Problem(*self.tree.place(f.loc, key=f.key), f.text) for f in faults]
        if problems:
            raise FileError(self.name, problems)


def read_mapping(text: str, name: str, pipeline: str) -> ReadMapping:
    """Check the form of a mapping file.

    Args:
        name: of the file, for messages.

    Raises:
        FileError: with all that is wrong, by line and column.
    """
    tree = Tree.read(text)
    if tree.problems:
        raise FileError(name, tree.problems)
    if not isinstance(tree.value, dict):
        told = "the file must be a group of `name: value` lines with `event_types:`."
        raise FileError(name, [Problem(1, 1, told)])
    try:
        content = MappingFile.model_validate(tree.value)
    except ValidationError as error:
        raise FileError(name, [_problem(item, tree) for item in error.errors()]) from None
    read = ReadMapping(content, name, tree)
    if content.pipeline not in (None, pipeline):
        text = f"this file is of the pipeline {content.pipeline!r}, not of {pipeline!r}."
        read.refuse([Fault(("pipeline",), text)])
    return read


def _problem(item: Any, tree: Tree) -> Problem:
    place = tree.place(item["loc"], key=item["type"] in ("extra_forbidden", "missing"))
    return Problem(*place, words(item, field_names(MappingFile, item["loc"])))


class _Dumper(yaml.SafeDumper):
    """Short lists on one line, and one line for each field."""


def _mapping(dumper: yaml.SafeDumper, data: dict[str, Any]) -> yaml.Node:
    flow = bool(data) and data.keys() <= {"column", "type"} and data.keys() & {"type"} != set()
    return dumper.represent_mapping("tag:yaml.org,2002:map", data.items(), flow_style=flow)


def _sequence(dumper: yaml.SafeDumper, data: list[Any]) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=True)


_Dumper.add_representer(dict, _mapping)
_Dumper.add_representer(list, _sequence)


def write_mapping(plain: dict[str, Any]) -> str:
    """The YAML of `mapper.document.to_plain`."""
    body: str = yaml.dump(plain, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=4096)
    return HEAD + body
