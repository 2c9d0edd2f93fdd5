"""The text of floating numbers in SQL, in the very form of `core.to_text`."""

from __future__ import annotations


def number_text(expression: str) -> str:
    """The shortest digits, positional from 1e-6 up to 1e10, else with an exponent.

    The server writes the shortest digits too, but with its own idea of when to take an exponent:
    0.0000001, 12345678901.5, 1e20.
    """
    text = f"CAST(ABS({expression}) AS CHAR)"
    mantissa = f"SUBSTRING_INDEX({text}, 'e', 1)"
    written = f"IF(LOCATE('e', {text}) > 0, CAST(SUBSTRING_INDEX({text}, 'e', -1) AS SIGNED), 0)"
    whole = f"SUBSTRING_INDEX({mantissa}, '.', 1)"
    # All digits of the mantissa, without zeros at either end.
    digits = f"TRIM(BOTH '0' FROM REPLACE({mantissa}, '.', ''))"
    fraction = f"SUBSTRING_INDEX({mantissa}, '.', -1)"
    leading = f"LENGTH({fraction}) - LENGTH(TRIM(LEADING '0' FROM {fraction}))"
    power = f"({written} + IF({whole} = '0', -1 - ({leading}), LENGTH({whole}) - 1))"
    sign = f"IF({expression} < 0, '-', '')"
    rest = f"SUBSTR({digits}, 2)"
    exponent = (
        f"CONCAT({sign}, LEFT({digits}, 1), IF({rest} = '', '', CONCAT('.', {rest})), "
        f"'e', IF({power} < 0, '-', '+'), ABS({power}))"
    )
    # Up to 6 zeros and 17 digits behind the point.
    plain = (
        f"CONCAT({sign}, IF(LOCATE('e', {text}) = 0, {text}, TRIM(TRAILING '.' FROM "
        f"TRIM(TRAILING '0' FROM CAST(CAST({text} AS DECIMAL(65, 30)) AS CHAR)))))"
    )
    small = f"ABS({expression}) >= 1e-6 AND ABS({expression}) < 1e10"
    return f"CASE WHEN {expression} = 0 THEN '0' WHEN {small} THEN {plain} ELSE {exponent} END"
