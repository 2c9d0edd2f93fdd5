"""Settings as a card declares them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from pydantic import ValidationError, create_model

from penstock.core.cards import Setting

Moments = create_model("Moments", at=Setting(type="moment", label="From").field())
SIX = datetime(2025, 3, 1, 6)  # noqa: DTZ001 (its zone is that of the rows)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("2025-03-01", date(2025, 3, 1)),
        (date(2025, 3, 1), date(2025, 3, 1)),
        ("2025-03-01 06:00:00", SIX),
        (" 2025-03-01T06:00 ", SIX),
        (SIX, SIX),
        ("2025-03-01T06:00:00Z", SIX.replace(tzinfo=UTC)),
        (None, None),
    ],
)
def test_a_moment_is_a_day_or_a_time(given: object, found: object) -> None:
    assert Moments(at=given).at == found  # type: ignore[attr-defined]


@pytest.mark.parametrize("given", ["2025", 2025, "1740000000", "soon", "2025-02-30", ""])
def test_what_is_no_moment_is_refused(given: object) -> None:
    with pytest.raises(ValidationError, match="write a day or a time"):
        Moments(at=given)
