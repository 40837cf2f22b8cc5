"""The price library: which entry of the pinned `genai-prices` data a model id names, offline.

An entry is found by the id as written, by its splits, or under a cut resource name; never is one
product priced as another (views.md, section 1, "Cost"). Each answer says by which rule.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelInfo

_SUFFIX = re.compile(r":[A-Za-z]+\Z")
"""Names another product: `:batch`, `:thinking`, `:free`; not `-v1:0` or `llama3:8b`."""
_FINE_TUNED = "ft:"
_GOOGLE = re.compile(r"(?:projects/[^/]+/locations/[^/]+/)?(?:publishers/google/)?models/", re.I)
_ARN = re.compile(
    r"arn:aws[a-z-]*:bedrock:[^:/]*:[^:/]*:(?:foundation-model|inference-profile)/", re.I
)
_REGION = re.compile(r"(?:us-gov|us|eu|apac|jp|au|ca|global)\.", re.I)
"""Regions of Bedrock's cross-region inference profiles."""


@dataclass(frozen=True)
class Found:
    """An entry of the library, and how it was found."""

    info: "ModelInfo"
    provider: str
    rule: str
    """`as written`, `after a split`, or `after a cut prefix`."""


def suffix_of(model: str) -> str:
    """The suffix that names another product, in lower case; empty without one."""
    if model.rpartition("/")[2].lower().startswith(_FINE_TUNED):
        return ""
    match = _SUFFIX.search(model)
    return match[0].lower() if match else ""


def find(model: str) -> Found | None:
    """The entry of a model id; None when the library has none for exactly this product."""
    # Imported with the first price: it is half of what a cold start would otherwise wait for.
    from genai_prices.data_snapshot import get_snapshot

    exact = bool(suffix_of(model))
    for reference, found in _answers(get_snapshot(), model):
        if not exact or found.info.id.lower() == reference.lower():
            return found
    return None


def _answers(snapshot: "DataSnapshot", model: str) -> Iterator[tuple[str, Found]]:
    """(reference asked for, entry): as written, each split from the left, then cut prefixes."""
    segments = model.split("/")
    for split in range(len(segments)):
        reference = "/".join(segments[split:])
        asked = segments[split - 1] if split else None
        try:
            provider, info = snapshot.find_provider_model(reference, None, asked, None)
        except LookupError:
            continue
        yield reference, Found(info, provider.id, "after a split" if split else "as written")
    for vendor, reference in _cut(model):
        provider = next(one for one in snapshot.providers if one.id == vendor)
        # Without the other providers: in the vendor's own list only.
        own = provider.find_model(reference)
        if own is not None:
            yield reference, Found(own, vendor, "after a cut prefix")


def _cut(model: str) -> Iterator[tuple[str, str]]:
    """(vendor, what is left of a resource name)."""
    if google := _GOOGLE.match(model):
        yield "google", model[google.end() :]
    arn = _ARN.match(model)
    left = model[arn.end() :] if arn else model
    region = _REGION.match(left)
    if arn or region:
        # With its region first: the library has prices of regional and of global profiles.
        yield "aws", left
    if region:
        yield "aws", left[region.end() :]
