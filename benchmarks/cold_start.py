"""Cold start: from the start of a process to the imported function app, and to the first batch.

Each figure is the fastest of several fresh processes: the first of them leaves compiled files, as a
deployment package has them. The endpoint is there already.
"""

import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter

from benchmarks import traffic
from benchmarks.figures import Figure, Peer, Scale, at_most
from demo.metered import provisioned
from emulators.cosmos import Endpoint

IMPORT_SECONDS, FIRST_BATCH_SECONDS = 1.0, 1.5
"""To reach."""
BATCH = 100
ROOT = Path(__file__).resolve().parents[1]

NOTHING = "pass"
IMPORT = "import function_app"
FIRST_BATCH = """
import os, sys, function_app
from cosmos_views.worker import from_environment
from pack import PACK
from_environment(PACK, os.environ).process("user_interactions", sys.stdin.read(), {})
"""


def measure(scale: Scale) -> list[Figure]:
    """Seconds from the start of a process."""
    every = traffic.measured(scale.interactions_a_day, scale.endpoint_changes)
    _, text = traffic.batches(traffic.interactions_of(every), BATCH)[0]
    fastest = dict.fromkeys((NOTHING, IMPORT, FIRST_BATCH), float("inf"))
    with Endpoint.subprocess(seed=traffic.SEED) as endpoint:
        for number in range(scale.rounds):
            name = f"start-{number}"  # of its own, so that the batch is always new
            provisioned(endpoint, 1, name)
            environment = os.environ | {
                "COSMOS": endpoint.connection_string,
                "COSMOS_DATABASE": name,
                "LOG_LEVEL": "CRITICAL",
            }
            for program, seconds in fastest.items():
                fastest[program] = min(seconds, _seconds(program, text, environment))
    bare, imported, first = fastest.values()
    interpreter = Peer("the interpreter alone", bare)
    return [
        Figure("function_app imported", imported, "s", interpreter, at_most(IMPORT_SECONDS)),
        Figure(
            f"first batch of {BATCH} done", first, "s", interpreter, at_most(FIRST_BATCH_SECONDS)
        ),
    ]


def _seconds(program: str, stdin: str, environment: dict[str, str]) -> float:
    started = perf_counter()
    subprocess.run(  # noqa: S603 - our own interpreter and our own program
        [sys.executable, "-c", program],
        input=stdin,
        text=True,
        cwd=ROOT,
        env=environment,
        check=True,
    )
    return perf_counter() - started
