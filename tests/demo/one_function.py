"""`python -m tests.demo.one_function NAME`: one function of the app, in a process of its
own that ends after it, as Flex Consumption runs whatever is not HTTP.

A trigger reads its feed until that is drained, a timer runs once. The app settings are the
environment's.
"""

import logging
import os
import sys
from pathlib import Path

from emulators.functions import Host, Timing
from emulators.functions.triggers import CosmosTrigger

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = (
    *("interactions", "sessions", "incidents"),
    *("publish", "audit", "archive", "redrive", "lag"),
)


def main(name: str) -> None:
    others = {f"AzureWebJobs.{one}.Disabled": "true" for one in FUNCTIONS if one != name}
    settings = {one: value for one, value in os.environ.items() if one.startswith("COSMOS")}
    timing = Timing(poll_delay_seconds=0.05, acquire_seconds=0.05, retry_delay_scale=0.0)
    with Host(ROOT, settings | others, timing=timing, runs_timers=False) as host:
        (function,) = [one for one in host.functions if not one.disabled]
        if isinstance(function.trigger, CosmosTrigger):
            host.run_until_idle()
        else:
            host.fire(name)


if __name__ == "__main__":
    logging.basicConfig(format="%(message)s", stream=sys.stdout)
    main(sys.argv[1])
