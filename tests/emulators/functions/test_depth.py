"""A document nested deeper than 64 levels stops its range, as the platform's trigger does."""

import json

import pytest

from emulators.functions.payload import nested_too_deep


@pytest.mark.parametrize(("levels", "too_deep"), [(63, False), (64, True)])
def test_a_document_is_a_level_of_its_own(levels: int, too_deep: bool) -> None:
    assert too_deep == nested_too_deep({"id": "a", "x": json.loads("[" * levels + "]" * levels)})
