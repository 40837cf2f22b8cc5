"""The seven views computed from scratch, straight from their definitions.

Shares no code with the worker: where the two agree on random histories, both are probably right.
Written to be read beside the definitions, not to be fast.
"""

from tests.oracle.compute import VIEWS, classify, comparable, compute_views
from tests.oracle.documents import SourceDocument, latest_versions
from tests.oracle.pricing import PriceOverride, Prices

__all__ = [
    "VIEWS",
    "PriceOverride",
    "Prices",
    "SourceDocument",
    "classify",
    "comparable",
    "compute_views",
    "latest_versions",
]
