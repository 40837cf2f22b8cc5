"""Incidents: what was flagged, how it was judged, how long that took."""

from typing import Annotated

import msgspec

from cosmos_views.ledger.fixed_point import divided_half_even
from cosmos_views.ledger.instants import SECOND_US
from cosmos_views.source import Source, event_time_us, invalid, optional_instant_us
from cosmos_views.texts import Label, Time, Word
from processors.documents import DELETED, KEY, OWNER, SCHEMA, Written, kinds
from processors.facts import IncidentFact
from processors.joins import normal_interaction_id

PENDING_REVIEWS = frozenset({"pending_human_review", "under_investigation"})
SEVERITIES = frozenset({"low", "medium", "high", "critical"})
KINDS = frozenset({"inappropriate_query", "spam", "harassment", "misinformation"})
OTHER = "other"


EmptyText = Annotated[str, msgspec.Meta(max_length=0)]
"""What a list may hold beside objects, and is skipped."""


class DetectionMetadata(msgspec.Struct):
    detection_timestamp: Time | None = None
    detection_method: Word | None = None


class Resolution(msgspec.Struct):
    final_decision: Word | None = None
    resolution_timestamp: Time | None = None


class FeedbackData(msgspec.Struct):
    model_accuracy: Word | None = None


class FlaggedContent(msgspec.Struct):
    violation_categories: list[Label | None] | None = None


class Action(msgspec.Struct):
    action_type: Word | None = None


class Incident(Written, kw_only=True):
    """A document of `abuse_incidents`."""

    interaction_id: Label | None = None
    incident_type: Word | None = None
    severity: Word | None = None
    auto_detected: bool | None = None
    review_status: Word | None = None
    human_reviewer: str | None = None
    review_decision: Word | None = None
    detection_metadata: DetectionMetadata | None = None
    resolution: Resolution | None = None
    feedback_data: FeedbackData | None = None
    flagged_content: FlaggedContent | None = None
    actions_taken: list[Action | EmptyText | None] | None = None


_DETECTION_METADATA = DetectionMetadata()
_RESOLUTION = Resolution()
_FEEDBACK_DATA = FeedbackData()
_FLAGGED_CONTENT = FlaggedContent()


def to_fact(document: Incident) -> IncidentFact:
    """The fact of one incident. Raises Rejected, naming the field's path."""
    detection = document.detection_metadata or _DETECTION_METADATA
    resolution = document.resolution or _RESOLUTION
    feedback = document.feedback_data or _FEEDBACK_DATA
    flagged = document.flagged_content or _FLAGGED_CONTENT
    actions = [one.action_type for one in document.actions_taken or () if isinstance(one, Action)]

    at_us, _ = event_time_us(
        document,
        ("detection_metadata.detection_timestamp", detection.detection_timestamp),
        ("created_at", document.created_at),
    )
    resolution_ms, resolved = _resolution_ms(document, resolution)
    return IncidentFact(
        at_seconds=at_us // SECOND_US,
        interaction=(
            normal_interaction_id(document.interaction_id) if document.interaction_id else None
        ),
        severity=document.severity if document.severity in SEVERITIES else OTHER,
        kind=document.incident_type if document.incident_type in KINDS else OTHER,
        user_report=(
            detection.detection_method == "user_report"
            if detection.detection_method
            else document.auto_detected is False
        ),
        auto_detected=document.auto_detected is True,
        human_review=document.review_status in PENDING_REVIEWS or bool(document.human_reviewer),
        violation=(
            document.review_decision == "confirmed_violation"
            or (resolution.final_decision or "").startswith("confirmed")
        ),
        detection_correct=(
            feedback.model_accuracy == "correct_detection" if feedback.model_accuracy else None
        ),
        categories=tuple(sorted(filter(None, flagged.violation_categories or ()))),
        false_positive=(
            document.review_decision == "false_positive" if document.review_decision else None
        ),
        warnings=actions.count("warning_issued"),
        blocks=actions.count("content_blocked"),
        suspensions=actions.count("account_suspended"),
        review_pending=document.review_status in PENDING_REVIEWS,
        resolution_ms=resolution_ms,
        resolved=resolved,
    )


def _resolution_ms(document: Incident, resolution: Resolution) -> tuple[int | None, bool]:
    path = "resolution.resolution_timestamp"
    resolved_us = optional_instant_us(path, resolution.resolution_timestamp)
    created_us = optional_instant_us("created_at", document.created_at)
    if resolved_us is None or created_us is None:
        return None, resolved_us is not None
    if resolved_us < created_us:
        raise invalid(path, "earlier than created_at")
    return divided_half_even(resolved_us - created_us, 1_000), True


SOURCE: Source[Incident] = Source(
    container="abuse_incidents",
    kinds=kinds("abuse_incident"),
    document=Incident,
    fact=IncidentFact,
    to_fact=to_fact,
    trigger="incidents",
    archive_after_days=730,
    key=KEY,
    owner=OWNER,
    deleted=DELETED,
    schema=SCHEMA,
)
