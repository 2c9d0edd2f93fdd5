"""Tables without a key whose rows tell of themselves what was done: whether each came once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

COLUMNS = "v bigint, prev bigint, body text"
"""`v` is a number that no row had before, `prev` the `v` of the row in whose place it came."""


def check(
    source: Iterable[tuple[int, int | None]],
    there: Iterable[tuple[int, int | None, bool | None]],
    *,
    where: object,
) -> None:
    """Compare what is in the source with every change that was appended.

    Args:
        source: (v, prev) of its rows.
        there: (v, prev, deleted) of all rows in the destination.
    """
    rows = list(there)
    told = Counter(v for v, _, deleted in rows if not deleted)
    gone = Counter(v for v, _, deleted in rows if deleted)
    twice = {v for v, count in (told | gone).items() if count > 1}
    assert not twice, (where, "came twice", sorted(twice)[:10])
    replaced = {prev for _, prev, deleted in rows if not deleted}
    left = sorted(told.keys() - gone.keys() - replaced)
    wanted = sorted(v for v, _ in source)
    assert left == wanted, (where, sorted(set(left) ^ set(wanted))[:10])
