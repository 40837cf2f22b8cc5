"""Recorded histories leave the very bytes that the repository says."""

import json

import pytest

from tests.guard.guard import DIGESTS, STORIES, Story, left_behind


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_no_byte_of_a_state_or_view_document_changes(story: Story) -> None:
    assert json.loads(DIGESTS.read_text("utf-8"))[story.name] == left_behind(story)
