"""`prices check` names every model of real documents, and those without a price first."""

import json
from pathlib import Path
from typing import Any

from azure.cosmos import CosmosClient

from emulators.cosmos import Endpoint
from tests.cli.conftest import Run

AT = "2026-03-10T12:00:00Z"


def call(number: int, model: str, tokens: int, **fields: Any) -> dict[str, Any]:
    cost = {"model_used": model, "input_tokens": tokens, "output_tokens": tokens}
    return {"id": f"m{number}", "user_id": "ada", "timestamp": AT, "cost_data": cost, **fields}


CALLS = [
    call(1, "gemini-2.5-flash", 1_000_000),
    call(2, "gemini-2.5-flash", 1_000_000),
    call(3, "claude-sonnet-4-20250514", 10),
    call(4, "[b]house[/b]", 5),
    call(5, "house-large", 50),
    call(6, "deepseek/deepseek-r1:free", 50),
    call(7, "gemini-2.5-flash", 7, is_deleted=True),
    call(8, "gemini-2.5-flash", -1),
]
NAMES = ["house-large", "[b]house[/b]", "gemini-2.5-flash", "claude-sonnet-4-20250514"]


def test_a_file_is_checked_and_the_unpriced_come_first(command: Run, tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_text("\n".join(map(json.dumps, CALLS)) + "\n{\n")

    ran = command("prices", "check", path, "--json")

    found = {one["model"]: one for one in ran.json["models"]}
    assert [*NAMES, "deepseek/deepseek-r1:free"] == list(found)
    assert (ran.code, ran.json["documents"], ran.json["not_counted"]) == (1, 8, 2)
    assert ran.json["problems"] == ran.err.splitlines()
    assert "calls.jsonl:9: not JSON" in ran.err
    assert "calls.jsonl:8: invalid: cost_data.input_tokens" in ran.err
    flash = found["gemini-2.5-flash"]
    assert (flash["interactions"], flash["cost_usd"]) == (2, 5.6)
    assert (flash["input_usd_per_million"], flash["output_usd_per_million"]) == (0.3, 2.5)
    assert flash["rule"] == "library, as written: google, gemini-2.5-flash"
    assert found["house-large"]["rule"] == "unpriced"
    assert found["deepseek/deepseek-r1:free"]["rule"] == "free suffix"
    assert "[b]house[/b]" in command("prices", "check", path).out


def test_the_container_is_checked_as_its_documents_stand(command: Run, endpoint: Endpoint) -> None:
    account = ("--connection", endpoint.connection_string, "--database", "prices")
    assert command("provision", *account).code == 0
    client = CosmosClient(endpoint.url, endpoint.key)
    container = client.get_database_client("prices").get_container_client("user_interactions")
    for body in CALLS[:3]:
        container.create_item(body)

    ran = command("prices", "check", "--container", "--json", *account)

    assert (ran.code, [one["model"] for one in ran.json["models"]]) == (0, NAMES[2:])


def test_a_file_that_is_not_there_is_one_sentence(command: Run, tmp_path: Path) -> None:
    ran = command("prices", "check", tmp_path / "nowhere")

    assert ran.code == 2
    assert ran.err.startswith("Cannot read ")


def test_of_a_document_that_comes_again_the_last_version_counts(
    command: Run, tmp_path: Path
) -> None:
    path = tmp_path / "calls.jsonl"
    again = call(1, "gemini-2.5-flash", 1_000_000), call(1, "gpt-4o-mini", 1_000)
    path.write_text("\n".join(map(json.dumps, again)))

    ran = command("prices", "check", path, "--json")

    assert [(one["model"], one["interactions"]) for one in ran.json["models"]] == [
        ("gpt-4o-mini", 1)
    ]
    assert (ran.code, ran.json["documents"], ran.json["replaced"]) == (0, 2, 1)


def test_many_rejected_documents_are_counted_and_some_are_named(
    command: Run, tmp_path: Path
) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_text("\n".join(json.dumps(call(one, "gpt-4o-mini", -1)) for one in range(30)))

    ran = command("prices", "check", path)

    assert ran.code == 1
    assert len(ran.err.splitlines()) == 21
    assert ran.err.endswith("10 more were rejected; --json lists them\n")


def test_the_unpriced_stand_in_a_table_of_their_own(command: Run, tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_text("\n".join(map(json.dumps, CALLS)))

    out = command("prices", "check", path).out

    assert out.index("without a price") < out.index("house-large") < out.index("per M in")
    assert out.index("per M in") < out.index("gemini-2.5-flash")
