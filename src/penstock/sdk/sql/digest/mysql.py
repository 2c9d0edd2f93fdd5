"""Words of MySQL and MariaDB for digests, for tables read and tables written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from penstock.core.digest import Form
from penstock.sdk.sql.digest.sums import DIGITS, DigestWords

_TRIMMED: Final = "TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM {}))"
_MOMENT: Final = _TRIMMED.format("DATE_FORMAT({}, '%Y-%m-%d %H:%i:%s.%f')")
_FORMS: Final[Mapping[Form, str]] = {
    Form.INTEGER: "CAST({} AS CHAR)",
    Form.DECIMAL: "CAST({} AS CHAR)",
    # Large and small numbers are written with another exponent here.
    Form.DOUBLE: "CAST({} AS CHAR)",
    Form.JSON: "CAST({} AS CHAR)",
    Form.BOOLEAN: "CASE {0} WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE CAST({0} AS CHAR) END",
    Form.TEXT: "{}",
    Form.BYTES: "LOWER(HEX({}))",
    Form.DATE: "CAST({} AS CHAR)",
    Form.TIME: _TRIMMED.format("TIME_FORMAT({}, '%H:%i:%s.%f')"),
    Form.TIMESTAMP: _MOMENT,
    Form.TIMESTAMPTZ: _MOMENT,
}


class MySqlDigest(DigestWords):
    """Sessions are in UTC."""

    def ident(self, name: str) -> str:
        return "`" + name.replace("`", "``") + "`"

    def joined(self, parts: Sequence[str]) -> str:
        return f"CONCAT({', '.join(parts)})"

    def length(self, text: str) -> str:
        return f"CAST(CHAR_LENGTH({text}) AS CHAR)"

    def hashed(self, text: str) -> str:
        return f"CAST(CONV(LEFT(MD5({text}), {DIGITS}), 16, 10) AS UNSIGNED)"

    def divided(self, number: str, by: int) -> str:
        return f"({number}) DIV {by}"


def mysql_form(expression: str, form: Form) -> str:
    """An expression's value as the text of a form."""
    return _FORMS[form].format(expression)
