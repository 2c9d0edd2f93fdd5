"""Formulas: each element, each function, and mistakes with their place."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from flows import NOW, Row, after, block, named, run
from penstock.transforms.formula.formula import Formula, is_formula
from penstock.transforms.formula.tree import FormulaError

ROW: Row = {
    "price": 10,
    "qty": 3,
    "rate": 2.5,
    "money": Decimal("19.90"),
    "name": "Ana",
    "text": "12.345",
    "day": date(2024, 5, 6),
    "at": NOW,
    "yes": True,
    "order id": 7,
    "address": {"city": {"code": "PNQ"}, "a b": 1},
    "nothing": None,
}


def value(formula: str, row: Row | None = None) -> Any:
    """What a formula gives for a row."""
    settings = {"field_name": "_", "value": formula, "value_kind": "FORMULA"}
    return after(block("ADD_FIELD", settings), ROW if row is None else row)[0]["_"]


@pytest.mark.parametrize(
    ("formula", "result"),
    [
        ('"text"', "text"),
        (r'"a \"b\""', 'a "b"'),
        ("12", 12),
        ("0.5", 0.5),
        ("-3", -3),
        ("true", True),
        ("$null", None),
        ("price", 10),
        ("address.city.code", "PNQ"),
        ("address.`a b`", 1),
        ("`order id` + 1", 8),
        ("price * qty", 30),
        ("price + qty - 1", 12),
        ("price / 4", 2.5),
        ("price / 5", 2.0),
        ("price % qty", 1),
        ("-7 % 3", -1),
        ("rate % 1", 0.5),
        ("money * 2", Decimal("39.80")),
        ("money * 0.1", Decimal("1.990")),
        ("money + price", Decimal("29.90")),
        ("money / 3", Decimal("6.633333333333")),
        ("money % 3", Decimal("1.90")),
        ("money + rate", 22.4),
        ("price * rate", 25.0),
        ("9223372036854775807 + 1", Decimal(2**63)),
        ("-price", -10),
        ("-price + 1", -9),
        ("2 + 3 * 4", 14),
        ("(2 + 3) * 4", 20),
        ("10 - 3 - 2", 5),
        ('name + "!"', "Ana!"),
        ('"n" + 1', "n1"),
        ('"n" + 1.0', "n1.0"),
        ("name + nothing", None),
        ("price + nothing", None),
        ("price + gone", None),
        ("gone", None),
        ("price > qty", True),
        ("price >= 10 && qty < 3", False),
        ("price == 10.0", True),
        ("price != 10", False),
        ('price == "10"', False),
        ('name == "Ana" || 1 / 0 == 1', True),
        ("qty != 0 && price / qty > 3", True),
        ("nothing == $null", True),
        ("gone == $null", True),
        ("price == $null", False),
        ("price != $null", True),
        ("nothing < 1", None),
        ("!yes", False),
        ("!(price == 1)", True),
        ("1 + 2 == 3 && 2 > 1", True),
        ("at - day", 25445.0),
        ('day > "2024-01-01"', True),
        ("day == at", False),
    ],
)
def test_elements(formula: str, result: Any) -> None:
    found = value(formula)
    assert found == result
    assert type(found) is type(result)


@pytest.mark.parametrize(
    ("formula", "result"),
    [
        ('LOWER("AB")', "ab"),
        ('UPPER("ab")', "AB"),
        ('upper("ab")', "AB"),
        ('TITLE("new YORK city")', "New York City"),
        ('SNAKE_CASE("orderLine ID")', "order_line_id"),
        ('REPLACE("a-b","-","")', "ab"),
        ('REPLACE("A1b2","REGEX","OTHERS","[a-z]","*")', "*1*2"),
        ('REPLACE("A1b2","REGEX","MATCH_EXACT","[a-z]","*")', "A1*2"),
        ('REPLACE("A.a","OTHERS","OTHERS","a","x")', "x.x"),
        ('SPLIT_ARRAY("a;b",";")', ["a", "b"]),
        ('STRING_TO_NUMBER("12.345", 1)', Decimal("12.3")),
        ("STRING_TO_NUMBER(text)", Decimal("12.345")),
        ('STRING_TO_NUMBER("7")', 7),
        ('STRING_TO_NUMBER("")', None),
        ('NUMBER_TO_STRING(1234.5,"#,##0.00")', "1,234.50"),
        ("NUMBER_TO_STRING(42.0)", "42.0"),
        ('STRING_TO_DATE("06-May-24", "dd-MMM-yy")', date(2024, 5, 6)),
        ('STRING_TO_DATE("2024-05-06")', date(2024, 5, 6)),
        ('STRING_TO_DATETIME("2024-05-06 12:34:05", "yyyy-MM-dd HH:mm:ss", "Asia/Kolkata")', NOW),
        ('DATE_TO_STRING(at, "dd/MM/yyyy HH:mm", "Asia/Kolkata")', "06/05/2024 12:34"),
        ('DATE_TO_STRING(day, "EEEE")', "Monday"),
        ("ROUND(2.345, 2)", 2.35),
        ("ROUND(2.5)", 3.0),
        ("ABS(-3)", 3),
        ("FLOOR(2.7)", 2),
        ("FLOOR(-2.1)", -3),
        ("CEIL(2.1)", 3),
        ("MOD(7, 3)", 1),
        ("MIN(3, 1.5, 2)", 1.5),
        ("MAX(price, qty)", 10),
        ("MAX(price, nothing)", None),
        ('CONCAT("a", $null, 1)', "a1"),
        ("CONCAT($null)", ""),
        ('TRIM("  a ")', "a"),
        ('LTRIM(" a ")', "a "),
        ('RTRIM(" a ")', " a"),
        ('LENGTH("hé")', 2),
        ('SUBSTRING("hevea",2,3)', "eve"),
        ('SUBSTRING("hevea",2)', "evea"),
        ("SUBSTRING(name, qty, 1)", "a"),
        ('COALESCE(nothing, gone, "x", 1 / 0)', "x"),
        ('IF(price > 5, "big", 1 / 0)', "big"),
        ('IF(nothing, "a", "b")', "b"),
        ('HASH("ana@shop.io", "MD5")', "3719ca1aa19a6f7f287737256c885b67"),
        ('MASK("4111111111111234", "KEEP_LAST_N", 4)', "************1234"),
        ('MASK("ana@shop.io", "EMAIL")', "a**@shop.io"),
        ('JSON_PARSE("{\\"a\\": [1]}")', {"a": [1]}),
        ("JSON_STRING(address.city)", '{"code":"PNQ"}'),
        ("JSON_STRING(name)", '"Ana"'),
        ("NOW()", NOW),
        ("TODAY()", NOW.date()),
        ("UUID()", "00000000-0000-0000-0000-000000000000"),
        ("EVENT_TYPE()", "e"),
        ("UPPER(LOWER(name))", "ANA"),
    ],
)
def test_functions(formula: str, result: Any) -> None:
    assert value(formula) == result


NULL_IN_NULL_OUT = [
    "LOWER({})",
    "UPPER({})",
    "TITLE({})",
    "SNAKE_CASE({})",
    'REPLACE({}, "a", "b")',
    'SPLIT_ARRAY({}, ";")',
    "STRING_TO_NUMBER({})",
    "NUMBER_TO_STRING({})",
    "STRING_TO_DATE({})",
    "STRING_TO_DATETIME({})",
    'DATE_TO_STRING({}, "yyyy")',
    "ROUND({})",
    "ABS({})",
    "FLOOR({})",
    "CEIL({})",
    "MOD({}, 2)",
    "MIN({}, 2)",
    "TRIM({})",
    "LENGTH({})",
    "SUBSTRING({}, 1)",
    "COALESCE({})",
    "HASH({})",
    "MASK({})",
    "JSON_PARSE({})",
    "JSON_STRING({})",
]


@pytest.mark.parametrize("formula", NULL_IN_NULL_OUT)
@pytest.mark.parametrize("null", ["$null", "nothing", "gone"])
def test_null_in_null_out(formula: str, null: str) -> None:
    assert value(formula.format(null)) is None


@pytest.mark.parametrize(
    ("formula", "cause"),
    [
        ("1 / 0", "divisor is zero"),
        ("1 % 0", "divisor is zero"),
        ("1.5 / 0", "divisor is zero"),
        ("text * 2", "needs numbers"),
        ('STRING_TO_NUMBER("12abc")', "no number"),
        ('STRING_TO_DATE("soon")', "date pattern"),
        ('JSON_PARSE("{")', "no JSON"),
        ("LOWER(1)", "LOWER needs text"),
        ("ABS(name)", "ABS needs a number"),
        ("!price", "needs true or false"),
        ("name && true", "needs true or false"),
        ("name > 1", "cannot compare"),
        ('day > "soon"', "no date"),
    ],
)
def test_faults_of_an_event(formula: str, cause: str) -> None:
    settings = {"field_name": "_", "value": formula, "value_kind": "FORMULA"}
    done = run(block("ADD_FIELD", settings), [ROW])
    assert [r.sub_code for r in done.refused] == ["TRANSFORM_BLOCK_ERROR"]
    assert cause in done.refused[0].reason


def test_each_event_is_computed_by_itself() -> None:
    made = block("ADD_FIELD", {"field_name": "r", "value": "IF(b == 0, $null, a / b)"})
    rows = after(made, {"a": 1, "b": 2}, {"a": 1, "b": 0}, {"a": 1})
    assert [row["r"] for row in rows] == [0.5, None, None]


@pytest.mark.parametrize(
    ("formula", "at"),
    [
        ("price *", 7),
        ("* price", 0),
        ("price qty", 6),
        ("(price", 0),
        ("price)", 5),
        ('"abc', 0),
        ("`abc", 0),
        ("price # 2", 6),
        ("$this", 0),
        ("1 + NOPE(2)", 4),
        ("1 + LOWER()", 4),
        ('LOWER("a", "b")', 0),
        ('1 + SPLIT_FIELDS(name, ",")', 4),
        ('REPLACE(name, "REGEX", "OTHERS", "(", "")', 33),
        ('REPLACE(name, "WHAT", "OTHERS", "a", "")', 14),
        ('DATE_TO_STRING(at, "qq")', 19),
        ('DATE_TO_STRING(at, "HH", "Mars")', 25),
        ("ROUND(price, qty)", 13),
        ("a.", 1),
        ("(" * 200 + "1" + ")" * 200, 100),
    ],
)
def test_mistakes_have_a_place(formula: str, at: int) -> None:
    with pytest.raises(FormulaError) as raised:
        Formula.read(formula)
    assert raised.value.at == at


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        ("Sold-Out", False),
        ("price * qty", True),
        ("price * gone", False),
        ('"quoted"', True),
        ("12", True),
        ("true", True),
        ("$self / 2", True),
        ("hello world", False),
        ("NOW()", True),
    ],
)
def test_what_counts_as_a_formula(text: str, formula: bool) -> None:
    assert is_formula(text, {"price", "qty"}) is formula


def test_a_literal_stays_a_literal() -> None:
    settings = {"field_name": "_", "value": "price * qty", "value_kind": "LITERAL"}
    assert after(block("ADD_FIELD", settings), ROW)[0]["_"] == "price * qty"


def test_split_array_of_the_current_field() -> None:
    made = block("CHANGE_FIELD_VALUE", {"value": 'SPLIT_ARRAY(";")'}, filters=named("v"))
    assert after(made, {"v": "a;b"}) == [{"v": ["a", "b"]}]


def test_timestamps_apart_are_seconds() -> None:
    later = datetime(2024, 5, 6, 9, tzinfo=UTC)
    assert value("b - a", {"a": later, "b": later + timedelta(milliseconds=1500)}) == 1.5


def test_the_message_says_the_place() -> None:
    with pytest.raises(FormulaError, match=re.escape("(at character 8)")):
        Formula.read("price * ")
