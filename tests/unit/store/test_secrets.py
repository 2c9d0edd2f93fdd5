"""Sealed values and the key that opens them."""

from dataclasses import replace

import pytest

from penstock.core.errors import TransientError
from penstock.core.secrets import DataKey, SealedSecret
from penstock.store import Catalog
from unit.store.kit import Clock

KEY = DataKey("k1", "m1", b"\x00salt", b"\xffwrapped")
VALUE = SealedSecret("k1", bytes(range(256)))


def test_the_first_key_counts(catalog: Catalog, clock: Clock) -> None:
    assert catalog.secrets.data_key() is None
    assert catalog.secrets.keep_key(KEY) == replace(KEY, created_at=clock.ms)
    assert catalog.secrets.keep_key(replace(KEY, id="k2")).id == "k1"


def test_a_value_reads_as_it_was_written(catalog: Catalog, clock: Clock) -> None:
    catalog.secrets.keep_key(KEY)
    assert not catalog.secrets.put("a", VALUE)
    clock.ms += 5
    assert catalog.secrets.put("a", replace(VALUE, sealed=b"new"))
    assert catalog.secrets.get("a") == SealedSecret("k1", b"new")
    (info,) = catalog.secrets.list()
    assert (info.name, info.created_at, info.updated_at) == ("a", clock.ms - 5, clock.ms)


def test_a_value_of_a_key_that_went_meanwhile_is_refused(catalog: Catalog) -> None:
    with pytest.raises(TransientError):
        catalog.secrets.put("a", VALUE)
    catalog.secrets.keep_key(replace(KEY, id="k2"))
    with pytest.raises(TransientError):
        catalog.secrets.put("a", VALUE)
    assert catalog.secrets.list() == []


def test_the_key_goes_with_the_last_value(catalog: Catalog) -> None:
    catalog.secrets.keep_key(KEY)
    catalog.secrets.put("a", VALUE)
    catalog.secrets.put("b", VALUE)
    assert catalog.secrets.remove("a")
    assert not catalog.secrets.remove("a")
    assert catalog.secrets.data_key() is not None
    assert catalog.secrets.remove("b")
    assert catalog.secrets.data_key() is None


def test_only_one_of_two_rotations_wins(catalog: Catalog) -> None:
    old = catalog.secrets.keep_key(KEY)
    catalog.secrets.rewrap(old, replace(old, master_id="m2", wrapped=b"2"))
    with pytest.raises(TransientError):
        catalog.secrets.rewrap(old, replace(old, master_id="m3", wrapped=b"3"))
    kept = catalog.secrets.data_key()
    assert kept == replace(old, master_id="m2", wrapped=b"2")
