"""Random events and random flows."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from rowwise.formulas import Node, written

TEXTS = [
    "",
    " ",
    "Ana",
    "new YORK",
    "orderLine ID",
    "ana@shop.io",
    "a@b",
    "a-b, c",
    "12",
    "-7",
    "1,234.50",
    "(12)",
    "0.5",
    "2024-05-06",
    "31/12/69",
    "2023-02-29",
    '{"k":[1],"m":{"n":"x"}}',
    "[1,2]",
    "tmp",
    "true",
]
_EARLIEST = datetime.fromisoformat("1990-01-01")
_LATEST = datetime.fromisoformat("2030-01-01")
NAMES = ["s", "u", "i", "f", "m", "b", "d", "t", "o", "l"]
_SMALL = st.integers(-50, 50)
_OBJECTS = st.fixed_dictionaries(
    {},
    optional={
        "x": _SMALL,
        "y": st.fixed_dictionaries({}, optional={"z": st.sampled_from(TEXTS), "w": _SMALL}),
        "e": st.just({}),
        "l": st.lists(_SMALL, max_size=2),
        "n": st.none(),
    },
)
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "s": st.sampled_from(TEXTS),
    "u": st.sampled_from(TEXTS),
    "i": _SMALL | st.integers(10**6, 10**7),
    "f": st.integers(-10_000, 10_000).map(lambda n: n / 100) | _SMALL.map(lambda n: n / 8),
    "m": st.integers(-10_000, 10_000)
    .map(lambda n: Decimal(n) / 100)
    .map(lambda n: n.quantize(Decimal("0.01"))),
    "b": st.booleans(),
    "d": st.dates(date(1990, 1, 1), date(2030, 12, 31)),
    "t": st.datetimes(_EARLIEST, _LATEST).map(
        lambda t: t.replace(microsecond=t.microsecond // 1000 * 1000, tzinfo=UTC)
    ),
    "o": _OBJECTS,
    "l": st.lists(_SMALL | st.sampled_from(TEXTS), max_size=3),
}
rows = st.lists(
    st.fixed_dictionaries(
        {"id": st.integers(1, 9)},
        optional={name: values | st.none() for name, values in _VALUES.items()},
    ),
    min_size=1,
    max_size=8,
)

_OPERANDS = st.sampled_from([0, 5, 12, -7, 0.5, "Ana", "a", "12", "2000-01-01", "true", "x"])
_UNASKED = ["IS_NULL", "IS_NOT_NULL", "HAS_FIELD", "NOT_HAS_FIELD", "IS_TRUE", "IS_FALSE"]


_OPS = (
    *("EQ", "NEQ", "GT", "GTE", "LT", "LTE", "IN", "NOT_IN", "IN_RANGE", "NOT_IN_RANGE"),
    *("CONTAINS", "NOT_CONTAINS", "STARTS_WITH", "ENDS_WITH", "REGEX", "IS_TYPE"),
    *_UNASKED,
)


@st.composite
def asked(draw: st.DrawFn) -> dict[str, Any]:
    """An operator with its operand."""
    op = draw(st.sampled_from(_OPS))
    made: dict[str, Any] = {"op": op, "ignore_case": draw(st.booleans())}
    if op in ("IN", "NOT_IN"):
        made["value"] = draw(st.lists(_OPERANDS, min_size=1, max_size=3))
    elif op in ("IN_RANGE", "NOT_IN_RANGE"):
        made["value"] = draw(st.sampled_from([[-7, 12], [0, 0.5], ["2000-01-01", "2010-01-01"]]))
    elif op == "REGEX":
        made["value"] = draw(st.sampled_from(["^a", "[0-9]+", "x|o", "YORK$"]))
    elif op == "IS_TYPE":
        kinds = ["STRING", "NUMBER", "BOOLEAN", "DATE", "TIMESTAMP", "ARRAY", "OBJECT"]
        made["value"] = draw(st.sampled_from(kinds))
    elif op in ("CONTAINS", "NOT_CONTAINS", "STARTS_WITH", "ENDS_WITH"):
        made["value"] = draw(st.sampled_from(["a", "2", "Ana", " "]))
        made["ignore_case"] = False
    elif op not in _UNASKED:
        made["value"] = draw(_OPERANDS)
    return made


_event = st.sampled_from(NAMES).flatmap(
    lambda name: asked().map(lambda made: {"on": "EVENT_FIELD", "field": name, **made})
)
_by_value = asked().map(lambda made: {"on": "FIELD_VALUE", **made})
_by_name = st.one_of(
    st.lists(st.sampled_from([*NAMES, "s_1"]), min_size=1, max_size=3, unique=True).map(
        lambda names: {"on": "FIELD_NAME", "op": "IN", "value": names}
    ),
    st.just({"on": "FIELD_NAME", "op": "STARTS_WITH", "value": "s"}),
)
_match = st.sampled_from(["ALL", "ANY"])
_event_filters = st.fixed_dictionaries(
    {"event": st.lists(_event, max_size=2), "event_match": _match}
)
_filters = st.fixed_dictionaries(
    {
        "event": st.lists(_event, max_size=1),
        "event_match": _match,
        "field": st.lists(_by_name, max_size=1).flatmap(
            lambda named: st.lists(_by_value, max_size=1).map(lambda valued: named + valued)
        ),
        "field_match": _match,
    }
)

_leaf: st.SearchStrategy[Node] = st.one_of(
    st.sampled_from(["s", "i", "f", "m", "b", "d", "t", "l", "gone"]).map(lambda n: ("field", n)),
    _SMALL.map(lambda n: ("const", n)),
    st.sampled_from(["a", "Ana", "12"]).map(lambda t: ("const", t)),
    st.booleans().map(lambda b: ("const", b)),
    st.just(("null",)),
)


def _grown(below: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    operators = ["+", "-", "*", "/", "%", "==", "!=", "<", ">=", "&&", "||"]
    one = ["UPPER", "LOWER", "TRIM", "LENGTH", "ABS", "STRING_TO_NUMBER"]
    return st.one_of(
        st.tuples(st.sampled_from(operators), below, below),
        st.tuples(st.just("!"), below),
        st.tuples(st.just("call"), st.sampled_from(one), below),
        st.tuples(st.just("call"), st.just("IF"), below, below, below),
        st.tuples(st.just("call"), st.sampled_from(["COALESCE", "CONCAT"]), below, below),
        below.map(lambda node: ("call", "REPLACE", node, ("const", "a"), ("const", "o"))),
        below.map(lambda node: ("call", "SPLIT_ARRAY", node, ("const", "-"))),
    )


_formulas = st.recursive(_leaf, _grown, max_leaves=4)
_own_formulas = st.recursive(_leaf | st.just(("self",)), _grown, max_leaves=4)

_SETTINGS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "HASH_FIELDS": st.fixed_dictionaries(
        {"algorithm": st.sampled_from(["MD5", "SHA256"]), "salt": st.sampled_from(["", "x"])}
    ),
    "MASK_FIELDS": st.fixed_dictionaries(
        {
            "mode": st.sampled_from(
                ["ALL", "FIRST_N", "LAST_N", "KEEP_FIRST_N", "KEEP_LAST_N", "EMAIL"]
            ),
            "n": st.integers(1, 4),
        }
    ),
    "TEXT_CASE": st.fixed_dictionaries(
        {"casing": st.sampled_from(["LOWER", "UPPER", "TITLE", "SNAKE_CASE"])}
    ),
    "FIND_REPLACE": st.fixed_dictionaries(
        {
            "find": st.sampled_from(["a", "Ana", "12", "o"]),
            "replace": st.sampled_from(["", "x", "$null"]),
            "regex": st.booleans(),
            "match_case": st.booleans(),
            "scope": st.sampled_from(["ALL", "FIRST", "WHOLE_VALUE"]),
        }
    ),
    "ROUND_DECIMAL": st.fixed_dictionaries({"decimals": st.integers(-2, 3)}),
    "FORMAT_NUMBER": st.sampled_from([{}, {"pattern": "#,##0.00"}, {"decimals": 1}]),
    "PARSE_NUMBER": st.just({}),
    "PARSE_DATE": st.fixed_dictionaries(
        {
            "formats": st.sampled_from([["yyyy-MM-dd"], ["dd/MM/yy", "yyyy-MM-dd"]]),
            "output": st.sampled_from(["DATE", "TIMESTAMP"]),
        }
    ),
    "FORMAT_DATE": st.sampled_from([{}, {"format": "EEE, d MMM yyyy HH:mm"}]),
    "CHANGE_DATETIME": st.fixed_dictionaries(
        {
            "changes": st.lists(
                st.fixed_dictionaries(
                    {
                        "unit": st.sampled_from(
                            ["MONTH", "YEAR", "DAY_OF_YEAR", "WEEK_OF_YEAR", "HOUR"]
                        ),
                        "amount": st.integers(-30, 30),
                    }
                ),
                min_size=1,
                max_size=2,
            )
        }
    ),
    "PARSE_JSON": st.fixed_dictionaries({"only_objects": st.booleans()}),
    "SPLIT_FIELDS": st.fixed_dictionaries(
        {
            "delimiter": st.sampled_from(["-", " ", ","]),
            "into": st.sampled_from(["FIELDS", "ARRAY"]),
            "names": st.sampled_from([[], ["p", "q"]]),
            "limit": st.sampled_from([None, 1, 2]),
        }
    ),
    "FLATTEN_JSON": st.fixed_dictionaries(
        {
            "arrays": st.sampled_from(["KEEP", "INDEX"]),
            "max_depth": st.sampled_from([None, 1]),
            "on_conflict": st.sampled_from(["SUFFIX", "OVERWRITE", "KEEP_EXISTING"]),
        }
    ),
    "DROP_FIELDS": st.just({}),
    "RENAME_FIELDS": st.one_of(
        st.fixed_dictionaries(
            {
                "mode": st.just("MAP"),
                "names": st.sampled_from([{"s": "u"}, {"i": "j", "id": "key"}, {"f": "s"}]),
                "on_conflict": st.sampled_from(["ERROR", "OVERWRITE", "KEEP_EXISTING"]),
            }
        ),
        st.just({"mode": "PREFIX", "value": "p_", "on_conflict": "ERROR"}),
    ),
}
_ON_ERROR = st.sampled_from(["FAIL", "SKIP_FIELD", "SET_NULL"])


@st.composite
def _block(draw: st.DrawFn, depth: int) -> dict[str, Any]:
    kinds = [*_SETTINGS, "ADD_FIELD", "CHANGE_FIELD_VALUE", "DROP_EVENTS", "RENAME_EVENTS"]
    kind = draw(st.sampled_from(kinds))
    made: dict[str, Any] = {"type": kind, "on_error": draw(_ON_ERROR), "settings": {}}
    made["filters"] = draw(_event_filters if kind in kinds[-4:] else _filters)
    if kind in _SETTINGS:
        made["settings"] = draw(_SETTINGS[kind])
        if made["settings"].get("names") == ["p", "q"]:
            # Several fields into the same names: which comes last is the order of the columns.
            one = {"on": "FIELD_NAME", "op": "IN", "value": [draw(st.sampled_from(NAMES))]}
            made["filters"] = {**made["filters"], "field": [one]}
    elif kind == "ADD_FIELD":
        made["formula"] = draw(_formulas)
        made["settings"] = {
            "field_name": draw(st.sampled_from(["new", "s", "i"])),
            "if_exists": draw(st.sampled_from(["KEEP", "OVERWRITE"])),
            "value": written(made["formula"]),
            "value_kind": "FORMULA",
        }
    elif kind == "CHANGE_FIELD_VALUE":
        made["filters"] = draw(_filters)
        made["formula"] = draw(_own_formulas)
        made["settings"] = {"value": written(made["formula"]), "value_kind": "FORMULA"}
    elif kind == "RENAME_EVENTS":
        made |= draw(_renamings())
    return made


@st.composite
def _renamings(draw: st.DrawFn) -> dict[str, Any]:
    mode = draw(st.sampled_from(["PREFIX", "SUFFIX", "TO"]))
    if mode != "TO":
        return {"settings": {"mode": mode, "value": "x"}}
    formula = ("call", "CONCAT", ("field", "b"), ("const", draw(st.sampled_from(["", "k"]))))
    value = {"value": written(formula), "value_kind": "FORMULA"}
    return {"formula": formula, "settings": {"mode": "TO", **value}}


@st.composite
def flows(draw: st.DrawFn, depth: int = 0) -> list[dict[str, Any]]:
    """A few blocks, perhaps with an If-Else at the end."""
    made = draw(st.lists(_block(depth), min_size=0 if depth else 1, max_size=4))
    if depth < 2 and draw(st.booleans()):
        conditions = draw(st.lists(_event, min_size=1, max_size=2))
        branch = {
            "condition": {"match": draw(_match), "conditions": conditions},
            "then": draw(flows(depth + 1)),
            "else": draw(flows(depth + 1)),
        }
        made.append({"type": "IF_ELSE", "settings": branch})
    return made
