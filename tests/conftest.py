"""Which tests are proof; and no test is timed, also no property: machines differ."""

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

PROOF = (
    "tests/benchmarks/",
    "tests/interleaved/",
    "tests/property/",
    "tests/simulation/test_crashes.py",
    "tests/simulation/test_planted.py::test_a_planted_bug_is_caught",
    "tests/soak/",
    "tests/test_installed.py",
    "tests/worker/test_faults.py",
    *(
        f"tests/{room}/test_kills.py"
        for room in ("archive", "erase", "rebuild", "redrive", "worker")
    ),
)
"""What takes minutes and finds what stories do not: `make proof`."""
SEEDS_OF_TEST = 200
"""So many seeds stay in `make test`; the others are proof."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        call = getattr(item, "callspec", None)
        seed = None if call is None else call.params.get("first")
        more_seeds = isinstance(seed, int) and seed >= SEEDS_OF_TEST
        if item.nodeid.startswith(PROOF) or more_seeds:
            item.add_marker("proof")


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
