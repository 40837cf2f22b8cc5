"""A Cosmos DB endpoint for development and tests.

The real azure-cosmos SDK talks to it over HTTP; SQLite keeps the data. What it does not support
answers 501 with a sentence, never a guess. See README.md beside this file.
"""

from emulators.cosmos.auth import DEFAULT_KEY
from emulators.cosmos.endpoint import Endpoint, ProcessEndpoint
from emulators.cosmos.faults import OPERATIONS, FaultRule
from emulators.cosmos.stats import Total

__all__ = ["DEFAULT_KEY", "OPERATIONS", "Endpoint", "FaultRule", "ProcessEndpoint", "Total"]
