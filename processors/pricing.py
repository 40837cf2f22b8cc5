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

from cosmos_views.ledger.fixed_point import NANO, divided_half_even
from cosmos_views.ledger.instants import SECOND_US, instant_us
from processors.price_library import find, suffix_of

if TYPE_CHECKING:
    from genai_prices.types import ModelPrice

OVERRIDES_PATH = Path(__file__).with_name("price_overrides.json")

_RATE_SCALE = 10**12
"""Rates are kept as integers of 10^-12 USD per million tokens, fine enough for every list price."""
_TOKENS_PER_PRICE = 10**6
_FREE = ":free"


class Override(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row of the override table; the pattern is a shell pattern on the raw model id."""

    model: str
    effective_from: str
    input_usd_per_million: Decimal
    output_usd_per_million: Decimal
    cached_input_usd_per_million: Decimal | None = None
    """Absent: as input; likewise the next one."""
    cache_write_usd_per_million: Decimal | None = None

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
    """Linear prices; cached and written tokens are part of the input and have rates of their own.

    `output_rate` is None where the price has none (embeddings).
    """

    input_rate: int
    output_rate: int | None
    cached_rate: int
    write_rate: int

    @classmethod
    def of(
        cls,
        per_input: Decimal,
        per_output: Decimal | None,
        per_cached: Decimal | None,
        per_write: Decimal | None,
    ) -> "_Rates":
        """Of USD per million; cached and written tokens without a rate cost what input does."""
        return cls(
            _scaled(per_input),
            None if per_output is None else _scaled(per_output),
            _scaled(per_input if per_cached is None else per_cached),
            _scaled(per_input if per_write is None else per_write),
        )

    def nano_usd(self, tokens: "Tokens") -> int | None:
        """None when the output is missing and has a price."""
        input_tokens, output_tokens, cached, written = tokens
        if output_tokens is None and self.output_rate is not None:
            return None
        scaled = (
            (input_tokens - cached - written) * self.input_rate
            + cached * self.cached_rate
            + written * self.write_rate
            + (output_tokens or 0) * (self.output_rate or 0)
        )
        return divided_half_even(scaled * NANO, _RATE_SCALE * _TOKENS_PER_PRICE)


def _scaled(usd_per_million: Decimal) -> int:
    return int(usd_per_million * _RATE_SCALE)


Tokens = tuple[int, int | None, int, int]
"""Input, output, and of the input: read from a cache, written to one."""


class Prices:
    """The price table: callable with a model id, a time and token counts."""

    def __init__(self, overrides: Sequence[Override] = ()) -> None:
        self._overrides = [
            (
                override.model.lower(),
                override.effective_from_seconds,
                _Rates.of(
                    override.input_usd_per_million,
                    override.output_usd_per_million,
                    override.cached_input_usd_per_million,
                    override.cache_write_usd_per_million,
                ),
            )
            for override in overrides
        ]
        self._rates_of_price: dict[int, _Rates | None] = {}
        # Per instance, so that tables with different overrides never share answers.
        self._override_rows = lru_cache(maxsize=4096)(self._find_override_rows)
        self._find_in_library = lru_cache(maxsize=4096)(find)

    def __call__(
        self,
        model: str,
        at_seconds: int,
        input_tokens: int,
        output_tokens: int | None,
        cached_tokens: int = 0,
        cache_write_tokens: int = 0,
        /,
    ) -> int | None:
        """Nano-USD, half-even; None when nothing prices this call.

        A missing output count is 0 where the price found has no output price.
        """
        tokens = input_tokens, output_tokens, cached_tokens, cache_write_tokens
        for effective_from_seconds, rates in self._override_rows(model):
            if at_seconds >= effective_from_seconds:
                return rates.nano_usd(tokens)
        if suffix_of(model) == _FREE:
            return None if output_tokens is None else 0
        found = self._find_in_library(model)
        if found is None:
            return None
        price = found.info.get_prices(datetime.fromtimestamp(at_seconds, UTC))
        linear = self._linear_rates(price)
        if linear is not None:
            return linear.nano_usd(tokens)
        return _totalled_nano_usd(price, tokens)

    def rule(self, model: str, at_seconds: int) -> str:
        """By which rule a call with both counts is priced, for people; `unpriced` when by none."""
        for effective_from_seconds, _ in self._override_rows(model):
            if at_seconds >= effective_from_seconds:
                return "override row"
        if suffix_of(model) == _FREE:
            return "free suffix"
        found = self._find_in_library(model)
        if found is None or self(model, at_seconds, 0, 0) is None:
            return "unpriced"
        return f"library, {found.rule}: {found.provider}, {found.info.id}"

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


def _linear_rates(price: "ModelPrice") -> _Rates | None:
    """The rates of a price for text tokens without tiers or a charge per request, else None."""
    names = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok")
    charges = {name: getattr(price, name) for name in (*names, "requests_kcount")}
    present = {name: charge for name, charge in charges.items() if charge is not None}
    if "input_mtok" not in present or "requests_kcount" in present:
        return None
    if not all(isinstance(charge, Decimal) for charge in present.values()):
        return None
    return _Rates.of(*(charges[name] for name in names))


def _totalled_nano_usd(price: "ModelPrice", tokens: Tokens) -> int | None:
    """As the library totals it; None when it has no price for text tokens, or for this call."""
    from genai_prices import Usage

    input_tokens, output_tokens, cached, written = tokens
    if price.input_mtok is None and price.output_mtok is None:
        return None
    if output_tokens is None and price.output_mtok is not None:
        return None
    usage = Usage(
        input_tokens=input_tokens,
        output_tokens=output_tokens or 0,
        cache_read_tokens=cached,
        cache_write_tokens=written,
    )
    total_usd = price.calc_price(usage)["total_price"]
    return int((total_usd * NANO).to_integral_value(ROUND_HALF_EVEN))
