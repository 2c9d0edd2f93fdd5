"""PostgreSQL's words for digests, for tables read and tables written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from penstock.core.digest import Form
from penstock.sdk.sql.digest.sums import DIGITS, DigestWords

_FORMS: Final[Mapping[Form, str]] = {
    Form.INTEGER: "({})::text",
    Form.DECIMAL: "({})::text",
    Form.DOUBLE: "({})::double precision::text",
    Form.BOOLEAN: "({})::text",
    # Not ::text, which takes the blanks from the end of char(n).
    Form.TEXT: "CASE WHEN {0} IS NOT NULL THEN concat({0}) END",
    Form.BYTES: "encode({}, 'hex')",
    Form.DATE: "({})::text",
    Form.TIME: "({})::text",
    Form.TIMESTAMP: "({})::text",
    Form.TIMESTAMPTZ: "({} AT TIME ZONE 'UTC')::text",
    Form.JSON: "({})::jsonb::text",
}


class PostgresDigest(DigestWords):
    """Sessions have DateStyle ISO, and digits of floats that are exact."""

    def ident(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def length(self, text: str) -> str:
        return f"char_length({text})::text"

    def hashed(self, text: str) -> str:
        return f"('x' || left(md5({text}), {DIGITS}))::bit({DIGITS * 4})::bigint"


def postgres_form(expression: str, form: Form) -> str:
    """An expression's value as the text of a form."""
    return _FORMS[form].format(expression)
