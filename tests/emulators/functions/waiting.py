"""Waiting for what other threads and processes do.

Guarantee: returns as soon as the condition holds; a test that waits in vain fails with its source
line.
"""

import time
from collections.abc import Callable

# Far more than anything here takes, also on a machine that does much else.
_DEADLINE_SECONDS = 300.0


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {_DEADLINE_SECONDS} s in vain")
        time.sleep(0.01)
