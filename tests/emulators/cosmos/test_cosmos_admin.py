"""The admin API serves whoever sits at the machine, and nobody else."""

from pathlib import Path
from typing import Any, cast

import pytest

from emulators.cosmos import Endpoint
from emulators.cosmos.admin import Admin
from emulators.cosmos.errors import Refused
from emulators.cosmos.protocol import Call
from tests.emulators.cosmos.support import connect, make_container


@pytest.mark.parametrize("remote", ["10.0.0.1", "2001:db8::1", None])
def test_a_remote_client_is_refused(remote: str | None) -> None:
    nothing = cast("Any", None)
    admin = Admin(nothing, nothing, nothing, nothing, nothing, nothing)
    with pytest.raises(Refused) as refused:
        admin.serve(Call("GET", ("_local", "stats"), {}), remote)
    assert refused.value.status == 403


def test_a_split_of_something_absent_is_refused_with_a_sentence(endpoint: Endpoint) -> None:
    with pytest.raises(ValueError, match="no database 'none'"):
        endpoint.split("none", "none")


def test_the_readme_example_runs() -> None:
    text = (Path(__file__).parents[3] / "emulators/cosmos/README.md").read_text()
    example = text.split("```python\n")[1].split("```")[0]
    with Endpoint(partitions=2) as endpoint, connect(endpoint) as client:
        make_container(client, "user_interactions")
        for line in example.splitlines():
            if line.startswith("    endpoint."):
                exec(line.strip(), {"endpoint": endpoint})
        assert len(endpoint.faults.list()) == 1
