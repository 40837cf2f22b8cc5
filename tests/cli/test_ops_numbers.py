"""Numbers that mean nothing are wrong usage: exit code 2, before anything is read or written."""

import pytest

from cosmos_views.cli.main import main


@pytest.mark.parametrize("number", ["0", "-5", "nan", "inf", "many"])
@pytest.mark.parametrize("command", [["reconcile"], ["rebuild"], ["erase", "--user", "u"]])
def test_a_bound_of_request_units_is_above_0(command: list[str], number: str) -> None:
    assert _refused([*command, "--request-units-per-second", number])


@pytest.mark.parametrize("number", ["-1", "nan", "soon"])
@pytest.mark.parametrize(
    "command",
    [
        ["rebuild", "--settle-seconds"],
        ["erase", "--user", "u", "--settle-seconds"],
        ["lag", "--interval"],
        ["audit", "--delay"],
        ["reconcile", "--in-flight-seconds"],
    ],
)
def test_no_time_is_below_0(command: list[str], number: str) -> None:
    assert _refused([*command, number])


@pytest.mark.parametrize("number", ["-5", "0", "1.5"])
def test_at_least_one_letter_is_asked_for(number: str) -> None:
    assert _refused(["dead-letters", "list", "--limit", number])


def _refused(arguments: list[str]) -> bool:
    with pytest.raises(SystemExit) as refused:
        main(arguments)
    return refused.value.code == 2
