"""Numbers come back as a hosted account gave them back."""

from typing import Any

import msgspec
import pytest
from azure.cosmos import ContainerProxy
from azure.cosmos.exceptions import CosmosHttpResponseError

from emulators.cosmos import numbers
from emulators.cosmos.errors import Refused


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("9007199254740993", "9007199254740993"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("18446744073709551615", "18446744073709551615"),
        ("18446744073709551616", "1.8446744073709552e+019"),
        ("123456789012345678901234567890", "1.2345678901234568e+029"),
        ("0.1000000000000000055511151231257827", "0.1"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("0.3333333333333333", "0.33333333333333331"),
        ("1.0", "1"),
        ("1e5", "100000"),
        ("-0.0", "0"),
        ("-0", "0"),
        ("-0.5", "-0.5"),
        ("1e-400", "0"),
        ("5e-324", "4.94065645841247e-324"),
        ("0.0000123", "1.23e-005"),
        ("12345678901234567890.123", "1.2345678901234567e+019"),
        ('"1.0 and -0.0 \\" 1.0"', '"1.0 and -0.0 \\" 1.0"'),
    ],
)
def test_a_number_is_kept_as_the_service_keeps_it(sent: str, kept: str) -> None:
    body = f'{{"id":"a","n": [{sent}, {sent}]}}'.encode()
    assert f'{{"id":"a","n": [{kept}, {kept}]}}'.encode() == numbers.as_stored(body)


def test_a_number_beyond_a_double_is_refused() -> None:
    with pytest.raises(Refused):
        numbers.as_stored(b'{"n": 1e400}')


def test_what_the_sdk_sends_is_rounded_on_its_way(container: ContainerProxy) -> None:
    sent: dict[str, Any] = {"id": "a", "pk": "A", "whole": 2.0, "big": 1 << 70, "exact": 1 << 60}
    container.create_item(sent)
    found = container.read_item("a", "A")
    assert (2, int) == (found["whole"], type(found["whole"]))
    assert float(1 << 70) == found["big"]
    assert sent["exact"] == found["exact"]
    (queried,) = container.query_items("SELECT * FROM c", partition_key="A")
    assert msgspec.json.encode(dict(found)) == msgspec.json.encode(dict(queried))


def test_a_page_is_as_large_as_was_asked_for(container: ContainerProxy) -> None:
    with pytest.raises(CosmosHttpResponseError, match="The input PageSize -2 is invalid"):
        list(container.query_items("SELECT * FROM c", partition_key="A", max_item_count=-2))
