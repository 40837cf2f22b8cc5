"""PACK: the sources and views of the conversation platform, in one value."""

from importlib.metadata import version
from pathlib import Path

from cosmos_views.pack import HealthPlace, Pack
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
from materializers.users.kind import Users
from processors import incidents, interactions, price_check, sessions
from processors.labels import SOURCE_ALIASES
from processors.pricing import Prices, load_overrides

OVERRIDES = load_overrides()

USERS = Users((day.of_user, window.of_user, month.of_user))

PACK = Pack(
    name="conversations",
    version=3,
    containers=Path(__file__).with_name("containers.json"),
    sources=(interactions.source(Prices(OVERRIDES)), sessions.SOURCE, incidents.SOURCE),
    owners=USERS,
    views={
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
    },
    grains=(
        day.of_fact,
        window.of_fact,
        source_day.of_fact,
        month.of_fact,
        incident_month.of_fact,
    ),
    commands=(price_check,),
    health=HealthPlace(
        system_health.VIEW.name,
        system_health.VIEW.ttl_seconds,
        system_health.VIEW.calculation_version,
    ),
    tables=lambda: (version("genai-prices"), sorted(SOURCE_ALIASES.items()), OVERRIDES),
)
