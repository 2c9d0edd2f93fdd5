"""A sandbox inside this process, for tests and for trying things out."""

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Self, TypeVar

from penstock.sandbox.activecampaign.account import Account, Id
from penstock.sandbox.activecampaign.children import Children
from penstock.sandbox.activecampaign.faults import Fault, FaultKind
from penstock.sandbox.activecampaign.makers.world import Row
from penstock.sandbox.activecampaign.options import SandboxOptions
from penstock.sandbox.activecampaign.record import Call
from penstock.sandbox.activecampaign.server import Server
from penstock.sandbox.activecampaign.sideloads import sideloads
from penstock.sandbox.activecampaign.spoil import Spoil, SpoilKind

_WAIT_S = 30.0

T = TypeVar("T")


class Sandbox:
    """A running server in a thread of its own; use it as a context manager.

    Everything may be called from any thread while clients are being served.
    """

    def __init__(self, options: SandboxOptions | None = None) -> None:
        self.options = options or SandboxOptions()
        self.url = ""
        self.token = self.options.token
        self._server = Server(self.options)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="sandbox", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self.url = self._in_loop(self._server.start())
        except BaseException:
            self._end_thread()
            raise
        asyncio.run_coroutine_threadsafe(self._server.change_for_ever(), self._loop)
        return self

    def __exit__(self, *_: object) -> None:
        self._in_loop(self._server.stop())
        self._end_thread()

    def _in_loop(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_WAIT_S)

    def _end_thread(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_WAIT_S)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self._loop.close()

    @property
    def account(self) -> Account:
        """The rows and rules behind the server."""
        return self._server.account

    # Truth and change

    def rows(self, table: str) -> list[Row]:
        """What the API would give now, all pages together, by id; tables as in the contract."""
        return self.account.rows(table)

    def sideload(self, table: str, name: str) -> list[Row]:
        """All rows that come beside a table's own, e.g. `fieldOptions` of contact_custom_fields."""
        with self.account.held():
            store = self.account.store(table)
            found = sideloads(self.account, Children(self.account), store, store.ids, {})
            return [json.loads(row) for row in found[name]]

    def add(self, table: str, n: int = 1, **values: Any) -> list[str]:
        """Make `n` rows with these values; returns their ids."""
        return self.account.add(table, n, **values)

    def update(self, table: str, row_id: Id, **values: Any) -> None:
        """Set values of a row; its update time becomes now unless it is among them."""
        self.account.update(table, row_id, **values)

    def delete(self, table: str, *row_ids: Id) -> None:
        self.account.delete(table, *row_ids)

    def set_column(self, table: str, name: str, value: object) -> None:
        """Give all rows a new member, or an old one another value and type."""
        self.account.set_column(table, name, value)

    def drop_column(self, table: str, name: str) -> None:
        self.account.drop_column(table, name)

    def redact(self, *deal_ids: Id, hidden: bool = True) -> None:
        """Put deals into a hidden pipeline, or take them out of it."""
        self.account.redact(*deal_ids, hidden=hidden)

    def unavailable(self, table: str, status: int | None = 403) -> None:
        """Refuse a table with 403 or 404; None offers it again."""
        self.account.set_unavailable(table, status)

    def plan_inactive(self, inactive: bool = True) -> None:
        """Answer 402 to everything."""
        self.account.plan_inactive = inactive

    def set_ahead(self, seconds: float) -> None:
        """Set the server's clock ahead of the machine's (or behind it)."""
        self.account.clock.ahead_s = seconds

    def after(self, path: str, requests: int, action: Callable[[], object]) -> None:
        """Run `action` once so many requests to `path`, counted from now, were answered."""
        with self.account.held():
            self._server.record.after(path, requests, action)

    # Faults

    def fail(self, kind: FaultKind | int, path: str = "*", **how: Any) -> Fault:
        """Set a fault by kind, or by HTTP status; `how` are the other fields of `Fault`."""
        if isinstance(kind, int):
            rule = Fault("status", path, status=kind, **how)
        else:
            rule = Fault(kind, path, **how)
        self._server.faults.rules.append(rule)
        return rule

    def spoil(self, table: str, row_id: Id, kind: SpoilKind, **how: Any) -> None:
        """Send a row spoilt; `how` are the other fields of `Spoil`."""
        self.account.spoil(table, row_id, Spoil(kind, **how))

    def clear_faults(self) -> None:
        """End all faults and spoilt rows."""
        self._server.faults.rules.clear()
        self.account.unspoil()

    def set_rate_limit(self, limit: int | None) -> None:
        self._server.limiter.limit = limit

    # What happened

    @property
    def calls(self) -> list[Call]:
        """API requests so far, in order of arrival."""
        return list(self._server.record.calls)

    @property
    def count_429(self) -> int:
        """Requests refused by the rate limit."""
        return self._server.record.rate_limited

    @property
    def stats(self) -> dict[str, Any]:
        return self._server.record.stats()

    def warm(self, *tables: str) -> None:
        """Make and keep the rows of these tables now (all by default), so that reading is fast."""
        self.account.warm(*tables)
