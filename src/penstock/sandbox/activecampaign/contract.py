"""The API's contract as data: one entry per object, read from contract.json."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Literal

MetaTotal = Literal["string", "integer", "absent"]


@dataclass(frozen=True)
class Table:
    """One object of the API: where it is, how it is wrapped and what its rows hold."""

    name: str
    title: str
    path: str
    envelope: str
    singular: str
    cursor: str | None
    default_page: int
    max_page: int
    meta_total: MetaTotal
    fields: Mapping[str, str]
    optional: frozenset[str]
    links: tuple[str, ...]

    @classmethod
    def parse(cls, entry: Mapping[str, Any]) -> "Table":
        total = entry["meta_total"].split()[0]
        cursor = entry["cursor"]
        return cls(
            name=entry["table"],
            title=entry["object"],
            path=entry["path"],
            envelope=entry["envelope"],
            singular=entry["singular_envelope"],
            cursor=cursor["field"] if cursor else None,
            default_page=entry["default_page"],
            max_page=entry["max_page"],
            meta_total=total,
            fields=entry["fields"],
            optional=frozenset(entry["optional_fields"]),
            links=tuple(entry["links"]),
        )


@dataclass(frozen=True)
class Contract:
    """All objects, by table name and by path."""

    tables: Mapping[str, Table]

    @classmethod
    def load(cls) -> "Contract":
        text = files(__package__).joinpath("contract.json").read_text("utf-8")
        return cls({entry["table"]: Table.parse(entry) for entry in json.loads(text)})

    def __iter__(self) -> Iterator[Table]:
        return iter(self.tables.values())

    def __getitem__(self, name: str) -> Table:
        if name not in self.tables:
            raise KeyError(f"There is no table {name!r}; tables: {', '.join(self.tables)}.")
        return self.tables[name]

    def at(self, path: str) -> Table | None:
        """The object whose collection is at `path`, e.g. `/contacts`."""
        return next((table for table in self if table.path == path), None)
