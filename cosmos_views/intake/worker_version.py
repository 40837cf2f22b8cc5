"""The worker's version: what deployment judged a document."""

import inspect
from collections.abc import Callable
from functools import cache
from pathlib import Path

from cosmos_views.ledger.labels import digest
from cosmos_views.pack import Pack

PACKAGE_VERSION = "0.1.0"


@cache
def worker_version(pack: Pack) -> str:
    """This worker, such as `0.1.0+1-3f2a….9c01`: package, definition, digest of stage 1's code.

    Another one after every deployment that may judge a document otherwise, also after a fix that
    leaves the definition as it is: dead letters carry it, so that each worker tries each once.
    """
    engine = Path(__file__).parents[1]
    rooms = [engine / "intake", engine / "ledger"]
    rooms += sorted({_room(source.to_fact) for source in pack.sources})
    code = [path.read_text("utf-8") for room in rooms for path in sorted(room.glob("*.py"))]
    return f"{PACKAGE_VERSION}+{pack.definition}.{digest(*code)[:8]}"


def _room(function: Callable[..., object]) -> Path:
    """The folder of the module that defines a function."""
    return Path(inspect.getfile(inspect.unwrap(function))).parent
