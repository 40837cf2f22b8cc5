"""App settings: where they come from and how they are referred to."""

import json
from pathlib import Path

import pytest

from emulators.functions.app_settings import Environment, read_local_settings, resolve_references
from emulators.functions.errors import HostError
from tests.emulators.functions.apps import recorded, write_app
from tests.emulators.functions.processes import host_process
from tests.emulators.functions.waiting import wait_until


def test_a_settings_file_gives_its_values_and_connection_strings(tmp_path: Path) -> None:
    path = tmp_path / "local.settings.json"
    path.write_text('{"IsEncrypted": false, "Values": {"A": "1"}, "ConnectionStrings": {"B": "2"}}')

    assert read_local_settings(path) == {"A": "1", "ConnectionStrings__B": "2"}


@pytest.mark.parametrize(
    "content", ['{"IsEncrypted": true}', '{"Values": {"A": 1}}', "{Values", None]
)
def test_a_settings_file_that_cannot_be_used_is_refused(
    tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "local.settings.json"
    if content is not None:
        path.write_text(content)

    with pytest.raises(HostError, match=r"local\.settings\.json"):
        read_local_settings(path)


def test_references_find_settings_whatever_their_case() -> None:
    environment = Environment({"Watched_Thing": "things"})
    try:
        assert resolve_references("my-%WATCHED_THING%") == "my-things"
    finally:
        environment.restore()


def test_a_process_reads_the_script_roots_settings_but_the_environment_wins(root: Path) -> None:
    write_app(
        root,
        """
        @app.timer_trigger(arg_name="timer", schedule="%WHEN%", run_on_startup=True)
        def tick(timer) -> None: record(os.environ["FROM_FILE"], os.environ["FROM_BOTH"])
        """,
    )
    values = {"FROM_FILE": "file", "FROM_BOTH": "file", "WHEN": "0 0 0 1 1 *"}
    settings = {"Values": values, "Host": {"LocalHttpPort": 0}}
    (root / "local.settings.json").write_text(json.dumps(settings))

    with host_process(root, {"FROM_BOTH": "environment"}) as process:
        process.wait_for_line("Ready at http://127.0.0.1:")
        wait_until(lambda: recorded(root) == [["file", "environment"]])
        assert process.terminate() == 0
