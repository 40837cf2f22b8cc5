"""Erase: one user is forgotten everywhere, for ever, and all others count as before."""

import pytest

from tests.erase.erasures import (
    KEY,
    USER,
    assert_forgotten,
    erase,
    populate,
)
from tests.worker.ground import (
    Ground,
)

REMOVED = {
    "facts_of_user_interactions": 4,
    "facts_of_user_sessions": 3,
    "facts_of_abuse_incidents": 3,
    "entries": 12,
    "user_documents": 3,
    "dead_letters": 1,
    "user_analytics_documents": 3,
}


def test_a_user_is_forgotten_and_all_others_count_as_before(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    populate(ground)

    ran = erase(ground, capsys)

    assert ran.code == 0
    assert ran.receipt["removed"] == REMOVED
    assert ran.receipt["user"] == KEY
    assert ran.receipt["finished_at"]
    assert USER not in str(ran)
    assert ran.receipt["left_in_sources"] == {
        "user_interactions": 6,
        "user_sessions": 3,
        "abuse_incidents": 3,
    }
    assert_forgotten(ground)
