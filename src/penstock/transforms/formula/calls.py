"""Functions that choose between values, and those that ask what is around."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from penstock.core.types import TIMESTAMPTZ
from penstock.transforms.columns import masks
from penstock.transforms.columns.column import Column, Kind
from penstock.transforms.columns.masks import Mask
from penstock.transforms.columns.reading import constant
from penstock.transforms.formula.tree import Node

if TYPE_CHECKING:
    from penstock.transforms.formula.evaluate import Evaluation

Args = tuple[Node, ...]


def coalesce(work: Evaluation, args: Args, where: Mask) -> Column:
    """The first that is not null; later ones are asked only where it is still open."""
    found = work.value(args[0], where)
    for arg in args[1:]:
        still_open = masks.minus(where, found.valid)
        if masks.is_none(still_open):
            break
        found = found.merged(masks.outside(found.valid), work.value(arg, still_open))
    return found


def choose(work: Evaluation, args: Args, where: Mask) -> Column:
    """IF(condition, a, b); null counts as false, and a row asks only for its own branch."""
    asked = work.flags(work.value(args[0], where), where, "IF")
    yes = masks.certain(asked)
    then = work.value(args[1], masks.both(where, yes))
    other = work.value(args[2], masks.minus(where, yes))
    return other.merged(yes, then)


def now(work: Evaluation, _args: Args, _where: Mask) -> Column:
    """The instant of this batch."""
    return Column.of(Kind.TIMESTAMP, pa.repeat(pa.scalar(work.means.now(), TIMESTAMPTZ), work.rows))


def today(work: Evaluation, _args: Args, _where: Mask) -> Column:
    """Today's date in UTC."""
    return Column.of(Kind.DATE, pa.repeat(pa.scalar(work.means.now().date()), work.rows))


def uuid(work: Evaluation, _args: Args, _where: Mask) -> Column:
    """A new identifier for each event."""
    return Column.of(
        Kind.STRING, pa.array([str(work.means.uuid()) for _ in range(work.rows)], pa.string())
    )


def event_type(work: Evaluation, _args: Args, _where: Mask) -> Column:
    """The name of the event."""
    return constant(work.frame.name, work.rows)
