"""The functions of formulas by name, each with the number of values it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from penstock.transforms.columns.column import Column
from penstock.transforms.columns.masks import Mask
from penstock.transforms.formula import calls, conversions, math_calls, text_calls
from penstock.transforms.formula.tree import Call, FormulaError, Node

if TYPE_CHECKING:
    from penstock.transforms.formula.evaluate import Evaluation

Run = Callable[["Evaluation", tuple[Node, ...], Mask], Column]
ANY: Final = 1000
SPLIT_FIELDS: Final = "SPLIT_FIELDS"
"""Not a function of values: it makes fields, so it is the whole formula or it is refused."""


@dataclass(frozen=True)
class Function:
    """A function: how many values it takes, how it works, and where its constants are checked."""

    least: int
    most: int
    run: Run
    check: Callable[[Call], None] = lambda _call: None


FUNCTIONS: Final[dict[str, Function]] = {
    "LOWER": Function(1, 1, text_calls.lower),
    "UPPER": Function(1, 1, text_calls.upper),
    "TITLE": Function(1, 1, text_calls.title),
    "SNAKE_CASE": Function(1, 1, text_calls.snake_case),
    "REPLACE": Function(3, 5, text_calls.replace, text_calls.check_replace),
    "SPLIT_ARRAY": Function(1, 2, text_calls.split_array, text_calls.check_split),
    "TRIM": Function(1, 1, text_calls.trim),
    "LTRIM": Function(1, 1, text_calls.ltrim),
    "RTRIM": Function(1, 1, text_calls.rtrim),
    "LENGTH": Function(1, 1, text_calls.length),
    "SUBSTRING": Function(2, 3, text_calls.substring),
    "CONCAT": Function(1, ANY, text_calls.concat),
    "STRING_TO_NUMBER": Function(1, 2, conversions.string_to_number, conversions.check_places),
    "NUMBER_TO_STRING": Function(1, 2, conversions.number_to_string, conversions.check_number),
    "STRING_TO_DATE": Function(1, 3, conversions.string_to_date, conversions.check_date),
    "STRING_TO_DATETIME": Function(1, 3, conversions.string_to_datetime, conversions.check_date),
    "DATE_TO_STRING": Function(2, 3, conversions.date_to_string, conversions.check_date),
    "HASH": Function(1, 2, conversions.hash_value, conversions.check_hash),
    "MASK": Function(1, 4, conversions.mask_value, conversions.check_mask),
    "JSON_PARSE": Function(1, 1, conversions.json_parse),
    "JSON_STRING": Function(1, 1, conversions.json_string),
    "ROUND": Function(1, 2, math_calls.round_value, conversions.check_places),
    "ABS": Function(1, 1, math_calls.absolute),
    "FLOOR": Function(1, 1, math_calls.floor),
    "CEIL": Function(1, 1, math_calls.ceil),
    "MOD": Function(2, 2, math_calls.mod),
    "MIN": Function(1, ANY, math_calls.least),
    "MAX": Function(1, ANY, math_calls.greatest),
    "COALESCE": Function(1, ANY, calls.coalesce),
    "IF": Function(3, 3, calls.choose),
    "NOW": Function(0, 0, calls.now),
    "TODAY": Function(0, 0, calls.today),
    "UUID": Function(0, 0, calls.uuid),
    "EVENT_TYPE": Function(0, 0, calls.event_type),
}


def check(call: Call, *, whole: bool) -> None:
    """That the function exists and can take what it is given.

    Raises:
        FormulaError: with the place of the call or of the value.
    """
    if call.name == SPLIT_FIELDS:
        if not whole:
            raise FormulaError("SPLIT_FIELDS can only be a whole formula.", call.at)
        if len(call.args) not in (1, 2):
            raise FormulaError("SPLIT_FIELDS takes 1 or 2 values.", call.at)
        text_calls.check_split(call)
        return
    function = FUNCTIONS.get(call.name)
    if function is None:
        raise FormulaError(f"There is no function {call.name}.", call.at)
    if not function.least <= len(call.args) <= function.most:
        raise FormulaError(f"{call.name} takes {_count(function)}.", call.at)
    function.check(call)


def _count(function: Function) -> str:
    if function.least == function.most:
        return "no value" if not function.least else f"{function.least} value(s)"
    if function.most == ANY:
        return f"at least {function.least} value(s)"
    return f"{function.least} to {function.most} values"
