"""Mappings, and names that are chosen once."""

from dataclasses import replace

import pyarrow as pa
import pytest

from penstock.core.errors import InternalError, TransientError
from penstock.core.mapping import Column, Mapping
from penstock.core.records import MappingStatus
from penstock.store import Catalog
from unit.store.kit import PIPELINE

CONTACTS = Mapping(
    "contacts",
    "ac_contacts",
    ("id",),
    (
        Column("id", "id", pa.field("id", pa.int64(), nullable=False)),
        Column("Full Name", "full_name", pa.field("full_name", pa.string(), metadata={"k": "v"})),
    ),
    version=2,
)


def test_a_mapping_reads_as_it_was_saved(catalog: Catalog) -> None:
    catalog.mappings.save(PIPELINE, CONTACTS)
    found = catalog.mappings.load(PIPELINE)
    assert found == {"contacts": CONTACTS}
    assert found["contacts"].schema.equals(CONTACTS.schema, check_metadata=True)
    assert catalog.mappings.load("unheard of") == {}


def test_a_newer_version_replaces_and_an_older_one_is_refused(catalog: Catalog) -> None:
    newer = CONTACTS.with_columns(CONTACTS.columns[:1])
    catalog.mappings.save(PIPELINE, newer)
    with pytest.raises(InternalError) as raised:
        catalog.mappings.save(PIPELINE, CONTACTS)
    assert raised.value.code == "mapping.stale"
    assert catalog.mappings.load(PIPELINE) == {"contacts": newer}


def test_the_status_stays_until_it_is_changed(catalog: Catalog) -> None:
    catalog.mappings.save(PIPELINE, CONTACTS)
    assert catalog.mappings.statuses(PIPELINE) == {"contacts": MappingStatus.AUTO_MAPPED}
    catalog.mappings.save(PIPELINE, CONTACTS, MappingStatus.SKIPPED)
    catalog.mappings.save(PIPELINE, replace(CONTACTS, version=9))
    assert catalog.mappings.statuses(PIPELINE) == {"contacts": MappingStatus.SKIPPED}


def test_the_first_to_name_an_original_has_won(catalog: Catalog) -> None:
    remember = catalog.mappings.remember
    assert remember("db", "tables", {"A": "a", "B": "b"}) == {"A": "a", "B": "b"}
    assert remember("db", "tables", {"A": "other", "C": "c"}) == {"A": "a", "C": "c"}
    assert catalog.mappings.names("db", "tables") == {"A": "a", "B": "b", "C": "c"}


def test_no_two_originals_of_a_scope_share_a_name(catalog: Catalog) -> None:
    catalog.mappings.remember("db", "tables", {"A": "a"})
    with pytest.raises(TransientError) as raised:
        catalog.mappings.remember("db", "tables", {"C": "c", "a": "a"})
    assert raised.value.code == "catalog.name_taken"
    assert catalog.mappings.names("db", "tables") == {"A": "a"}


def test_scopes_and_destinations_have_names_of_their_own(catalog: Catalog) -> None:
    places = [("db", "tables"), ("db", "columns:a"), ("other", "tables")]
    for number, place in enumerate(places):
        catalog.mappings.remember(*place, {f"original {number}": "same"})
    assert [catalog.mappings.names(*place) for place in places] == [
        {f"original {number}": "same"} for number in range(3)
    ]
