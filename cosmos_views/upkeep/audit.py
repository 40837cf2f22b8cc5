"""Audit: what the platform checkpointed away is found and repaired, continuously.

A page of aged documents goes through stage 1 like any batch. Its version rule lets a version that
is already decided write nothing, so whatever is decided here had been lost on the way, or is later
than the reader's delay.
"""

from collections import Counter
from collections.abc import Sequence

from cosmos_views.intake.batch import Processor
from cosmos_views.intake.raw_json import as_text
from cosmos_views.ledger.feeds import Document
from cosmos_views.upkeep.trailing import Handle

CHECKED = "checked"
REPAIRED = "repaired"
CORRELATION = {"reader": "audit"}


def reader_name(generation: int) -> str:
    """The name of a generation's audit. Each has cursors of its own, so that every change is
    checked in it, whoever counted the change, and into whichever generation."""
    return f"audit-{generation}"


def auditing(processor: Processor) -> Handle:
    """Sends documents through stage 1; counts what was checked and what had to be repaired."""

    def handle(documents: Sequence[Document]) -> Counter[str]:
        report = processor.process(as_text(documents), CORRELATION, as_stored=True)
        decided = report.counted + report.deleted + report.ignored.total() + report.dead.total()
        decided -= report.erased  # time and again, as long as their source keeps them
        return Counter({CHECKED: len(documents), REPAIRED: decided})

    return handle
