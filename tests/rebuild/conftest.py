"""The grounds of tests/worker serve here too."""

from tests.worker.conftest import endpoint, ground, grounds

__all__ = ["endpoint", "ground", "grounds"]
