"""Mapping files: what they say, what they refuse, and that reading back changes nothing."""

from __future__ import annotations

import pyarrow as pa
import pytest

from penstock.control.mapping_file import read_mapping, write_mapping
from penstock.control.problems import FileError
from penstock.core.mapping import Mapping
from penstock.mapper.applying import Around, Edited, applied, differences
from penstock.mapper.document import to_plain
from unit.mapper.kit import DEALS, NEW, around

BOTH = {item.event_type: item for item in (DEALS, NEW)}
ODD = DEALS.changed(
    auto=False, skipped=True, key=(), left=(DEALS.left[0].__class__("a: b #", pa.null(), "", True),)
)


def read(
    text: str, *, mappings: dict[str, Mapping] = BOTH, at: Around | None = None
) -> list[Edited]:
    file = read_mapping(text, "crm.yaml", "crm")
    done = applied(file.content, mappings, at or around())
    file.refuse(done.faults)
    return done.edited


def problems(text: str, **more: Around) -> list[str]:
    with pytest.raises(FileError) as raised:
        read(text, **more)
    return raised.value.lines


@pytest.mark.parametrize("auto_mapping", [True, False])
def test_reading_back_changes_nothing(auto_mapping: bool) -> None:
    mappings = {**BOTH, "odd": ODD, "on": DEALS.changed(auto=True)}
    mappings = {name: Mapping.from_dict({**m.to_dict(), "event_type": name})
                for name, m in mappings.items()}  # fmt: skip
    text = write_mapping(to_plain("crm", mappings.values(), auto_mapping=auto_mapping))
    assert read(text, mappings=mappings, at=around(auto_mapping=auto_mapping)) == []


def test_the_form_is_short_and_shows_what_waits() -> None:
    text = write_mapping(to_plain("crm", [DEALS], auto_mapping=True))
    assert text.partition("pipeline: ")[2] == (
        "crm\n"
        "event_types:\n"
        "  deals:\n"
        "    status: AUTO_MAPPED\n"
        "    auto_mapping: inherit\n"
        "    table: ac_deals\n"
        "    key: [id]\n"
        "    fields:\n"
        "      id: {column: id, type: LONG}\n"
        "      title: {column: title, type: STRING}\n"
        "      value: {column: value, type: 'DECIMAL(10,2)'}\n"
        "      Net Worth: {type: DOUBLE}\n"
    )


def test_an_event_type_without_a_table_gets_one() -> None:
    (edit,) = read(
        "event_types:\n  notes:\n    table: notes\n    fields:\n"
        "      id: {column: id}\n      Body: {column: body, type: JSON}\n"
    )
    assert (edit.after.table, edit.after.key, edit.after.version) == ("notes", ("id",), 1)
    assert [(c.field, c.name) for c in edit.after.columns] == [("id", "id"), ("Body", "body")]
    assert [item.field for item in edit.after.left] == ["n"]
    assert [item.sentence for item in edit.findings] == [
        "Body (STRING) -> body (JSON): values that do not convert fail"
    ]
    assert [*differences(edit, auto_mapping=False)] == [
        "UNMAPPED -> MAPPED", "table none -> notes", "key none -> id",
        "id -> column id (LONG)", "Body -> column body (JSON)",
    ]  # fmt: skip


def test_a_table_that_there_is_keeps_its_types() -> None:
    there = {"people": pa.schema([("id", pa.int32()), ("body", pa.bool_()), ("mine", pa.int8())])}
    (edit,) = read(
        "event_types: {notes: {table: people, fields: "
        "{id: {column: id, type: LONG}, Body: {column: body, type: STRING}}}}",
        at=around(there),
    )
    assert edit.after.schema == pa.schema([("id", pa.int32()), ("body", pa.bool_())])
    assert [(f.field, str(f.fit)) for f in edit.findings] == [("id", "?"), ("Body", "?")]


def test_fields_are_moved_taken_out_ignored_and_taken_in() -> None:
    (edit,) = read(
        "event_types: {deals: {fields: {title: {column: name}, value: {}, "
        "Net Worth: {column: net_worth}}}}"
    )
    assert [(c.field, c.name) for c in edit.after.columns] == [
        ("id", "id"), ("title", "name"), ("Net Worth", "net_worth")
    ]  # fmt: skip
    assert [(item.field, item.ignored) for item in edit.after.left] == [("value", False)]
    (edit,) = read("event_types: {deals: {fields: {Net Worth: ignored}}}")
    assert edit.after.left[0].ignored
    assert [*differences(edit, auto_mapping=True)] == ["Net Worth: ignored"]


