"""The control path `/_sandbox/...`: what another process can ask of a running sandbox."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from penstock.sandbox.activecampaign.account import Account
from penstock.sandbox.activecampaign.answer import Answer, error
from penstock.sandbox.activecampaign.faults import Fault, Faults
from penstock.sandbox.activecampaign.record import Record
from penstock.sandbox.activecampaign.spoil import Spoil

Body = Mapping[str, Any]


class Control:
    """Answers control requests; there is no token, since it listens on loopback only."""

    def __init__(self, account: Account, faults: Faults, record: Record) -> None:
        self._account, self._faults, self._record = account, faults, record
        self._routes: dict[tuple[str, str], Callable[[Any], object]] = {
            ("GET", "/stats"): lambda _: record.stats(),
            ("POST", "/change"): self._change,
            ("POST", "/warm"): lambda given: account.warm(*given.get("tables", ())),
            ("GET", "/faults"): lambda _: [vars(rule) for rule in faults.rules],
            ("POST", "/faults"): self._add_faults,
            ("DELETE", "/faults"): self._clear,
        }

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """The answer to a request; `path` begins after `/_sandbox`."""
        try:
            given = json.loads(body) if body else {}
            if method == "GET" and path.startswith("/rows/"):
                return _ok(self._account.rows(path.removeprefix("/rows/")))
            route = self._routes.get((method, path))
            return _ok(route(given)) if route else error(404, f"No control path {method} {path}.")
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            return error(400, f"{type(problem).__name__}: {problem}")

    def _change(self, given: Body) -> object:
        """Changes now, or after so many requests to a path."""
        after = given.get("after")
        if after is None:
            return apply(self._account, given)
        self._record.after(after["path"], after["requests"], lambda: apply(self._account, given))
        return {}

    def _add_faults(self, given: Body | list[Body]) -> object:
        rules = given if isinstance(given, list) else [given]
        self._faults.rules += [Fault(**rule) for rule in rules]
        return {"rules": len(self._faults.rules)}

    def _clear(self, _given: Body) -> object:
        self._faults.rules.clear()
        self._account.unspoil()
        return {}


def apply(account: Account, given: Body) -> dict[str, Any]:
    """Carry out a change; the keys are those of the README. Returns the ids of added rows."""
    unknown = given.keys() - _CHANGES.keys() - {"after"}
    if unknown:
        raise ValueError(f"Unknown: {', '.join(sorted(unknown))}; known: {', '.join(_CHANGES)}.")
    with account.held():
        results = {key: _CHANGES[key](account, given[key]) for key in _CHANGES if key in given}
    return {"added": results.get("add") or {}}


def _add(account: Account, wanted: Mapping[str, int | list[Body]]) -> dict[str, list[str]]:
    made = {}
    for table, rows in wanted.items():
        if isinstance(rows, int):
            made[table] = account.add(table, rows)
        else:
            made[table] = [row_id for row in rows for row_id in account.add(table, **row)]
    return made


def _update(account: Account, wanted: Mapping[str, Mapping[str, Body]]) -> None:
    for table, rows in wanted.items():
        for row_id, values in rows.items():
            account.update(table, row_id, **values)


def _delete(account: Account, wanted: Mapping[str, list[str | int]]) -> None:
    for table, row_ids in wanted.items():
        account.delete(table, *row_ids)


def _set_column(account: Account, wanted: Mapping[str, Body]) -> None:
    for table, columns in wanted.items():
        for name, value in columns.items():
            account.set_column(table, name, value)


def _drop_column(account: Account, wanted: Mapping[str, list[str]]) -> None:
    for table, names in wanted.items():
        for name in names:
            account.drop_column(table, name)


def _spoil(account: Account, wanted: Mapping[str, Mapping[str, Body]]) -> None:
    for table, rows in wanted.items():
        for row_id, how in rows.items():
            account.spoil(table, row_id, Spoil(**how))


def _unavailable(account: Account, wanted: Mapping[str, int | None]) -> None:
    for table, status in wanted.items():
        account.set_unavailable(table, status)


def _plan_inactive(account: Account, wanted: bool) -> None:
    account.plan_inactive = wanted


def _ahead_s(account: Account, wanted: float) -> None:
    account.clock.ahead_s = wanted


_CHANGES: dict[str, Callable[[Account, Any], object]] = {
    "ahead_s": _ahead_s,
    "add": _add,
    "update": _update,
    "delete": _delete,
    "set_column": _set_column,
    "drop_column": _drop_column,
    "redact": lambda account, ids: account.redact(*ids),
    "show": lambda account, ids: account.redact(*ids, hidden=False),
    "spoil": _spoil,
    "unavailable": _unavailable,
    "plan_inactive": _plan_inactive,
}


def _ok(value: object) -> Answer:
    return Answer(body=json.dumps(value).encode())
