"""Carrying: what of a user's history before the horizon a new generation must know.

Documents that have expired cannot be counted again, but periods since the horizon still depend on
them: whether a user is new, retained or churned, and whether a source is discovered. So first days,
and the active days that later ones are compared with, come over from the generation before. They
are kept apart from what the new generation counts itself: a retraction there cannot take away what
was never counted there. What both know counts once.
"""

from collections.abc import Callable, Iterable

import msgspec

from cosmos_views.ledger.commits import Write
from cosmos_views.ledger.instants import (
    DAY_SECONDS,
    month_label,
    month_start,
    next_month,
    previous_month,
)
from cosmos_views.ledger.owners import hot_id, is_erased
from cosmos_views.ledger.plan import Documents
from cosmos_views.publish.measures import Contribution, Delta, difference
from materializers.grains.day import RETENTION_DAYS
from materializers.users.documents import further_ids, hot_documents, load_user
from materializers.users.history import Carried, User, days_of, month_id
from materializers.users.touched import NOTHING, Touched

Worth = Callable[[User, Touched], Iterable[Contribution]]
"""What a history contributes where it is touched."""


def carried_of(user: User, horizon_seconds: int) -> Carried | None:
    """What a user's history (the hot document is enough) says about days before the horizon; None
    where the user was not there yet."""
    horizon_day = horizon_seconds // DAY_SECONDS
    first_day = user.first_day
    if first_day is None or first_day >= horizon_day:
        return None
    sources = {*user.hot.firsts, *(user.hot.carried.firsts if user.hot.carried else ())}
    firsts = {source: user.first_citation(source) for source in sorted(sources)}
    active: dict[str, int] = {}
    for day in range(_compared_from(horizon_day), horizon_day):
        if user.active(day):
            month = month_label(day)
            active[month] = active.get(month, 0) | 1 << (day - month_start(month))
    return Carried(
        first_day,
        active,
        {source: day for source, day in firsts.items() if day is not None and day < horizon_day},
    )


def _compared_from(horizon_day: int) -> int:
    """The first day that days and months since the horizon are compared with."""
    month = month_label(horizon_day)
    first_whole = month if month_start(month) == horizon_day else next_month(month)
    return min(horizon_day - RETENTION_DAYS, month_start(previous_month(first_whole)))


def months_needed(key: str, carried: Carried, documents: Documents) -> set[str]:
    """Earlier months of a user that entering this depends on, the hot document read."""
    user = load_user(key, documents, ())
    if user is None:
        return set()
    months = {*carried.active, *_months((carried.first_day, user.first_day))}
    return {month for month in months if month < user.hot.latest}


def ids_needed(key: str, carried: Carried, documents: Documents) -> set[str]:
    """Ids of a user's further documents that entering this depends on: to be asked again with what
    was found, because only then shards are named."""
    months = months_needed(key, carried, documents)
    return {month_id(key, month) for month in months} | {*further_ids(key, documents, months)}


def entered(
    key: str,
    pk: str,
    user_id: str,
    carried: Carried,
    horizon_seconds: int,
    documents: Documents,
    worth: Worth,
) -> tuple[list[Write], Delta] | None:
    """The user's hot document with what is carried, and what that is worth; None where it was
    carried before, and where the user was erased. `documents` holds what exists of the hot document
    and of `ids_needed`."""
    if is_erased(documents.get(hot_id(key))):
        return None
    months = months_needed(key, carried, documents)
    before = load_user(key, documents, months)
    if before is not None and before.hot.carried is not None:
        return None
    after = load_user(key, documents, months) or User.new(
        key, pk, user_id, month_label(horizon_seconds // DAY_SECONDS)
    )
    after.hot.carried = msgspec.structs.replace(carried)
    touched = touched_by_carried(after)
    if before is not None and before.first_day is not None:
        first_months = touched.months | {month_label(before.first_day)}
        touched = Touched(touched.days, first_months, touched.sources)
    delta = difference(worth(after, touched), () if before is None else worth(before, touched))
    writes = [
        Write(body, body.id, documents.get(body.id, {}).get("_etag"))
        for body in hot_documents(after)
    ]
    return writes, delta


def touched_by_carried(user: User) -> Touched:
    """Where a user's contributions depend on what was carried."""
    carried = user.hot.carried
    if carried is None:
        return NOTHING
    return Touched(
        days=frozenset(days_of(carried.active)),
        months=frozenset({*carried.active, *_months((carried.first_day, user.first_day))}),
        sources=frozenset(carried.firsts),
    )


def given_up(user: User, worth: Worth) -> Delta:
    """What it takes to count nothing of a history any more, once its facts are retracted: what was
    carried, and what is left of facts that nobody can tell any more."""
    carried = touched_by_carried(user)
    touched = Touched(
        days=frozenset(days_of(user.hot.seen)) | carried.days,
        months=frozenset({*months_of(user)}) | carried.months,
        sources=frozenset(user.hot.firsts) | carried.sources,
    )
    return difference((), worth(user, touched))


def months_of(user: User) -> set[str]:
    """Every month that a history (the hot document is enough) has something in."""
    carried = touched_by_carried(user)
    return {*user.hot.active, *user.hot.seen, *carried.months, *_months((user.first_day,))}


def _months(days: Iterable[int | None]) -> Iterable[str]:
    return (month_label(day) for day in days if day is not None)
