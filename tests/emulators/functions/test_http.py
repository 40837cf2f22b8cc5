"""HTTP functions and the admin endpoint."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from emulators.functions import Host, HttpKeys
from tests.emulators.functions.apps import recorded, write_app

APP = """
@app.route(route="open/{name:alpha}", auth_level=func.AuthLevel.ANONYMOUS, methods=["GET", "POST"])
def open_to_all(req: func.HttpRequest) -> func.HttpResponse:
    body = req.get_json() if req.get_body() else None
    answer = {"method": req.method, "name": req.route_params["name"], "q": req.params.get("q"),
              "agent": req.headers["User-Agent"], "body": body}
    return func.HttpResponse(json.dumps(answer), mimetype="application/json", status_code=201,
                             headers={"Set-Cookie": "a=b; Path=/", "x-one": "1"})

@app.route(route="keyed", auth_level=func.AuthLevel.FUNCTION)
async def keyed(req: func.HttpRequest) -> str:
    return "keyed"

@app.route(auth_level="admin")
def ruled(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(b"ruled", status_code=200)

@app.route(route="broken", auth_level="anonymous")
def broken(req: func.HttpRequest) -> func.HttpResponse:
    raise ValueError("broken")

@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *")
def tick(timer: func.TimerRequest) -> None:
    record("tick")

@app.generic_trigger(arg_name="text", type="manualTrigger")
def by_hand(text: str) -> None:
    record(text)
    if text == "fail":
        raise ValueError("failed")
"""


@pytest.fixture
def host(root: Path) -> Iterator[Host]:
    write_app(root, APP)
    (root / "host.json").write_text(
        json.dumps({"version": "2.0", "extensions": {"http": {"routePrefix": "v1"}}})
    )
    with Host(root, {}, http_port=0, keys=HttpKeys("function-key", "master-key")) as host:
        host.start()
        yield host


def test_a_function_gets_the_request_and_its_response_is_sent_back(host: Host) -> None:
    response = requests.post(
        f"{host.url}/v1/open/ada?q=1", json={"n": 1}, headers={"User-Agent": "test"}, timeout=300
    )

    assert response.status_code == 201
    assert response.headers["content-type"] == "application/json"
    assert (response.headers["x-one"], response.cookies["a"]) == ("1", "b")
    assert response.json() == {
        "method": "POST",
        "name": "ada",
        "q": "1",
        "agent": "test",
        "body": {"n": 1},
    }


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("DELETE", "/v1/open/ada", 404),
        ("GET", "/v1/open/12", 404),
        ("GET", "/api/open/ada", 404),
        ("GET", "/v1/broken", 500),
        ("GET", "/V1/OPEN/ada", 201),
    ],
)
def test_paths_methods_and_failures_have_the_platforms_status(
    host: Host, method: str, path: str, status: int
) -> None:
    response = requests.request(method, host.url + path, timeout=300)

    assert response.status_code == status


@pytest.mark.parametrize(
    ("path", "key", "status"),
    [
        ("keyed", None, 401),
        ("keyed", "wrong", 401),
        ("keyed", "function-key", 200),
        ("keyed", "master-key", 200),
        ("ruled", None, 401),
        ("ruled", "function-key", 401),
        ("ruled", "master-key", 200),
    ],
)
def test_auth_levels_ask_for_their_key_in_the_header_or_the_query(
    host: Host, path: str, key: str | None, status: int
) -> None:
    url = f"{host.url}/v1/{path}"
    headers = {"x-functions-key": key} if key else {}

    assert requests.get(url, headers=headers, timeout=300).status_code == status
    query = {"code": key} if key else {}
    assert requests.get(url, params=query, timeout=300).status_code == status


def test_the_admin_endpoint_runs_a_function_and_waits_for_it(host: Host, root: Path) -> None:
    def post(name: str, body: dict[str, str] | None = None) -> tuple[int, object]:
        answer = requests.post(f"{host.url}/admin/functions/{name}", json=body, timeout=300)
        return answer.status_code, answer.json()

    assert post("tick") == (200, {"outcome": "succeeded"})
    assert post("by_hand", {"input": "hello"}) == (200, {"outcome": "succeeded"})
    assert post("by_hand", {"input": "fail"})[0] == 500
    assert post("nobody")[0] == 404
    assert post("keyed")[0] == 400
    assert recorded(root) == [["tick"], ["hello"], ["fail"]]


def test_the_admin_endpoint_lists_functions_and_their_counts(host: Host) -> None:
    host.fire("tick")

    status = requests.get(f"{host.url}/admin/host/status", timeout=300).json()
    listed = requests.get(f"{host.url}/admin/functions", timeout=300).json()

    assert (status["id"], status["state"]) == (host.name, "Running")
    assert status["functions"]["tick"]["batches"] == 1
    assert {"name": "tick", "trigger": "TimerTrigger", "disabled": False} in listed
