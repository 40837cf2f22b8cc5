"""HTTP routes: templates, constraints and precedence."""

import pytest

from emulators.functions.errors import HostError
from emulators.functions.routes import best_route, parse_route


@pytest.mark.parametrize(
    ("template", "path", "expected"),
    [
        ("views/{name}", "api/views/daily", {"name": "daily"}),
        ("views/{name}", "API/Views/daily", {"name": "daily"}),
        ("views/{name?}", "api/views", {}),
        ("views/{id:int}", "api/views/12", {"id": "12"}),
        ("views/{id:int}", "api/views/twelve", None),
        ("files/{*rest}", "api/files/a/b.txt", {"rest": "a/b.txt"}),
        ("report-{day}.json", "api/report-7.json", {"day": "7"}),
        ("health", "api/health", {}),
        ("health", "api/healthy", None),
    ],
)
def test_a_path_matches_its_template_and_gives_the_parameters(
    template: str, path: str, expected: dict[str, str] | None
) -> None:
    assert expected == parse_route("api", template).match(path)


def test_the_more_literal_of_two_matching_routes_wins() -> None:
    routes = [
        (parse_route("", "views/{name}"), "one"),
        (parse_route("", "views/all"), "all"),
        (parse_route("", "{*rest}"), "rest"),
    ]

    assert best_route(routes, "/views/all") == ("all", {})
    assert best_route(routes, "/views/daily") == ("one", {"name": "daily"})
    assert best_route(routes, "/else") == ("rest", {"rest": "else"})


def test_an_unknown_constraint_is_refused() -> None:
    with pytest.raises(HostError, match="'prime'"):
        parse_route("api", "views/{n:prime}")
