"""The made-up rows keep the contract: names, JSON types, keys and references."""

import re
from collections.abc import Callable
from datetime import datetime

import pytest

from penstock.sandbox.activecampaign.account import Account
from penstock.sandbox.activecampaign.contract import Contract
from penstock.sandbox.activecampaign.options import SandboxOptions

TABLES = list(Contract.load().tables)
NAIVE = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)?")
OFFSET = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d)?")
DATE = re.compile(r"(\d{4}-\d\d-\d\d)?")
NUMBER = re.compile(r"(-?\d+(\.\d+)?)?")


def text(pattern: re.Pattern[str]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def list_of(test: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and all(test(item) for item in value)


KINDS: dict[str, Callable[[object], bool]] = {
    "null": lambda value: value is None,
    "any": lambda value: True,
    "string": lambda value: isinstance(value, str),
    "string(number)": text(NUMBER),
    "string(bool)": lambda value: value in ("0", "1"),
    "string(datetime)": text(OFFSET),
    "string(datetime_naive)": text(NAIVE),
    "string(date)": text(DATE),
    "integer": whole,
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "array<string>": list_of(lambda item: isinstance(item, str)),
    "array<string(number)>": list_of(text(NUMBER)),
    "array<object>": list_of(lambda item: isinstance(item, dict)),
}

REFERENCES = [
    ("account_contacts", "account", "accounts"),
    ("account_contacts", "contact", "contacts"),
    ("account_custom_field_values", "accountId", "accounts"),
    ("account_custom_field_values", "customFieldId", "account_custom_fields"),
    ("contact_tags", "contact", "contacts"),
    ("contact_tags", "tag", "tags"),
    ("contact_custom_field_values", "contact", "contacts"),
    ("contact_custom_field_values", "field", "contact_custom_fields"),
    ("deal_custom_field_values", "dealId", "deals"),
    ("deal_custom_field_values", "customFieldId", "deal_custom_fields"),
    ("deals", "contact", "contacts"),
    ("deals", "stage", "stages"),
    ("deals", "group", "pipelines"),
    ("deals", "owner", "users"),
    ("secondary_contacts", "deal", "deals"),
    ("secondary_contacts", "contact", "contacts"),
    ("ecommerce_orders", "customerid", "ecommerce_customers"),
    ("ecommerce_order_products", "orderid", "ecommerce_orders"),
    ("tasks", "dealTasktype", "task_types"),
    ("stages", "group", "pipelines"),
    ("group_limits", "group", "groups"),
    ("campaigns", "user", "users"),
]


@pytest.fixture(scope="module")
def account() -> Account:
    return Account(SandboxOptions(contacts=600))


@pytest.mark.parametrize("table", TABLES)
def test_rows_have_the_fields_and_types_of_the_contract(account: Account, table: str) -> None:
    spec = account.contract[table]
    wrong = []
    for row in account.rows(table):
        if row.get("isDisabled") is True:
            assert set(row) == {"title", "status", "id", "isDisabled"}
            continue
        assert set(spec.fields) - spec.optional <= set(row) <= set(spec.fields)
        wrong += [
            (name, spec.fields[name], value)
            for name, value in row.items()
            if not any(KINDS[kind](value) for kind in spec.fields[name].split("|"))
        ]
    assert wrong == []


@pytest.mark.parametrize("table", TABLES)
def test_every_table_has_rows_with_ascending_ids(account: Account, table: str) -> None:
    ids = [int(row["id"]) for row in account.rows(table)]
    assert ids
    assert ids == sorted(set(ids))


@pytest.mark.parametrize(("table", "column", "target"), REFERENCES)
def test_references_point_to_rows(account: Account, table: str, column: str, target: str) -> None:
    there = {row["id"] for row in account.rows(target)} | {"0", "None"}
    pointed = {str(row[column]) for row in account.rows(table) if column in row}
    assert pointed <= there
    assert len(pointed) > 1


def test_contacts_name_their_account_associations(account: Account) -> None:
    named = {
        (row["id"], each) for row in account.rows("contacts") for each in row["accountContacts"]
    }
    assert named == {(row["contact"], row["id"]) for row in account.rows("account_contacts")}


def test_orders_name_their_products(account: Account) -> None:
    named = {
        (row["id"], each)
        for row in account.rows("ecommerce_orders")
        for each in row["orderProducts"]
    }
    assert named == {
        (row["orderid"], row["id"]) for row in account.rows("ecommerce_order_products")
    }


def test_no_contact_has_a_tag_or_a_field_twice(account: Account) -> None:
    for table, column in (("contact_tags", "tag"), ("contact_custom_field_values", "field")):
        pairs = [(row["contact"], row[column]) for row in account.rows(table)]
        assert len(pairs) == len(set(pairs))


def test_the_same_seed_gives_the_same_rows_and_another_one_does_not() -> None:
    first, same, other = (Account(SandboxOptions(contacts=50, seed=seed)) for seed in (3, 3, 4))
    assert all(first.rows(table) == same.rows(table) for table in TABLES)
    assert first.rows("contacts") != other.rows("contacts")


def test_one_second_holds_more_contacts_than_a_page() -> None:
    account = Account(SandboxOptions(contacts=600))
    made = [row["cdate"] for row in account.rows("contacts")]
    assert max(made.count(second) for second in set(made)) > 100


def test_offsets_of_contacts_differ_over_the_year(account: Account) -> None:
    offsets = {datetime.fromisoformat(row["udate"]).utcoffset() for row in account.rows("contacts")}
    assert len(offsets) == 2


def test_the_known_oddities_are_there(account: Account) -> None:
    texts = repr([account.rows(table) for table in TABLES])
    for oddity in (
        "0000-00-00 00:00:00",
        "'0000-00-00'",
        "🌻",
        "محمد",
        "\\x07",
        "<b>bold</b>",
        "||",
    ):
        assert oddity in texts
    values = account.rows("deal_custom_field_values")
    assert {type(row["fieldValue"]) for row in values} == {str, int, list, type(None)}
    assert {row["links"] for row in account.rows("brandings")} == {"1"}
    assert {str(row["links"]) for row in account.rows("segments")} == {"[]"}
    assert {type(row["style"]) for row in account.rows("forms")} == {dict, list}
    assert any(row["connectionid"] == "0" for row in account.rows("ecommerce_customers"))
    assert any(row.get("isDisabled") is True for row in account.rows("deals"))


@pytest.mark.parametrize("contacts", [0, 1, 7])
def test_tiny_accounts_work(contacts: int) -> None:
    account = Account(SandboxOptions(contacts=contacts))
    assert len(account.rows("contacts")) == contacts
    assert all(isinstance(account.rows(table), list) for table in TABLES)


def test_a_million_contacts_cost_nothing_until_they_are_read() -> None:
    account = Account(SandboxOptions(contacts=1_000_000))
    store = account.store("contacts")
    last = store.ids[-1]
    assert len(store.ids) == 1_000_000
    assert store.row(last)["id"] == str(last)
    assert "_first_times" not in vars(store)


def test_every_table_can_be_sized() -> None:
    account = Account(SandboxOptions(contacts=10, sizes={"deals": 0, "tags": 3}))
    assert (len(account.rows("deals")), len(account.rows("tags"))) == (0, 3)
    with pytest.raises(ValueError, match="dealz"):
        Account(SandboxOptions(sizes={"dealz": 1}))
