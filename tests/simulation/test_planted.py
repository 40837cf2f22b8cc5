"""The planted bugs are of the source as it is, and some of them are caught here and now.

All of them, hunted with 2 000 seeds: `python -m tests.simulation.planted`.
"""

import ast

import pytest

from tests.simulation.planted import ROOT, Bug, bugs, hunt

BUGS_MIN = 50
QUICKLY_CAUGHT = (
    "a replace without an ETag",
    "a commit in conflict is dropped",
    "a first reading older than the delivery is trusted",
)


@pytest.mark.parametrize("bug", bugs(), ids=lambda bug: bug.name)
def test_a_planted_bug_is_one_small_change_of_the_source(bug: Bug) -> None:
    text = (ROOT / bug.file).read_text("utf-8")

    assert text.count(bug.old) == 1
    ast.parse(text.replace(bug.old, bug.new))


def test_there_are_enough_of_them_with_names_of_their_own() -> None:
    assert len({bug.name for bug in bugs()}) == len(bugs())
    assert len([bug for bug in bugs() if not bug.test]) >= BUGS_MIN


@pytest.mark.parametrize("test", [bug.test for bug in bugs() if bug.test])
def test_the_test_that_catches_a_bug_exists(test: str) -> None:
    file, _, name = test.partition("::")
    assert f"def {name}(" in (ROOT / file).read_text("utf-8")


@pytest.mark.parametrize("bug", [one for one in bugs() if one.name in QUICKLY_CAUGHT], ids=str)
def test_a_planted_bug_is_caught(bug: Bug) -> None:
    assert hunt(bug, 100).by is not None
