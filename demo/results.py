"""What a run has made: the views, where the changes ended, and what it took."""

from typing import Any

from rich.console import Console

from cosmos_views.cli import views
from cosmos_views.cli.output import cell, counts
from cosmos_views.cli.replay import Summary
from cosmos_views.cli.replay import as_json as summary_as_json
from cosmos_views.cli.status import dead_letters
from demo.ground import Ground
from demo.progress import Moment
from pack import PACK

DOCUMENTS_SHOWN_MAX = {"daily_metrics": 24}
DOCUMENTS_SHOWN_MAX_ELSE = 8
PERIODS = ("date", "timestamp", "period_start")
SOURCE_CONTAINERS = frozenset({"user_interactions", "user_sessions", "abuse_incidents"})


def print_results(out: Console, ground: Ground, summary: Summary, moment: Moment) -> None:
    """Everything a first look wants to see."""
    for view in PACK.views:
        documents = views.read_all(ground.account, view)
        if not documents:
            continue
        shown = latest(documents, DOCUMENTS_SHOWN_MAX.get(view, DOCUMENTS_SHOWN_MAX_ELSE))
        left_out = f", the latest {len(shown)} of {len(documents)}"
        out.print()
        title = view + (left_out if len(shown) < len(documents) else "")
        out.print(views.as_table(PACK.views[view], shown, title))
    out.print()
    for name, number, note in _outcomes(summary, moment):
        out.print(f"{name:<16}{cell(number):>8}  {note}".rstrip())
    letters = dead_letters(ground.account)
    out.print(f"{'dead letters':<16}{letters.total:>8}  {counts(letters.by_category)}".rstrip())
    charges = request_units(ground, moment)
    out.print(
        f"{'request charge':<16}{charges['total']:>8.0f}  RU, modelled: "
        f"stage 1 {charges['stage_1']:.0f}, stage 2 {charges['stage_2']:.0f}, "
        f"feeds and leases {charges['feeds_and_leases']:.0f}, "
        f"writing the sources {charges['writing_sources']:.0f}, other {charges['other']:.0f}"
    )
    out.print(f"{'time':<16}{moment.seconds:>8.1f}  s from the first document to the last view")


def as_json(ground: Ground, summary: Summary, moment: Moment) -> dict[str, Any]:
    """The same for programs."""
    letters = dead_letters(ground.account)
    totals = moment.totals
    return {
        "views": {view: views.read_all(ground.account, view) for view in PACK.views},
        "replay": summary_as_json(summary),
        "worker": {
            "changes_delivered": totals.delivered.total(),
            **{name: totals.outcomes[name] for name in sorted(totals.outcomes)},
            "ignored": dict(totals.ignored),
            "dead_letters": dict(totals.dead),
            "batches": totals.batches,
            "batches_failed": totals.batches_failed,
            "documents_written": totals.documents_written,
        },
        "dead_letters": {"total": letters.total, "by_category": letters.by_category},
        "request_units": {
            name: round(amount, 2) for name, amount in request_units(ground, moment).items()
        },
        "seconds": round(moment.seconds, 2),
    }


def request_units(ground: Ground, moment: Moment) -> dict[str, float]:
    """Where the request units went, modelled by the endpoint; the stages by the worker's log."""
    totals = ground.endpoint.stats.totals()
    everything = sum(one.request_charge for one in totals)
    feeds = sum(
        one.request_charge
        for one in totals
        if one.container == "leases"
        or (one.container in SOURCE_CONTAINERS and one.operation == "change_feed")
    )
    writing = sum(
        one.request_charge
        for one in totals
        if one.container in SOURCE_CONTAINERS and one.operation in ("batch", "upsert", "create")
    )
    stage_1 = moment.totals.stage_1_request_units
    stage_2 = moment.totals.stage_2_request_units
    return {
        "total": everything,
        "stage_1": stage_1,
        "stage_2": stage_2,
        "feeds_and_leases": feeds,
        "writing_sources": writing,
        "other": everything - feeds - writing - stage_1 - stage_2,
    }


def latest(documents: list[dict[str, Any]], at_most: int) -> list[dict[str, Any]]:
    """The documents of the latest periods, in order of time."""

    def period(document: dict[str, Any]) -> tuple[str, str]:
        begins = next((document[name] for name in PERIODS if name in document), "")
        return str(begins), str(document["id"])

    return sorted(documents, key=period)[-at_most:]


def _never_delivered(summary: Summary, moment: Moment) -> int:
    """Versions that the feed, which shows the latest one only, never showed."""
    delivered = moment.totals.delivered.total() - moment.totals.outcomes["duplicates"]
    return max(0, summary.written - delivered)


def _outcomes(summary: Summary, moment: Moment) -> list[tuple[str, int, str]]:
    totals = moment.totals
    outcomes = totals.outcomes
    return [
        (
            "written",
            summary.written,
            f"documents, {cell(_never_delivered(summary, moment))} of them replaced by a later "
            f"version before the feed showed them; {cell(len(summary.problems))} lines reported",
        ),
        (
            "delivered",
            totals.delivered.total(),
            f"changes in {cell(totals.batches)} batches, {cell(totals.batches_failed)} failed and "
            "delivered again",
        ),
        (
            "counted",
            outcomes["counted"],
            ", ".join(
                f"{cell(outcomes[name])} {name}"
                for name in ("corrections", "unchanged", "unpriced")
            ),
        ),
        ("deleted", outcomes["deleted"], ""),
        (
            "duplicates",
            outcomes["duplicates"],
            f"{cell(outcomes['superseded'])} superseded, {cell(outcomes['gone'])} gone",
        ),
        ("ignored", totals.ignored.total(), counts(dict(totals.ignored))),
    ]
