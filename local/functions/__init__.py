"""A local Azure Functions host, for development and tests.

Guarantee: it loads function_app.py through the azure-functions library's own indexing and behaves
towards it as the platform does, also where the platform loses batches.
"""

from local.functions.counters import FunctionCounts, LeaseProgress
from local.functions.draining import Drained
from local.functions.errors import HostError
from local.functions.host import Host
from local.functions.http_keys import HttpKeys
from local.functions.timing import Timing

__all__ = [
    "Drained",
    "FunctionCounts",
    "Host",
    "HostError",
    "HttpKeys",
    "LeaseProgress",
    "Timing",
]
