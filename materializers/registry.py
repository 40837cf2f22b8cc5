"""The registry: every view the worker keeps, and every grain they share."""

from cosmos_views.publish.view import View, nothing_of_fact, nothing_of_user
from materializers import (
    content_analytics,
    content_popularity,
    daily_metrics,
    engagement_summary,
    incidents_by_content,
    system_health,
    user_analytics,
)
from materializers.grains import day, incident_month, month, source_day, window

VIEWS: dict[str, View] = {
    view.name: view
    for view in (
        daily_metrics.VIEW,
        content_popularity.VIEW,
        system_health.VIEW,
        engagement_summary.VIEW,
        incidents_by_content.VIEW,
        user_analytics.VIEW,
        content_analytics.VIEW,
    )
}

OF_FACT = (
    day.of_fact,
    window.of_fact,
    source_day.of_fact,
    month.of_fact,
    incident_month.of_fact,
    *(view.of_fact for view in VIEWS.values() if view.of_fact is not nothing_of_fact),
)
"""Everything that says what a fact contributes."""

OF_USER = (
    day.of_user,
    window.of_user,
    month.of_user,
    *(view.of_user for view in VIEWS.values() if view.of_user is not nothing_of_user),
)
"""Everything that says what a user's history contributes."""
