"""No test is timed, also no property, nor how long its examples take to draw: machines differ."""

import functools
import gc
import os

import pytest
from hypothesis import HealthCheck, Phase, settings

UNTIMED = (HealthCheck.too_slow,)
settings.register_profile("untimed", deadline=None, suppress_health_check=UNTIMED)
settings.register_profile(
    "mutation",  # docs/mutation.md: a mutant need not be shrunk, only found
    deadline=None,
    suppress_health_check=UNTIMED,
    derandomize=True,
    database=None,
    max_examples=15,
    phases=(Phase.explicit, Phase.generate),
)
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "untimed")
settings.load_profile(PROFILE)


@functools.cache
def _caches() -> "list[functools._lru_cache_wrapper[object]]":
    return [
        found
        for found in gc.get_objects()
        if isinstance(found, functools._lru_cache_wrapper)
        and found.__module__.startswith(("cosmos_views.", "processors.", "materializers."))
    ]


if PROFILE == "mutation":

    @pytest.fixture(autouse=True)
    def remembers_nothing() -> None:
        """Mutants are forked from a process whose caches hold the answers of the right code."""
        for cache in _caches():
            cache.cache_clear()
