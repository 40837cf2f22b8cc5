"""What a model call costs, in whole nano-USD, or that nobody knows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from fractions import Fraction

from genai_prices import Usage, calc_price

from tests.oracle.periods import moment


@dataclass(frozen=True)
class PriceOverride:
    """One row of the override table, asked before the library."""

    pattern: str
    """Shell pattern on the model id as written, case-insensitive."""
    effective_from: datetime
    input_usd_per_million: Decimal
    output_usd_per_million: Decimal


class Prices:
    """Prices by model, moment and token counts, each asked once."""

    def __init__(self, overrides: Sequence[PriceOverride] = ()) -> None:
        self._overrides = overrides
        self._known: dict[tuple[str, int, int, int], int | None] = {}

    def nano_usd(
        self, model: str, at: int, input_tokens: int | None, output_tokens: int | None
    ) -> int | None:
        """None is unpriced: a count is missing, or no price is known for the model."""
        if input_tokens is None or output_tokens is None:
            return None
        key = (model, at, input_tokens, output_tokens)
        if key not in self._known:
            usd = self._usd(*key)
            self._known[key] = None if usd is None else round(usd * 10**9)
        return self._known[key]

    def _usd(self, model: str, at: int, input_tokens: int, output_tokens: int) -> Fraction | None:
        override = self._override(model, at)
        if override is not None:
            return (
                input_tokens * Fraction(override.input_usd_per_million)
                + output_tokens * Fraction(override.output_usd_per_million)
            ) / 1_000_000
        for provider, name in _readings(model):
            price = _library_price(name, provider, at, input_tokens, output_tokens)
            if price is not None:
                return price
        return None

    def reading(self, model: str, at: int = 0) -> str:
        """How the library's price of a model is found, overrides aside."""
        for provider, name in _readings(model):
            if _library_price(name, provider, at, 1, 1) is not None:
                return "as written" if provider is None else "through its provider"
        return "unpriced"

    def _override(self, model: str, at: int) -> PriceOverride | None:
        """Of the rows that match and are in effect, the latest."""
        in_effect = [
            row
            for row in self._overrides
            if row.effective_from <= moment(at) and fnmatchcase(model.lower(), row.pattern.lower())
        ]
        return max(reversed(in_effect), key=lambda row: row.effective_from, default=None)


def _readings(model: str) -> Iterator[tuple[str | None, str]]:
    """(provider, name) to ask for: as written, then each split with the segment before it."""
    yield None, model
    segments = model.split("/")
    for cut in range(1, len(segments)):
        yield segments[cut - 1], "/".join(segments[cut:])


def _library_price(
    model: str, provider: str | None, at: int, input_tokens: int, output_tokens: int
) -> Fraction | None:
    try:
        price = calc_price(
            Usage(input_tokens=input_tokens, output_tokens=output_tokens),
            model,
            provider_id=provider,
            genai_request_timestamp=moment(at),
        )
    except LookupError:
        return None
    return Fraction(price.total_price)
