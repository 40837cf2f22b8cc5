"""What does not change any more, for people."""

from collections.abc import Sequence

from cosmos_views.cli.output import console, table
from cosmos_views.upkeep.rebuild.horizon import Unchanging


def print_unchanging(found: Sequence[Unchanging]) -> None:
    """The same for people; nothing where there is nothing."""
    if found:
        rows = [
            (one.view, ", ".join(one.fields), one.periods, one.before, one.why) for one in found
        ]
        headings = ("view", "fields", "of", "before", "what they do")
        console().print(table(headings, rows, "What does not change any more: the horizon"))
