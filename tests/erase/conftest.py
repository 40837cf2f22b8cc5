"""One endpoint per story, whose clock stories move; one Azurite for all, emptied before each."""

from tests.archive.conftest import azurite, blobs, endpoint, ground, grounds

__all__ = ["azurite", "blobs", "endpoint", "ground", "grounds"]
