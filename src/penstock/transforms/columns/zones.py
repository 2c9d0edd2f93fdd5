"""Time zones that users name, and times moved between them."""

from __future__ import annotations

import re
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from penstock.core.types import TIMESTAMP, TIMESTAMPTZ

_OFFSET: Final = re.compile(r"[+-](0\d|1[0-4]):?[0-5]\d")


def zone(name: str) -> str:
    """The zone as Arrow writes it.

    Raises:
        ValueError: there is no such zone.
    """
    if name in ("Z", "UTC"):
        return "UTC"
    plain = name if ":" in name or not _OFFSET.fullmatch(name) else f"{name[:3]}:{name[3:]}"
    try:
        pc.local_timestamp(pa.array([0], pa.timestamp("us", plain)))
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise ValueError(f"there is no time zone {name}") from error
    return plain


def local(values: pa.Array, zone_name: str) -> pa.Array:
    """Instants, or times in UTC without a zone, as the clock on the wall there shows them."""
    return pc.local_timestamp(values.cast(TIMESTAMPTZ).cast(pa.timestamp("us", zone_name)))


def instants(walls: pa.Array, zone_name: str) -> pa.Array:
    """Times on the wall as instants; twice shown: the earlier one, never shown: after the gap."""
    if zone_name == "UTC":
        return walls.cast(TIMESTAMPTZ)
    zoned = pc.assume_timezone(
        walls.cast(TIMESTAMP), zone_name, ambiguous="earliest", nonexistent="latest"
    )
    return zoned.cast(TIMESTAMPTZ)
