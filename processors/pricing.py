"""Pricing: what one model call cost, in nano-USD, at the time it happened.

The override table is asked first, then the pinned `genai-prices` data, offline. A cost recorded in
a document is never trusted. Whatever changes a price changes the definition version
(views.md, section 1, "Cost").
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ledger.fixed_point import NANO, divided_half_even
from ledger.instants import SECOND_US, instant_us

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice

OVERRIDES_PATH = Path(__file__).with_name("price_overrides.json")

_RATE_SCALE = 10**12
"""Rates are kept as integers of 10^-12 USD per million tokens, fine enough for every list price."""
_TOKENS_PER_PRICE = 10**6
_FREE = Decimal(0)


class Override(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row of the override table; the pattern is a shell pattern on the raw model id."""

    model: str
    effective_from: str
    input_usd_per_million: Decimal
    output_usd_per_million: Decimal

    @property
    def effective_from_seconds(self) -> int:
        """Seconds since 1970."""
        return instant_us(self.effective_from) // SECOND_US


def load_overrides(path: Path = OVERRIDES_PATH) -> tuple[Override, ...]:
    """The override table. Raises msgspec.ValidationError naming the row and field."""
    overrides = msgspec.json.decode(path.read_bytes(), type=tuple[Override, ...], strict=False)
    for row, override in enumerate(overrides):
        if instant_us(override.effective_from) % SECOND_US:
            raise msgspec.ValidationError(
                f"row {row}: prices change at whole seconds - at `effective_from`"
            )
    return overrides


@dataclass(frozen=True)
class _Rates:
    """Linear prices; cost = input × input rate + output × output rate."""

    input_rate: int
    output_rate: int

    @classmethod
    def of(cls, input_usd_per_million: Decimal, output_usd_per_million: Decimal) -> "_Rates":
        return cls(
            int(input_usd_per_million * _RATE_SCALE), int(output_usd_per_million * _RATE_SCALE)
        )

    def nano_usd(self, input_tokens: int, output_tokens: int) -> int:
        scaled = input_tokens * self.input_rate + output_tokens * self.output_rate
        return divided_half_even(scaled * NANO, _RATE_SCALE * _TOKENS_PER_PRICE)


class Prices:
    """The price table: callable with (model, at_seconds, input_tokens, output_tokens)."""

    def __init__(self, overrides: Sequence[Override] = ()) -> None:
        self._overrides = [
            (
                override.model.lower(),
                override.effective_from_seconds,
                _Rates.of(override.input_usd_per_million, override.output_usd_per_million),
            )
            for override in overrides
        ]
        self._rates_of_price: dict[int, _Rates | None] = {}
        # Per instance, so that tables with different overrides never share answers.
        self._override_rows = lru_cache(maxsize=4096)(self._find_override_rows)
        self._library_model = lru_cache(maxsize=4096)(_find_library_model)

    def __call__(
        self, model: str, at_seconds: int, input_tokens: int, output_tokens: int, /
    ) -> int | None:
        """Nano-USD, half-even; None when nothing prices this model."""
        for effective_from_seconds, rates in self._override_rows(model):
            if at_seconds >= effective_from_seconds:
                return rates.nano_usd(input_tokens, output_tokens)
        info = self._library_model(model)
        if info is None:
            return None
        at = datetime.fromtimestamp(at_seconds, UTC)
        price = info.get_prices(at)
        linear = self._linear_rates(price)
        if linear is not None:
            return linear.nano_usd(input_tokens, output_tokens)
        return _tiered_nano_usd(price, input_tokens, output_tokens)

    def _linear_rates(self, price: "ModelPrice") -> _Rates | None:
        # The data lives as long as the process, so an object's identity names its price.
        if id(price) not in self._rates_of_price:
            self._rates_of_price[id(price)] = _linear_rates(price)
        return self._rates_of_price[id(price)]

    def _find_override_rows(self, model: str) -> list[tuple[int, _Rates]]:
        """Matching rows, the latest first; of two from the same instant the later row."""
        name = model.lower()
        rows = [
            (effective_from_seconds, position, rates)
            for position, (pattern, effective_from_seconds, rates) in enumerate(self._overrides)
            if fnmatchcase(name, pattern)
        ]
        rows.sort(key=lambda row: row[:2], reverse=True)
        return [(effective_from_seconds, rates) for effective_from_seconds, _, rates in rows]


def _find_library_model(model: str) -> "ModelInfo | None":
    """The id as written, then each split from the left, the segment before it as the provider."""
    # Imported with the first price: it is half of what a cold start would otherwise wait for.
    from genai_prices.data_snapshot import get_snapshot

    segments = model.split("/")
    for split in range(len(segments)):
        provider_id = segments[split - 1] if split else None
        try:
            return get_snapshot().find_provider_model(
                "/".join(segments[split:]), None, provider_id, None
            )[1]
        except LookupError:
            continue
    return None


def _linear_rates(price: "ModelPrice") -> _Rates | None:
    """The rates of a price that has no tiers and no charge per request, else None."""
    charges = {name: charge for name, charge in vars(price).items() if charge is not None}
    if "requests_kcount" in charges:
        return None
    per_input = charges.get("input_mtok", _FREE)
    per_output = charges.get("output_mtok", _FREE)
    if not isinstance(per_input, Decimal) or not isinstance(per_output, Decimal):
        return None
    return _Rates.of(per_input, per_output)


def _tiered_nano_usd(price: "ModelPrice", input_tokens: int, output_tokens: int) -> int:
    from genai_prices import Usage

    usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens)
    total_usd = price.calc_price(usage)["total_price"]
    return int((total_usd * NANO).to_integral_value(ROUND_HALF_EVEN))
