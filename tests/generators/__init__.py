"""Random but believable histories of source documents, for laws and simulations.

A history is a list of versions in the order they were written. It is made of independent steps,
each from its own seed, so a failing history shrinks by dropping steps. What a step writes depends
only on its seed: same seeds, same history.
"""

from tests.generators.histories import (
    Version,
    histories,
    history,
    history_of,
    source_documents,
)

__all__ = ["Version", "histories", "history", "history_of", "source_documents"]
