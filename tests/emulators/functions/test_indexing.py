"""Loading function_app.py: what is indexed, what is refused, and what is left behind."""

import os
import sys
from pathlib import Path

import pytest

from emulators.functions import Host, HostError
from emulators.functions.retries import RetryPolicy
from emulators.functions.triggers import CosmosTrigger
from tests.emulators.functions.apps import write_app

SETTINGS = {"MAX_ITEMS": "7", "COSMOS": "AccountEndpoint=http://127.0.0.1:1/;AccountKey=a2V5;"}


def test_a_cosmos_trigger_is_indexed_with_its_retry_policy_and_resolved_settings(
    tmp_path: Path,
) -> None:
    write_app(
        tmp_path,
        """
        TRIGGER
        @app.retry(strategy="fixed_delay", max_retry_count="-1", delay_interval="00:00:05")
        def changes_arrive(changes: str, context: func.Context) -> None: ...
        """,
    )

    with Host(tmp_path, SETTINGS) as host:
        [function] = host.functions

    assert function.name == "changes_arrive"
    assert RetryPolicy(-1, 5.0, 5.0) == function.retry_policy
    assert isinstance(function.trigger, CosmosTrigger)
    assert (function.trigger.max_items, function.trigger.start) == (7, "beginning")
    assert (function.trigger.poll_delay_seconds, function.trigger.expiration_seconds) == (5.0, 60.0)
    assert (function.is_async, function.wants_context, function.returns_value) == (
        False,
        True,
        False,
    )


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("TRIGGER\ndef f(changes: list) -> None: ...", 'does not match its annotation "list"'),
        ("TRIGGER\ndef f(changes: list[str]) -> None: ...", "invalid non-type annotation"),
        ("TRIGGER\ndef f(documents: str) -> None: ...", "not by a decorator: documents"),
        ("TRIGGER\ndef f() -> None: ...", "not in Python: changes"),
        ("TRIGGER\ndef f(changes: str, context: str) -> None: ...", "azure.functions.Context"),
        (
            '@app.queue_trigger(arg_name="m", queue_name="q", connection="C")\ndef f(m): ...',
            "has a queueTrigger, which this host does not run",
        ),
        (
            'TRIGGER\n@app.queue_output(arg_name="out", queue_name="q", connection="C")\n'
            "def f(changes: str, out: func.Out[str]) -> None: ...",
            "has a queue binding 'out'",
        ),
        (
            "TRIGGER\ndef f(changes: str): ...\nTRIGGER\ndef f(changes: str): ...",
            "unique function name",
        ),
        ("second = func.FunctionApp()", "more than one top-level function app"),
        ("del app", "Could not find a top-level function app"),
        (
            '@app.timer_trigger(arg_name="t", schedule="%NOT_SET%")\ndef f(t) -> None: ...',
            "'%NOT_SET%' does not resolve to a value",
        ),
        (
            '@app.timer_trigger(arg_name="t", schedule="every day")\ndef f(t) -> None: ...',
            "schedule 'every day'",
        ),
    ],
)
def test_an_app_the_platform_could_not_run_is_refused_with_one_sentence(
    tmp_path: Path, body: str, sentence: str
) -> None:
    write_app(tmp_path, body)

    with pytest.raises(HostError, match=r"\.$") as refusal:
        Host(tmp_path, SETTINGS)

    assert sentence in str(refusal.value)


def test_a_closed_host_leaves_no_environment_variable_module_or_path_behind(tmp_path: Path) -> None:
    (tmp_path / "app_helper.py").write_text("import os\nSEEN = os.environ['GREETING']\n")
    write_app(
        tmp_path,
        """
        import app_helper
        @app.timer_trigger(arg_name="timer", schedule="0 0 0 * * *")
        def speak(timer) -> None:
            record(app_helper.SEEN)
        """,
    )
    environment, modules, path = dict(os.environ), set(sys.modules), list(sys.path)

    for greeting in ("hello", "good day"):
        with Host(tmp_path, {"GREETING": greeting}) as host:
            host.fire("speak")

    assert environment == dict(os.environ)
    assert not {"function_app", "app_helper"} & (set(sys.modules) - modules)
    assert path == sys.path
    assert (tmp_path / "record.jsonl").read_text().split("\n")[:2] == ['["hello"]', '["good day"]']


def test_a_host_that_cannot_load_its_app_leaves_nothing_behind_either(tmp_path: Path) -> None:
    write_app(tmp_path, "raise RuntimeError('broken app')")
    environment, path = dict(os.environ), list(sys.path)

    with pytest.raises(RuntimeError, match="broken app"):
        Host(tmp_path, {"GREETING": "hello"})

    assert environment == dict(os.environ)
    assert path == sys.path
    assert "function_app" not in sys.modules
