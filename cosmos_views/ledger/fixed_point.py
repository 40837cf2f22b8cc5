"""Fixed point: every stored measure is an integer, rounded half-even once, on entry.

Sums of integers are exact, independent of order, and can be subtracted again; division happens only
when a view is rendered (views.md, section 1, "Numbers").
"""

from decimal import ROUND_HALF_EVEN, Decimal

MILLION = 1_000_000
NANO = 1_000_000_000
INTEGER_BOUND = 2**53
"""Integers stay below this, the largest that every JSON reader keeps exact."""


def millionths(value: float) -> int:
    """A score or rating in millionths, half-even from the decimal the document wrote."""
    return _scaled(value, MILLION)


def whole_milliseconds(value: float) -> int:
    """A duration given in milliseconds, half-even to whole ones."""
    return _scaled(value, 1)


def seconds_to_milliseconds(value: float) -> int:
    """A duration given in seconds, half-even to whole milliseconds."""
    return _scaled(value, 1_000)


def _scaled(value: float, scale: int) -> int:
    product = value * scale
    nearest = round(product)
    # Binary floats blur only what lies at a half: there the written decimal decides.
    if abs(abs(product - nearest) - 0.5) > 1e-3:
        return nearest
    return int((Decimal(repr(value)) * scale).to_integral_value(ROUND_HALF_EVEN))


def divided_half_even(numerator: int, denominator: int) -> int:
    """The exact quotient of two integers, rounded half-even. The denominator is positive."""
    quotient, rest = divmod(numerator, denominator)
    doubled = 2 * rest
    if doubled > denominator or (doubled == denominator and quotient & 1):
        return quotient + 1
    return quotient
