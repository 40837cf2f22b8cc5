"""A price is the library's at the time it happened, unless the override table knows better."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest
from genai_prices import Usage, calc_price
from genai_prices.data_snapshot import get_snapshot
from hypothesis import given
from hypothesis import strategies as st

from processors.pricing import Override, Prices, load_overrides
from tests.oracle import Prices as OraclePrices

AT = 1_754_404_755
"""2025-08-05T14:39:15Z."""
PRICES = Prices()
ORACLE = OraclePrices()


def every_model() -> list[tuple[str, str]]:
    return [
        (provider.id, model.id)
        for provider in get_snapshot().providers
        for model in provider.models
        if "/" not in provider.id
    ]


def test_gemini_flash_costs_what_the_definitions_say() -> None:
    assert PRICES("gemini-2.5-flash", AT, 234, 456) == 1_210_200


@pytest.mark.parametrize("tokens", [(0, 0), (1, 1), (234, 456), (200_001, 3), (10_000_000, 1)])
def test_every_model_of_the_library_costs_what_the_library_says(tokens: tuple[int, int]) -> None:
    """Tiered prices, prices by time of day and charges per request included."""
    input_tokens, output_tokens = tokens
    different = []
    for provider, model in every_model():
        name = f"{provider}/{model}"
        expected = ORACLE.nano_usd(name, AT * 10**6, input_tokens, output_tokens)
        if expected != PRICES(name, AT, input_tokens, output_tokens):
            different.append(name)

    assert different == []


@given(
    st.sampled_from(("gemini-2.5-flash", "claude-sonnet-4-20250514", "gpt-4o-mini", "o3")),
    st.integers(0, 10_000_000),
    st.integers(0, 10_000_000),
)
def test_costs_are_exact_and_rounded_half_even(model: str, input_tokens: int, output: int) -> None:
    usage = Usage(input_tokens=input_tokens, output_tokens=output)
    exact = Fraction(calc_price(usage, model).total_price) * 10**9

    assert round(exact) == PRICES(model, AT, input_tokens, output)


@pytest.mark.parametrize(
    "model",
    [
        *(
            "house-model",
            "house/model",
            "",
            "unknown",
            "REDACTED",
            "/",
            "a/b/c/d",
            "openai/",
            "/o3",
        ),
        *("openai/gpt-4o", "openrouter/openai/gpt-4o", "x/openai/gpt-4o", "x/y/openai/gpt-4o"),
        *("anthropic/claude-3-7-sonnet-20250219", "gpt-4o/anthropic", "house/gpt-4o"),
    ],
)
def test_ids_are_read_from_the_left_with_the_segment_before_as_the_provider(model: str) -> None:
    assert ORACLE.nano_usd(model, AT * 10**6, 1_000, 1_000) == PRICES(model, AT, 1_000, 1_000)


def test_a_bare_model_of_another_vendor_is_not_asked_for() -> None:
    assert PRICES("x/gpt-4o-mini-of-nobody", AT, 1, 1) is None
    assert PRICES("house-model", AT, 1, 1) is None


def override(model: str, since: str, usd: str = "1", output_usd: str = "2") -> Override:
    return Override(model, since, Decimal(usd), Decimal(output_usd))


def test_an_override_is_asked_first_by_pattern_whatever_the_case() -> None:
    prices = Prices([override("House-*", "2025-01-01T00:00:00Z")])

    assert prices("hOUSE-model", AT, 1_000_000, 1_000_000) == 3_000_000_000
    assert prices("my-house-model", AT, 1, 1) is None
    assert Prices([override("gemini*", "2025-01-01T00:00:00Z")])("gemini-2.5-flash", AT, 1, 0) == (
        1_000
    )


def test_of_the_overrides_in_effect_the_latest_wins() -> None:
    prices = Prices(
        [
            override("m", "2025-08-05T14:39:15Z", "5"),
            override("*", "2025-01-01T00:00:00Z", "1"),
            override("m", "2025-06-01T00:00:00Z", "3"),
            override("m", "2025-08-05T14:39:16Z", "7"),
        ]
    )

    costs = [prices("m", at, 1_000, 0) for at in (AT - 1, AT, AT + 1)]

    assert costs == [3_000_000, 5_000_000, 7_000_000]
    assert prices("m", 1_735_689_600, 1_000, 0) == 1_000_000
    assert prices("m", 1_735_689_599, 1_000, 0) is None


def test_override_costs_round_half_even() -> None:
    prices = Prices([override("m", "2025-01-01T00:00:00Z", "0.0005", "0.0015")])

    assert prices("m", AT, 1, 0) == 0
    assert prices("m", AT, 0, 1) == 2
    assert prices("m", AT, 3, 0) == 2


def test_the_override_table_names_what_is_wrong(tmp_path: Path) -> None:
    table = tmp_path / "overrides.json"
    row = {
        "model": "m",
        "effective_from": "2025-01-01T00:00:00Z",
        "input_usd_per_million": "0.1",
        "output_usd_per_million": 2,
    }
    table.write_bytes(msgspec.json.encode([row]))

    assert load_overrides(table) == (override("m", "2025-01-01T00:00:00Z", "0.1"),)

    table.write_bytes(msgspec.json.encode([{**row, "price": 1}]))
    with pytest.raises(msgspec.ValidationError, match="price"):
        load_overrides(table)
    table.write_bytes(msgspec.json.encode([{**row, "effective_from": "soon"}]))
    with pytest.raises(ValueError, match="a time like"):
        load_overrides(table)
    table.write_bytes(
        msgspec.json.encode([row, {**row, "effective_from": "2025-01-01T00:00:00.5Z"}])
    )
    with pytest.raises(msgspec.ValidationError, match="row 1: prices change at whole seconds"):
        load_overrides(table)


def test_the_table_shipped_is_readable() -> None:
    assert isinstance(load_overrides(), tuple)
