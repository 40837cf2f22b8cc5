"""The registry: every view the worker keeps."""

from materializers import daily_metrics
from materializers.view import View

VIEWS: dict[str, View] = {view.name: view for view in (daily_metrics.VIEW,)}
