"""No log names a user."""

import pytest

from pack import PACK
from tests.erase.erasures import USER, lives
from tests.worker.ground import INTERACTIONS, Ground, deliver


def test_a_view_of_a_user_that_cannot_be_rendered_names_the_hash(
    ground: Ground, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = ground.worker()
    deliver(worker, INTERACTIONS, ground.write(INTERACTIONS, *lives(USER)[INTERACTIONS]))
    view = PACK.views["user_analytics"]
    monkeypatch.setitem(PACK.views, view.name, view.__class__(**{**vars(view), "render": _broken}))

    worker.publisher.run()

    logged = caplog.text
    assert '"key": "user_analytics:' in logged
    assert "202603" not in logged
    assert "lovelace" not in logged


def _broken(*_: object) -> None:
    raise ZeroDivisionError
