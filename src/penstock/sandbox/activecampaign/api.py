"""The API itself: from a path and a query to an answer, without any HTTP."""

from penstock.sandbox.activecampaign.account import Account
from penstock.sandbox.activecampaign.answer import Answer, Shape, error
from penstock.sandbox.activecampaign.children import Children
from penstock.sandbox.activecampaign.makers.admin import ADMIN_GROUP
from penstock.sandbox.activecampaign.makers.world import Row
from penstock.sandbox.activecampaign.meta import meta
from penstock.sandbox.activecampaign.nested import nested
from penstock.sandbox.activecampaign.options import SandboxOptions
from penstock.sandbox.activecampaign.query import Finder, parse
from penstock.sandbox.activecampaign.sideloads import sideloads
from penstock.sandbox.activecampaign.single import as_single, missing
from penstock.sandbox.activecampaign.store import Store


class Api:
    """Answers requests below `/api/3` for one account."""

    def __init__(self, account: Account, options: SandboxOptions) -> None:
        self._account, self._options = account, options
        self._children = Children(account)
        self._finder = Finder(options, account.clock, self._children)

    def answer(self, path: str, raw_query: str, token: str | None) -> Answer:
        """The answer to `GET path?raw_query`; the path is relative to the base, `/contacts`."""
        if token != self._options.token:
            text = "You must provide a valid API token in the Api-Token header"
            return error(self._options.bad_token_status, text)
        with self._account.held():
            if self._account.plan_inactive:
                return error(402, "Your account is inactive. Please update your billing details.")
            return self._route(path, raw_query)

    def _route(self, path: str, raw_query: str) -> Answer:
        if path == "/users/me":
            return self._me()
        parts = path.strip("/").split("/")
        table = self._account.contract.at(f"/{parts[0]}")
        if table is None or len(parts) > 3:
            return error(404, "The requested resource could not be found")
        if table.name in self._account.unavailable:
            return _refused(table.name, self._account.unavailable[table.name])
        store = self._account.store(table.name)
        if len(parts) == 1:
            return self._collection(store, raw_query)
        row_id = int(parts[1]) if parts[1].isdecimal() else -1
        if row_id not in store:
            return missing(store, parts[1])
        return (
            self._single(store, row_id)
            if len(parts) == 2
            else self._nested(store, row_id, parts[2])
        )

    def _collection(self, store: Store, raw_query: str) -> Answer:
        query = parse(raw_query)
        page = self._finder.page(store, query)
        members = sideloads(self._account, self._children, store, page.ids, dict(query))
        if store.table.name == "accounts" and ("count_deals", "true") in query:
            rows = [store.spoilt(row_id, self._counted(store, row_id)) for row_id in page.ids]
        else:
            rows = [store.encoded(row_id) for row_id in page.ids]
        members[store.table.envelope] = rows
        about = meta(self._account, store, page.total, query)
        return self._members(members, about, store.table.envelope)

    def _counted(self, store: Store, row_id: int) -> Row:
        """An account with the counts that are "0" unless they are asked for."""
        contacts = self._children.of("account_contacts", "account", row_id)
        deals = self._children.of("deals", "customerAccount", row_id)
        counts = {"contactCount": str(len(contacts)), "dealCount": str(len(deals))}
        return store.row(row_id) | counts

    def _members(self, members: dict[str, list[bytes]], about: Row | None, envelope: str) -> Answer:
        parts = [b'"%b":[%b]' % (name.encode(), b",".join(rows)) for name, rows in members.items()]
        if about is not None:
            parts.append(b'"meta":' + self._account.encode(about))
        return Answer(body=b"{" + b",".join(parts) + b"}", envelope=envelope)

    def _single(self, store: Store, row_id: int) -> Answer:
        body: Row = {store.table.singular: as_single(store.table.name, store.row(row_id))}
        if store.table.name == "ecommerce_orders":
            body["ecomOrderDiscounts"] = []
        return Answer(body=self._account.encode(body), envelope=store.table.singular)

    def _nested(self, store: Store, row_id: int, name: str) -> Answer:
        found = nested(self._account, self._children, store, row_id, name)
        if found is None:
            return error(404, "The requested resource could not be found")
        envelope, rows = found
        return self._members({envelope: rows}, {"total": str(len(rows))}, envelope)

    def _me(self) -> Answer:
        """The token's user, with the group it is in as sideloads."""
        users, groups = self._account.store("users"), self._account.store("groups")
        wanted = ADMIN_GROUP if self._options.admin else ADMIN_GROUP - 1
        group = str(wanted)
        membership = {"userid": "1", "groupid": group, "user": "1", "group": group, "id": "1"}
        body = {
            "userGroups": [membership],
            "groups": [groups.row(wanted)] if wanted in groups else [],
            "user": users.row(1) if 1 in users else {"id": "1", "email": "user1@acme.example"},
        }
        return Answer(body=self._account.encode(body), envelope="user")


def _refused(table: str, status: int) -> Answer:
    """An object that the plan or the user's rights do not cover."""
    shape: Shape = "errors" if table == "lists" else "message"
    if status == 404:
        return error(404, "The requested resource could not be found")
    return error(status, "You do not have permission to perform this action", shape)
