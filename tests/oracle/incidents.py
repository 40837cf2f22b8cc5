"""An abuse incident document."""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from tests.oracle.documents import (
    SourceDocument,
    check_common_fields,
    read_event_time,
    read_user,
)
from tests.oracle.periods import day_of
from tests.oracle.values import Fields, Invalid, is_unicode


@dataclass(frozen=True)
class Incident:
    user: str | None
    at: int
    interaction_id: str | None
    severity: str | None
    incident_type: str | None
    detection_method: str | None
    auto_detected: bool | None
    review_status: str | None
    human_reviewer: str | None
    review_decision: str | None
    final_decision: str | None
    model_accuracy: str | None
    violation_categories: tuple[str, ...]
    action_types: tuple[str, ...]
    has_resolution_time: bool
    resolution_ms: int | None
    """From creation to resolution, where both are present."""

    @property
    def day(self) -> date:
        return day_of(self.at)


def read_incident(document: SourceDocument) -> Incident:
    fields = Fields(document.body)
    check_common_fields(fields)
    detection, resolution = fields.object("detection_metadata"), fields.object("resolution")
    created = fields.time("created_at")
    at, _ = read_event_time(
        fields,
        {
            "detection_metadata.detection_timestamp": detection.time("detection_timestamp"),
            "created_at": created,
        },
    )
    resolved = resolution.time("resolution_timestamp")
    if resolved is not None and created is not None and resolved < created:
        raise Invalid("resolution.resolution_timestamp")
    return Incident(
        user=read_user(fields),
        at=at,
        interaction_id=fields.name("interaction_id"),
        severity=fields.text("severity"),
        incident_type=fields.text("incident_type"),
        detection_method=detection.text("detection_method"),
        auto_detected=fields.boolean("auto_detected"),
        review_status=fields.text("review_status"),
        human_reviewer=fields.text("human_reviewer"),
        review_decision=fields.text("review_decision"),
        final_decision=resolution.text("final_decision"),
        model_accuracy=fields.object("feedback_data").text("model_accuracy"),
        violation_categories=_violation_categories(fields),
        action_types=_action_types(fields),
        has_resolution_time=resolved is not None,
        resolution_ms=None
        if resolved is None or created is None
        else round(Fraction(resolved - created, 1_000)),
    )


def _violation_categories(fields: Fields) -> tuple[str, ...]:
    flagged = fields.object("flagged_content")
    categories = []
    for position, category in enumerate(flagged.elements("violation_categories")):
        if category is not None and not isinstance(category, str):
            raise Invalid(f"{flagged.path('violation_categories')}[{position}]")
        if category and not is_unicode(category):
            raise Invalid(f"{flagged.path('violation_categories')}[{position}]")
        if category:
            categories.append(category)
    return tuple(categories)


def _action_types(fields: Fields) -> tuple[str, ...]:
    action_types = []
    for position, action in enumerate(fields.elements("actions_taken")):
        path = f"actions_taken[{position}]"
        if action is None or action == "":
            continue
        if not isinstance(action, dict):
            raise Invalid(path)
        if action_type := Fields(action, path).text("action_type"):
            action_types.append(action_type)
    return tuple(action_types)
