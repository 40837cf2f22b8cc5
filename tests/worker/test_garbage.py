"""A worker that starts lets garbage wait, because collecting it took a fifth of stage 1's time."""

import gc

from cosmos_views.app import GARBAGE_THRESHOLDS
from tests.worker.ground import Ground


def test_a_worker_that_starts_lets_garbage_wait(ground: Ground) -> None:
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    try:
        with ground.host() as host:
            host.fire("publish")
        assert gc.get_threshold() == GARBAGE_THRESHOLDS
    finally:
        gc.set_threshold(*before)
