"""The horizon of a rebuild: what will not change any more, view by view.

Documents that have expired cannot be counted again, so periods that began before the horizon keep
the documents that an earlier generation has written (docs/rebuild.md), whatever comes. And what
later periods compare with them is only what could still be read.
"""

from collections.abc import Iterable, Sequence

import msgspec

from cosmos_views.ledger.generations import keeps
from cosmos_views.ledger.instants import (
    DAY_SECONDS,
    day_label,
    month_label,
    month_start,
    next_month,
)
from cosmos_views.publish.view import DAYS, MONTHS, View

EVERY_FIELD = ("*",)


class Unchanging(msgspec.Struct):
    """Fields of one view that stay as they are, or see less than there was."""

    view: str
    fields: Sequence[str]
    periods: str
    """`days` or `months`."""
    before: str
    """The first period of which they are whole: `YYYYMMDD` or `YYYYMM`."""
    why: str


def unchanging(views: Iterable[View], horizon_seconds: int | None) -> list[Unchanging]:
    """What a horizon keeps from changing; nothing where there is none."""
    if horizon_seconds is None:
        return []
    day = horizon_seconds // DAY_SECONDS
    month = (
        month_label(day) if month_start(month_label(day)) == day else next_month(month_label(day))
    )
    found = []
    for view in views:
        for periods in view.periods:
            first = day_label(day) if periods == DAYS else month
            found.append(Unchanging(view.name, EVERY_FIELD, periods, first, "keep their documents"))
            if fields := view.compared:
                later = (
                    day_label(day + view.compared_days) if periods == DAYS else next_month(month)
                )
                why = "compare with what could still be read"
                found.append(Unchanging(view.name, fields, periods, later, why))
    return found


def beyond(horizon_seconds: int | None, days: Iterable[int]) -> str | None:
    """Which periods of epoch days no longer change: `days` where not even the days do, `months`
    where only their months do not, None where all do."""
    some = list(days)
    if any(keeps(horizon_seconds, day * DAY_SECONDS) for day in some):
        return DAYS
    months = (month_start(month_label(day)) for day in some)
    return MONTHS if any(keeps(horizon_seconds, one * DAY_SECONDS) for one in months) else None
