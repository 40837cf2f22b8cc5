"""What a model call costs, in whole nano-USD, or that nobody knows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from fractions import Fraction

from genai_prices import Usage
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo

from tests.oracle.periods import moment

BEDROCK = ("arn", "aws", "bedrock")
REGIONS = ("us-gov", "us", "eu", "apac", "jp", "au", "ca", "global")


@dataclass(frozen=True)
class PriceOverride:
    """One row of the override table, asked before the library."""

    pattern: str
    """Shell pattern on the model id as written, case-insensitive."""
    effective_from: datetime
    input_usd_per_million: Decimal
    output_usd_per_million: Decimal
    cached_input_usd_per_million: Decimal | None = None
    cache_write_usd_per_million: Decimal | None = None


@dataclass(frozen=True)
class Tokens:
    """What one call used; cached and written tokens are part of the input."""

    input: int
    output: int | None
    cached: int = 0
    written: int = 0


class Prices:
    """Prices by model, moment and token counts, each asked once."""

    def __init__(self, overrides: Sequence[PriceOverride] = ()) -> None:
        self._overrides = overrides
        self._known: dict[tuple[str, int, Tokens], int | None] = {}

    def nano_usd(
        self,
        model: str,
        at: int,
        input_tokens: int | None,
        output_tokens: int | None,
        cached: int = 0,
        written: int = 0,
    ) -> int | None:
        """None is unpriced: a count is missing, or no price is known for the model."""
        if input_tokens is None:
            return None
        key = (model, at, Tokens(input_tokens, output_tokens, cached, written))
        if key not in self._known:
            usd = self._usd(*key)
            self._known[key] = None if usd is None else round(usd * 10**9)
        return self._known[key]

    def _usd(self, model: str, at: int, tokens: Tokens) -> Fraction | None:
        row = self._override(model, at)
        if row is not None:
            return None if tokens.output is None else _by_row(row, tokens, tokens.output)
        word = _suffix(model)
        if word is not None and word.lower() == "free":
            return None if tokens.output is None else Fraction(0)
        entry = _entry(model)
        if entry is None:
            return None
        price = entry.get_prices(moment(at))
        if price.input_mtok is None and price.output_mtok is None:
            return None
        if tokens.output is None and price.output_mtok is not None:
            return None
        usage = Usage(
            input_tokens=tokens.input,
            output_tokens=tokens.output or 0,
            cache_read_tokens=tokens.cached,
            cache_write_tokens=tokens.written,
        )
        return Fraction(price.calc_price(usage)["total_price"])

    def reading(self, model: str, at: int = 0) -> str:
        """How the library's price of a model is found, overrides aside."""
        if Prices().nano_usd(model, at, 1, 1) is None:
            return "unpriced"
        try:
            get_snapshot().find_provider_model(model, None, None, None)
        except LookupError:
            return "through its provider"
        return "as written"

    def _override(self, model: str, at: int) -> PriceOverride | None:
        """Of the rows that match and are in effect, the latest."""
        in_effect = [
            row
            for row in self._overrides
            if row.effective_from <= moment(at) and fnmatchcase(model.lower(), row.pattern.lower())
        ]
        return max(reversed(in_effect), key=lambda row: row.effective_from, default=None)


def _by_row(row: PriceOverride, tokens: Tokens, output: int) -> Fraction:
    whole = Fraction(row.input_usd_per_million)
    cached, written = row.cached_input_usd_per_million, row.cache_write_usd_per_million
    return (
        tokens.input * whole
        + (0 if cached is None else tokens.cached * (Fraction(cached) - whole))
        + (0 if written is None else tokens.written * (Fraction(written) - whole))
        + output * Fraction(row.output_usd_per_million)
    ) / 1_000_000


def _suffix(model: str) -> str | None:
    """The word of ASCII letters after the last colon; fine-tuned models end in an id instead."""
    before, colon, word = model.rpartition(":")
    if not colon or not word.isascii() or not word.isalpha():
        return None
    return None if before.split("/")[-1].lower().startswith("ft:") else word


def _entry(model: str) -> ModelInfo | None:
    """As written, by its splits, under a cut name; with a suffix only the entry of that very id."""
    for asked, entry in _entries(model):
        if _suffix(model) is None or entry.id.lower() == asked.lower():
            return entry
    return None


def _entries(model: str) -> Iterator[tuple[str, ModelInfo]]:
    segments = model.split("/")
    for cut in range(len(segments)):
        name, provider = "/".join(segments[cut:]), segments[cut - 1] if cut else None
        try:
            yield name, get_snapshot().find_provider_model(name, None, provider, None)[1]
        except LookupError:
            continue
    for vendor, name in _left(model):
        for provided in get_snapshot().providers:
            entry = provided.find_model(name) if provided.id == vendor else None
            if entry is not None:
                yield name, entry


def _left(model: str) -> Iterator[tuple[str, str]]:
    """(vendor, name) of resource names of Google and of Bedrock."""
    parts = model.split("/")
    kinds = [part.lower() for part in parts]
    if kinds[:1] == ["projects"] and kinds[2:3] == ["locations"]:
        parts, kinds = parts[4:], kinds[4:]
    if kinds[:2] == ["publishers", "google"]:
        parts, kinds = parts[2:], kinds[2:]
    if kinds[:1] == ["models"] and parts[1:]:
        yield "google", "/".join(parts[1:])
    name, arn = model, False
    head, slash, tail = model.partition("/")
    fields = head.lower().split(":")
    if slash and len(fields) == 6 and (fields[0], fields[1][:3], fields[2]) == BEDROCK:
        arn = fields[5] in ("foundation-model", "inference-profile")
        name = tail if arn else name
    region, dot, rest = name.partition(".")
    regional = bool(dot) and region.lower() in REGIONS
    if arn or regional:
        yield "aws", name
    if regional:
        yield "aws", rest
