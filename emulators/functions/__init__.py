"""A local Azure Functions host, for development and tests.

Guarantee: it loads function_app.py through the azure-functions library's own indexing and behaves
towards it as the platform does, also where the platform loses batches.
"""

from emulators.functions.counters import FunctionCounts, LeaseProgress
from emulators.functions.draining import Drained
from emulators.functions.errors import HostError
from emulators.functions.host import Host
from emulators.functions.http_keys import HttpKeys
from emulators.functions.timing import Timing

__all__ = [
    "Drained",
    "FunctionCounts",
    "Host",
    "HostError",
    "HttpKeys",
    "LeaseProgress",
    "Timing",
]
