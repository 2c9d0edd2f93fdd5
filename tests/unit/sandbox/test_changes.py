"""Rows that come, change and go; columns that appear and vanish; rows that are spoilt."""

import json
from datetime import datetime

import pytest

from penstock.sandbox.activecampaign.account import Account
from penstock.sandbox.activecampaign.children import Children
from penstock.sandbox.activecampaign.options import SandboxOptions
from penstock.sandbox.activecampaign.query import Finder
from penstock.sandbox.activecampaign.spoil import Spoil


@pytest.fixture
def account() -> Account:
    return Account(SandboxOptions(contacts=60, redacted=0))


def row(account: Account, table: str, row_id: str) -> dict[str, object]:
    return next(each for each in account.rows(table) if each["id"] == row_id)


def served(account: Account, table: str, row_id: str) -> bytes:
    return account.store(table).encoded(int(row_id))


def is_now(account: Account, text: object) -> bool:
    return abs(datetime.fromisoformat(str(text)).timestamp() - account.clock.now()) < 5


@pytest.mark.parametrize("table", ["contacts", "deals", "contact_tags", "tags", "ecommerce_orders"])
def test_added_rows_get_new_ids_and_the_time_of_now(account: Account, table: str) -> None:
    before = {each["id"] for each in account.rows(table)}
    added = account.add(table, 3)
    assert not before & set(added)
    assert {each["id"] for each in account.rows(table)} == before | set(added)
    created = "createdDate" if table == "ecommerce_orders" else "cdate"
    assert is_now(account, row(account, table, added[-1])[created])


def test_given_values_win(account: Account) -> None:
    (row_id,) = account.add("contacts", firstName="Ada", udate="2020-01-01T00:00:00-06:00")
    assert row(account, "contacts", row_id)["firstName"] == "Ada"
    assert row(account, "contacts", row_id)["udate"] == "2020-01-01T00:00:00-06:00"


def test_an_update_moves_all_update_times_and_nothing_else(account: Account) -> None:
    before = row(account, "contacts", "5")
    served(account, "contacts", "5")
    account.update("contacts", "5", lastName="Byron")
    after = row(account, "contacts", "5")
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"lastName", "udate", "updated_timestamp", "updated_utc_timestamp"}
    assert is_now(account, after["udate"])
    assert json.loads(served(account, "contacts", "5")) == after


def test_a_read_after_a_change_finds_it(account: Account) -> None:
    options = SandboxOptions()
    finder = Finder(options, account.clock, Children(account))
    deals = account.store("deals")
    today = [("filters[updated_after]", account.clock.day(account.clock.now()))]
    by_title = [("orders[title]", "ASC")]
    assert finder.page(deals, today).total == 0
    assert finder.page(deals, by_title).ids[0] != 4
    account.update("deals", 4, title=" first of all")
    assert list(finder.page(deals, today).ids) == [4]
    assert finder.page(deals, by_title).ids[0] == 4


def test_the_utc_column_holds_local_time(account: Account) -> None:
    account.update("contacts", "5", phone="1")
    after = row(account, "contacts", "5")
    assert str(after["udate"])[:19].replace("T", " ") == after["updated_utc_timestamp"]


def test_a_tag_added_moves_its_contact(account: Account) -> None:
    (row_id,) = account.add("contact_tags", contact="7", tag="1")
    assert row(account, "contact_tags", row_id)["contact"] == "7"
    assert is_now(account, row(account, "contacts", "7")["udate"])


def test_deleted_rows_leave_no_trace(account: Account) -> None:
    account.delete("contacts", 5, "6")
    assert not {"5", "6"} & {each["id"] for each in account.rows("contacts")}
    with pytest.raises(KeyError, match="no row 5 in contacts"):
        account.update("contacts", 5)


def test_rows_added_and_deleted_do_not_give_their_ids_away_again(account: Account) -> None:
    (first,) = account.add("contacts")
    account.delete("contacts", first)
    assert account.add("contacts") != [first]


def test_columns_appear_change_type_and_vanish(account: Account) -> None:
    served(account, "contacts", "5")
    account.set_column("contacts", "brand_new", {"a": 1})
    account.set_column("contacts", "sentcnt", 17)
    account.drop_column("contacts", "phone")
    after = json.loads(served(account, "contacts", "5"))
    assert (after["brand_new"], after["sentcnt"]) == ({"a": 1}, 17)
    assert "phone" not in after
    assert after == row(account, "contacts", "5")


def test_deals_can_be_hidden_and_shown(account: Account) -> None:
    before = row(account, "deals", "4")
    account.redact(4)
    assert json.loads(served(account, "deals", "4")) == {
        "title": before["title"],
        "status": before["status"],
        "id": "4",
        "isDisabled": True,
    }
    account.redact(4, hidden=False)
    assert row(account, "deals", "4") == before


class TestSpoiltRows:
    def test_oversize_is_as_long_as_asked(self, account: Account) -> None:
        account.spoil("contacts", 5, Spoil("oversize", field="phone", size_bytes=50_000))
        assert len(served(account, "contacts", "5")) == 50_000
        assert json.loads(served(account, "contacts", "5"))["phone"].startswith("xxx")

    def test_not_an_object(self, account: Account) -> None:
        account.spoil("contacts", 5, Spoil("not_object"))
        assert json.loads(served(account, "contacts", "5")) == "5"

    def test_without_id(self, account: Account) -> None:
        account.spoil("contacts", 5, Spoil("no_id"))
        assert "id" not in json.loads(served(account, "contacts", "5"))

    def test_half_an_emoji(self, account: Account) -> None:
        account.spoil("contacts", 5, Spoil("lone_surrogate", field="lastName"))
        assert "\ud83d" in json.loads(served(account, "contacts", "5"))["lastName"]

    def test_the_same_name_twice(self, account: Account) -> None:
        account.spoil("contacts", 5, Spoil("duplicate_key", field="lastName"))
        assert served(account, "contacts", "5").count(b'"lastName":') == 2

    def test_no_json_at_all(self, account: Account) -> None:
        account.spoil("contacts", 5, Spoil("bad_escape"))
        with pytest.raises(json.JSONDecodeError):
            json.loads(served(account, "contacts", "5"))

    def test_they_recover(self, account: Account) -> None:
        account.spoil("contacts", 5, Spoil("no_id"))
        account.unspoil()
        assert json.loads(served(account, "contacts", "5"))["id"] == "5"

    def test_unknown_ways_are_refused(self) -> None:
        with pytest.raises(ValueError, match="oversize"):
            Spoil("moldy")  # type: ignore[arg-type]


def test_everyday_changes_keep_the_account_readable(account: Account) -> None:
    before = account.rows("contacts")
    for _ in range(200):
        account.change_something()
    assert account.rows("contacts") != before
