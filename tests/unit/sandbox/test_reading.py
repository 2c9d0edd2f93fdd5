"""Paging, orders and filters, without HTTP."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from penstock.sandbox.activecampaign.account import Account
from penstock.sandbox.activecampaign.api import Api
from penstock.sandbox.activecampaign.options import SandboxOptions

OPTIONS = SandboxOptions(contacts=500)


class Reader:
    """Asks an account the way a client does, minus the wire."""

    def __init__(self, options: SandboxOptions = OPTIONS) -> None:
        self.account = Account(options)
        self._api = Api(self.account, options)
        self._token = options.token

    def get(self, path: str, **query: object) -> Any:
        return self.raw(path, urlencode(query))

    def raw(self, path: str, query: str) -> Any:
        answer = self._api.answer(path, query, self._token)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def status(self, path: str, token: str | None = None) -> tuple[int, Any]:
        answer = self._api.answer(path, "", token or self._token)
        return answer.status, json.loads(answer.body)

    def all_ids(self, path: str, envelope: str, **query: object) -> list[str]:
        return list(self._ids(path, envelope, query))

    def _ids(self, path: str, envelope: str, query: dict[str, object]) -> Iterator[str]:
        offset = 0
        while page := self.get(path, limit=100, offset=offset, **query)[envelope]:
            yield from (row["id"] for row in page)
            offset += len(page)


@pytest.fixture(scope="module")
def reader() -> Reader:
    """Shared and never changed."""
    return Reader()


@pytest.mark.parametrize("table", list(Account(SandboxOptions(contacts=1)).contract.tables))
def test_all_pages_together_are_the_truth(reader: Reader, table: str) -> None:
    spec = reader.account.contract[table]
    ids = reader.all_ids(spec.path, spec.envelope)
    assert sorted(ids, key=int) == [row["id"] for row in reader.account.rows(table)]


@pytest.mark.parametrize(
    ("path", "envelope", "query", "rows"),
    [
        pytest.param("/contacts", "contacts", {}, 20, id="default of 20"),
        pytest.param("/contacts", "contacts", {"limit": 7}, 7, id="as asked"),
        pytest.param("/contacts", "contacts", {"limit": 5000}, 100, id="cut to 100"),
        pytest.param("/contacts", "contacts", {"offset": 495, "limit": 100}, 5, id="last page"),
        pytest.param("/contacts", "contacts", {"offset": 500}, 0, id="past the end"),
        pytest.param("/contacts", "contacts", {"limit": "x", "offset": "-3"}, 20, id="nonsense"),
    ],
)
def test_page_sizes(
    reader: Reader, path: str, envelope: str, query: dict[str, Any], rows: int
) -> None:
    assert len(reader.get(path, **query)[envelope]) == rows


def test_three_objects_have_pages_of_100_by_default() -> None:
    names = ("contact_custom_fields", "account_custom_fields", "deal_custom_fields")
    reader = Reader(SandboxOptions(contacts=10, sizes=dict.fromkeys(names, 120)))
    for path, envelope in (
        ("/fields", "fields"),
        ("/accountCustomFieldMeta", "accountCustomFieldMeta"),
        ("/dealCustomFieldMeta", "dealCustomFieldMeta"),
    ):
        assert len(reader.get(path)[envelope]) == 100


def test_contacts_come_by_email_when_not_ordered(reader: Reader) -> None:
    emails = [row["email"] for row in reader.get("/contacts", limit=100)["contacts"]]
    assert emails == sorted(emails)


def test_deals_come_in_no_visible_yet_steady_order(reader: Reader) -> None:
    ids = reader.all_ids("/deals", "deals")
    assert ids != sorted(ids, key=int)
    assert ids == reader.all_ids("/deals", "deals")


def test_contacts_can_be_ordered_by_id_both_ways(reader: Reader) -> None:
    up = reader.all_ids("/contacts", "contacts", **{"orders[id]": "ASC"})
    down = reader.all_ids("/contacts", "contacts", **{"orders[id]": "DESC"})
    assert up == sorted(up, key=int)
    assert down == up[::-1]


def test_deals_can_be_ordered_by_creation(reader: Reader) -> None:
    page = reader.get("/deals", **{"orders[cdate]": "ASC", "limit": 100})["deals"]
    made = [reader.account.store("deals").created(int(row["id"])) for row in page]
    assert made == sorted(made)


def test_accounts_are_counted_on_demand_only() -> None:
    reader = Reader(SandboxOptions(contacts=100, redacted=0))
    plain = reader.get("/accounts", limit=100)["accounts"]
    assert {(row["contactCount"], row["dealCount"]) for row in plain} == {("0", "0")}
    counted = reader.get("/accounts", limit=100, count_deals="true")["accounts"]
    for name, table, column in (
        ("contactCount", "account_contacts", "account"),
        ("dealCount", "deals", "customerAccount"),
    ):
        total = sum(int(row[name]) for row in counted)
        ids = {row["id"] for row in counted}
        assert total == sum(row.get(column) in ids for row in reader.account.rows(table)) > 0


def test_unknown_orders_and_filters_are_ignored(reader: Reader) -> None:
    plain = reader.get("/accounts")
    assert reader.get("/accounts", **{"orders[nonsense]": "ASC", "filters[x]": "1"}) == plain


def test_brackets_may_be_encoded_or_not(reader: Reader) -> None:
    raw = "orders[id]=ASC&id_greater=100&limit=3"
    encoded = quote(raw, safe="=&")
    assert reader.raw("/contacts", raw)["contacts"] == reader.raw("/contacts", encoded)["contacts"]


@pytest.mark.parametrize("order", [{}, {"orders[id]": "ASC"}, {"orders[id]": "DESC"}])
def test_key_set_paging_narrows_rows_and_total(reader: Reader, order: dict[str, str]) -> None:
    found = reader.get("/contacts", id_greater=101, id_less=199, limit=100, **order)
    ids = {int(row["id"]) for row in found["contacts"]}
    truth = {int(row["id"]) for row in reader.account.rows("contacts")}
    assert ids == {row_id for row_id in truth if 101 < row_id < 199}
    assert {101, 199} <= truth
    assert found["meta"]["total"] == str(len(ids))


@pytest.mark.parametrize(
    ("path", "total"),
    [("/contacts", "500"), ("/deals", 125), ("/dealStages", 25), ("/dealGroups", 5)],
)
def test_totals_are_text_or_numbers(reader: Reader, path: str, total: object) -> None:
    assert reader.get(path, limit=1)["meta"]["total"] == total


@pytest.mark.parametrize(
    "path", ["/dealCustomFieldData", "/ecomOrderProducts", "/dealCustomFieldMeta"]
)
def test_some_objects_have_no_meta(reader: Reader, path: str) -> None:
    assert "meta" not in reader.get(path)


def test_sideloads_stand_before_the_rows(reader: Reader) -> None:
    assert list(reader.get("/dealGroups")) == ["dealStages", "dealGroups", "meta"]
    assert list(reader.get("/fields")) == ["fieldOptions", "fieldRels", "fields", "meta"]
    assert list(reader.get("/contacts"))[:2] == ["scoreValues", "contacts"]


def test_sideloads_are_those_that_the_rows_name(reader: Reader) -> None:
    fields = reader.get("/fields")
    named = [option for row in fields["fields"] for option in row["options"]]
    assert [row["id"] for row in fields["fieldOptions"]] == named
    contacts = reader.get("/contacts", limit=100)
    named = [score for row in contacts["contacts"] for score in row["scoreValues"]]
    assert [row["id"] for row in contacts["scoreValues"]] == named
    assert named


def test_contacts_include_their_field_values_and_tags_on_demand(reader: Reader) -> None:
    found = reader.get("/contacts", limit=2, include="fieldValues,contactTags")
    ids = {row["id"] for row in found["contacts"]}
    assert {row["contact"] for row in found["fieldValues"]} == ids
    assert {row["contact"] for row in found["contactTags"]} == ids


class TestTimeFilters:
    DAY = "2026-03-08"  # the day on which clocks change in Chicago

    @pytest.fixture
    def reader(self) -> Reader:
        return Reader(SandboxOptions(contacts=4, sizes={"deals": 4}))

    def place(self, reader: Reader, table: str, column: str) -> None:
        """One row at each side of both midnights of the day."""
        times = ("07T23:59:59-06:00", "08T00:00:00-06:00", "08T23:59:59-05:00", "09T00:00:00-05:00")
        for row_id, time in enumerate(times, start=1):
            reader.account.update(table, row_id, **{column: f"2026-03-{time}"})

    def found(self, reader: Reader, path: str, **filters: str) -> list[str]:
        query = {f"filters[{name}]": value for name, value in filters.items()}
        return sorted(reader.all_ids(path, path[1:], **query))

    @pytest.mark.parametrize(("path", "column"), [("/contacts", "udate"), ("/deals", "mdate")])
    def test_after_begins_with_the_whole_day_in_the_account_zone(
        self, reader: Reader, path: str, column: str
    ) -> None:
        self.place(reader, path[1:], column)
        assert self.found(reader, path, updated_after=self.DAY) == ["2", "3", "4"]
        assert self.found(reader, path, updated_after=f"{self.DAY}T23:00:00Z") == ["2", "3", "4"]

    def test_before_ends_where_the_day_begins(self, reader: Reader) -> None:
        self.place(reader, "deals", "mdate")
        assert self.found(reader, "/deals", updated_before=self.DAY) == ["1"]

    def test_creation_is_filtered_by_its_own_column(self, reader: Reader) -> None:
        self.place(reader, "deals", "cdate")
        assert self.found(reader, "/deals", created_after=self.DAY) == ["2", "3", "4"]
        assert self.found(reader, "/deals", created_before=self.DAY) == ["1"]

    def test_contacts_can_leave_out_the_boundary(self) -> None:
        reader = Reader(SandboxOptions(contacts=4, strict_after=True))
        self.place(reader, "contacts", "udate")
        assert self.found(reader, "/contacts", updated_after=self.DAY) == ["4"]

    @pytest.mark.parametrize(
        ("value", "ids"),
        [
            ("2026-03-08", ["2", "3", "4"]),
            ("2026-03-08 23:59:59", ["3", "4"]),
            ("2026-03-09T04:59:59Z", ["3", "4"]),
            ("2026-03-09T05:00:00+00:00", ["4"]),
        ],
    )
    def test_by_instant_the_time_of_day_counts(self, value: str, ids: list[str]) -> None:
        reader = Reader(SandboxOptions(contacts=4, sizes={"deals": 4}, filter_mode="instant"))
        self.place(reader, "deals", "mdate")
        assert self.found(reader, "/deals", updated_after=value) == ids

    def test_a_vendor_change_can_make_them_useless(self) -> None:
        reader = Reader(SandboxOptions(contacts=4, filter_mode="ignored"))
        assert self.found(reader, "/contacts", updated_after="2099-01-01") == ["1", "2", "3", "4"]

    def test_the_future_holds_nothing_and_nonsense_filters_nothing(self, reader: Reader) -> None:
        assert self.found(reader, "/contacts", updated_after="2099-01-01") == []
        assert len(self.found(reader, "/contacts", updated_after="soon")) == 4


@pytest.mark.parametrize(
    ("path", "filters", "table", "column", "value"),
    [
        ("/accountContacts", "filters[contact]", "account_contacts", "contact", "1"),
        ("/accountCustomFieldData", "filters[customerAccountId]", None, "accountId", 3),
        ("/fieldValues", "filters[fieldid]", None, "field", "2"),
        ("/dealCustomFieldData", "filters[dealId]", None, "dealId", 5),
        ("/dealStages", "filters[d_groupid]", "stages", "group", "2"),
        ("/taskOutcomes", "filters[sentiment]", None, "sentiment", "NEGATIVE"),
    ],
)
def test_column_filters(
    reader: Reader, path: str, filters: str, table: str | None, column: str, value: object
) -> None:
    spec = reader.account.contract.at(path)
    assert spec is not None
    asked = "1" if value == "NEGATIVE" else str(value)
    found = reader.all_ids(path, spec.envelope, **{filters: asked})
    truth = [row["id"] for row in reader.account.rows(table or spec.name) if row[column] == value]
    assert sorted(found, key=int) == truth
    assert truth


def test_deals_can_be_bounded_by_whole_units_of_money(reader: Reader) -> None:
    query = {"filters[minimum_value]": 20_000, "filters[maximum_value]": "60000"}
    found = reader.all_ids("/deals", "deals", **query)
    rows = reader.account.store("deals")
    truth = [i for i in rows.ids if 2_000_000 <= int(rows.full(i)["value"]) <= 6_000_000]
    assert sorted(map(int, found)) == truth
    assert 0 < len(truth) < len(rows.ids)


def test_tasks_can_be_bounded_by_when_they_are_due() -> None:
    reader = Reader(SandboxOptions(contacts=8, sizes={"tasks": 4}))
    for row_id, due in enumerate(("2026-01-01", "2026-01-02", "2026-01-03", "soon"), start=1):
        reader.account.update("tasks", row_id, duedate=due)
    bounds = {"filters[due_after]": "2026-01-02", "filters[due_before]": "2026-01-03"}
    assert reader.all_ids("/dealTasks", "dealTasks", **bounds) == ["2"]
    assert len(reader.all_ids("/dealTasks", "dealTasks", **{"filters[due_after]": "later"})) == 4


@pytest.mark.parametrize(
    ("compare", "value", "names"),
    [
        ("eq", "b", ["B"]),
        ("neq", "b", ["a", "ba"]),
        ("lt", "b", ["a"]),
        ("lte", "b", ["a", "B"]),
        ("gt", "b", ["ba"]),
        ("gte", "b", ["B", "ba"]),
        ("contains", "A", ["a", "ba"]),
        ("starts_with", "b", ["B", "ba"]),
        ("like", "b", ["a", "B", "ba"]),
    ],
)
def test_names_can_be_compared(compare: str, value: str, names: list[str]) -> None:
    reader = Reader(SandboxOptions(contacts=1, sizes={"lists": 3, "tags": 3}))
    for row_id, name in enumerate(("a", "B", "ba"), start=1):
        reader.account.update("lists", row_id, name=name)
        reader.account.update("tags", row_id, tag=name)
    lists = reader.get("/lists", **{f"filters[name][{compare}]": value})["lists"]
    tags = reader.get("/tags", **{f"filters[search][{compare}]": value})["tags"]
    assert [row["name"] for row in lists] == names
    assert [row["tag"] for row in tags] == names


def test_contacts_are_found_by_their_tag_as_tags_come_and_go() -> None:
    reader = Reader(SandboxOptions(contacts=50))

    def found() -> list[str]:
        return sorted(reader.all_ids("/contacts", "contacts", tagid=7))

    def truth() -> list[str]:
        rows = reader.account.rows("contact_tags")
        return sorted({row["contact"] for row in rows if row["tag"] == "7"})

    assert found() == truth()
    reader.account.delete("contact_tags", *[r["id"] for r in reader.account.rows("contact_tags")])
    assert found() == []
    reader.account.add("contact_tags", contact="3", tag="7")
    assert found() == truth() == ["3"]


class TestSingleRecords:
    @pytest.mark.parametrize(
        ("path", "singular"),
        [
            ("/contacts/1", "contact"),
            ("/accountCustomFieldMeta/1", "accountCustomFieldMetum"),
            ("/dealCustomFieldData/1", "dealCustomFieldDatum"),
            ("/dealTasktypes/1", "dealTasktype"),
        ],
    )
    def test_they_have_an_envelope_of_their_own(
        self, reader: Reader, path: str, singular: str
    ) -> None:
        assert reader.get(path)[singular]["id"] == "1"

    @pytest.mark.parametrize(
        "path", ["/forms/999", "/groups/999", "/fieldValues/999999", "/lists/999"]
    )
    def test_some_missing_ones_are_forbidden(self, reader: Reader, path: str) -> None:
        assert reader.status(path)[0] == 403

    def test_others_are_not_found_and_name_internal_classes(self, reader: Reader) -> None:
        message = {"message": "No Result found for Subscriber with id 99999"}
        assert reader.status("/contacts/99999") == (404, message)

    def test_counts_are_only_in_lists(self, reader: Reader) -> None:
        assert "active_subscribers" not in reader.get("/lists/1")["list"]
        assert "active_subscribers" in reader.get("/lists")["lists"][0]

    def test_amounts_of_orders_become_text(self, reader: Reader) -> None:
        assert isinstance(reader.get("/ecomOrders/1")["ecomOrder"]["totalPrice"], str)


def test_products_can_be_read_per_order(reader: Reader) -> None:
    order = reader.get("/ecomOrders/1")["ecomOrder"]
    found = reader.get("/ecomOrders/1/orderProducts")["ecomOrderProducts"]
    assert [row["id"] for row in found] == order["orderProducts"]


@pytest.mark.parametrize(
    "path", ["/tasks", "/nothing", "/contacts/1/nothing", "/contacts/1/notes/2"]
)
def test_other_paths_are_not_found(reader: Reader, path: str) -> None:
    assert reader.status(path)[0] == 404


def test_the_user_comes_with_its_group() -> None:
    me = Reader().get("/users/me")
    assert me["user"]["id"] == "1"
    assert me["groups"][0]["p_admin"] == "1"
    other = Reader(SandboxOptions(contacts=1, admin=False)).get("/users/me")
    assert other["groups"][0]["p_admin"] == "0"


def test_wrong_tokens_are_refused() -> None:
    assert Reader().status("/users/me", token="wrong")[0] == 403
    reader = Reader(SandboxOptions(contacts=1, bad_token_status=401))
    assert reader.status("/users/me", token="wrong")[0] == 401


def test_php_writes_the_same_json_in_other_bytes() -> None:
    options = SandboxOptions(contacts=30, php_escapes=True)
    account = Account(options)
    body = Api(account, options).answer("/contacts", "limit=100", options.token).body
    assert body.isascii()
    assert b"https:\\/\\/" in body
    by_id = sorted(json.loads(body)["contacts"], key=lambda row: int(row["id"]))
    assert by_id == account.rows("contacts")