def test_a_column_may_become_wider_and_nothing_else() -> None:
    (edit,) = read("event_types: {deals: {fields: {value: {column: value, type: STRING}}}}")
    assert edit.after.schema.field("value").type == pa.string()
    assert problems("event_types: {deals: {fields: {title: {column: title, type: LONG}}}}") == [
        "crm.yaml:1:61: a STRING column cannot become LONG."
    ]


def test_skipping_and_switching() -> None:
    (edit,) = read("event_types: {deals: {status: SKIPPED, auto_mapping: false}}")
    assert (edit.after.skipped, edit.after.auto) == (True, False)
    skipped = {"deals": DEALS.changed(skipped=True)}
    (edit,) = read("event_types: {deals: {status: AUTO_MAPPED}}", mappings=skipped)
    assert not edit.after.skipped


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("event_types: {deels: {}}",
         "1:15: no event was of a type called 'deels'. Did you mean 'deals'?"),
        ("event_types: {deals: {tabel: x}}", "1:23: unknown key 'tabel'. Did you mean 'table'?"),
        ("event_types: {deals: {fields: {titel: {column: x}}}}",
         "1:32: no event had a field called 'titel'. Did you mean 'title'?"),
        ("event_types: {deals: {fields: {title: {colum: x}}}}",
         "1:40: unknown key 'colum'. Did you mean 'column'?"),
        ("event_types: {deals: {fields: {title: nothing}}}",
         "1:39: 'title' must be `ignored`, or have a column and a type."),
        ("event_types: {deals: {fields: {title: {column: value}}}}",
         "1:48: 'title' and 'value' have one column, 'value'."),
        ("event_types: {deals: {fields: {title: {column: My Title}}}}",
         "1:48: the column name 'My Title' cannot be used; its clean form is 'my_title'."),
        ("event_types: {deals: {fields: {title: {column: t, type: TEXT}}}}",
         "There is no type TEXT."),
        ("event_types: {deals: {status: MAPPED, fields: {title: ignored}}}",
         "1:31: 'status' follows from the rest: it would be AUTO_MAPPED."),
        ("event_types: {deals: {table: other}}",
         "1:30: the table can change only with `auto_mapping: false`."),
        ("event_types: {deals: {key: [title]}}",
         "1:28: the table keeps the key that it was made with: id."),
        ("event_types: {deals: {fields: {id: ignored}}}",
         "the key needs the column 'id'; no field has it."),
        ("event_types: {notes: {table: Notes$}}",
         "1:30: the table name 'Notes$' cannot be used; its clean form is 'notes'."),
        ("event_types: {notes: {table: notes, fields: {Body: {column: body}}}}",
         "1:45: the key of the source ('id') needs columns."),
        ("event_types: {notes: {fields: {Body: {column: body}}}}",
         "1:47: a column needs a table: write its name."),
        ("pipeline: erp", "1:11: this file is of the pipeline 'erp', not of 'crm'."),
        ("[1, 2]", "1:1: the file must be a group of `name: value` lines with `event_types:`."),
        ("event_types: {deals: {}, deals: {}}", "1:26: 'deals' is here twice; keep one."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(text: str, told: str) -> None:
    assert any(told in line for line in problems(text)), problems(text)


def test_more_columns_than_the_table_can_have() -> None:
    told = problems(
        "event_types: {deals: {fields: {Net Worth: {column: worth}}}}", at=around(limit=3)
    )
    assert told == ["crm.yaml:1:31: the table would have 4 columns; 3 are possible."]


def test_a_key_is_chosen_for_a_new_table() -> None:
    (edit,) = read(
        "event_types: {notes: {table: notes, key: [body], fields: "
        "{id: {column: id}, Body: {column: body}}}}"
    )
    assert edit.after.key == ("body",)
    told = problems("event_types: {notes: {table: notes, key: [x], fields: {id: {column: id}}}}")
    assert told == ["crm.yaml:1:42: the key needs the column 'x'; no field has it."]
