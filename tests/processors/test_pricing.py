"""A price is the library's at the time it happened, unless the override table knows better."""

from datetime import UTC, datetime
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


SONNET = "claude-sonnet-4-20250514"


def every_id() -> set[str]:
    return {model.id for provider in get_snapshot().providers for model in provider.models}


def ids_with_suffix() -> list[str]:
    return sorted(one for one in every_id() if one.rpartition(":")[2].isalpha() and ":" in one)


def test_tokens_of_a_cache_cost_what_the_library_says_for_them() -> None:
    cost = PRICES(SONNET, AT, 130_213, 100, 128_955, 1_253)

    assert cost == 5 * 3_000 + 128_955 * 300 + 1_253 * 3_750 + 100 * 15_000 == 44_900_250
    assert PRICES(SONNET, AT, 130_213, 100) == 392_139_000


@pytest.mark.parametrize("tokens", [(300_000, 7, 200_000, 50_000), (10, None, 3, 2), (9, 1, 9, 0)])
def test_every_model_prices_a_cache_as_the_library_does(tokens: tuple[int, int, int, int]) -> None:
    for provider, model in every_model():
        name = f"{provider}/{model}"
        assert ORACLE.nano_usd(name, AT * 10**6, *tokens) == PRICES(name, AT, *tokens), name


def test_every_free_id_costs_nothing() -> None:
    free = [one for one in ids_with_suffix() if one.endswith(":free")]

    assert len(free) > 100
    for one in (*free, "openrouter/x/y:free", "house:FREE"):
        assert PRICES(one, AT, 1_000, 1_000) == 0
        assert PRICES(one, AT, 1_000, None) is None


def test_a_suffix_is_priced_only_as_the_entry_of_that_very_id() -> None:
    for provider in get_snapshot().providers:
        for model in provider.models:
            for name in (model.id, f"{provider.id}/{model.id}"):
                if name.rpartition(":")[2] in ("batch", "thinking", "extended"):
                    found = PRICES(name, AT, 1_000, 1_000)
                    assert found == ORACLE.nano_usd(name, AT * 10**6, 1_000, 1_000), name
    for one in sorted(every_id()):
        if ":" not in one and f"{one}:nitro" not in every_id():
            assert PRICES(f"openrouter/{one}:nitro", AT, 1, 1) is None, one
    assert PRICES("anthropic/claude-haiku-4.5:batch", AT, 1_000_000, 0) != PRICES(
        "anthropic/claude-haiku-4.5", AT, 1_000_000, 0
    )


def test_models_without_a_price_for_text_tokens_are_unpriced() -> None:
    at, speech = datetime.fromtimestamp(AT, UTC), 0
    for provider in get_snapshot().providers:
        for model in provider.models:
            name = f"{provider.id}/{model.id}"
            try:
                answer = get_snapshot().find_provider_model(model.id, None, provider.id, None)[1]
            except LookupError:
                continue
            price = vars(answer.get_prices(at))
            if answer is model and not {"input_mtok", "output_mtok"} & price.keys():
                speech += not name.endswith(":free")
                assert PRICES(name, AT, 1, 1) == (0 if name.endswith(":free") else None), name
    assert speech >= 26
    assert PRICES("whisper-1", AT, 1, 1) is PRICES("tts-1", AT, 1, 1) is None


def test_a_missing_output_count_is_none_where_output_has_no_price() -> None:
    assert PRICES("openai/text-embedding-3-small", AT, 1_000_000, None) == 20_000_000
    assert PRICES("gpt-4o-mini", AT, 1_000_000, None) is None
    assert Prices([override("*", "2025-01-01T00:00:00Z")])("m", AT, 1, None) is None


@pytest.mark.parametrize(
    ("name", "alike"),
    [
        ("models/gemini-2.5-flash", "gemini-2.5-flash"),
        ("publishers/google/models/gemini-2.5-flash", "gemini-2.5-flash"),
        ("projects/p/locations/l/publishers/google/models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", SONNET),
        (f"arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.{SONNET}-v1:0", SONNET),
        (f"arn:aws:bedrock:eu-west-1::foundation-model/anthropic.{SONNET}-v1:0", SONNET),
    ],
)
def test_resource_names_cost_what_their_model_costs(name: str, alike: str) -> None:
    assert PRICES(name, AT, 1_000, 1_000) == PRICES(alike, AT, 1_000, 1_000) is not None


@pytest.mark.parametrize(
    "name",
    [
        *("models/gpt-4o", "models/house", "us.gpt-4o", "us.house-v1:0", "models/"),
        *("ft:gpt-4o-mini-2024-07-18:org::id", "arn:aws:bedrock:us-east-1:1:inference-profile/x"),
    ],
)
def test_what_the_vendor_does_not_list_and_fine_tuned_models_stay_unpriced(name: str) -> None:
    assert PRICES(name, AT, 1_000, 1_000) is None


def test_an_override_row_may_price_a_cache_and_decides_alone() -> None:
    since = "2025-01-01T00:00:00Z"
    row = Override("m*", since, Decimal(4), Decimal(8), Decimal(1), Decimal(5))

    assert Prices([row])("m:free", AT, 10, 1, 3, 2) == 5_000 * 4 + 3_000 + 10_000 + 8_000
    assert Prices([override("m", since)])("m", AT, 10, 0, 3, 2) == 10_000
    assert Prices([row]).rule("m:free", AT) == "override row"
