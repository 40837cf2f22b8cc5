"""Retry policies: what `@app.retry(...)` declares and the pauses it leads to.

Guarantee: the schedule of the WebJobs SDK. `fixed_delay` pauses the same time before every retry.
`exponential_backoff` begins at the minimum, then adds 2^n minimums give or take 20 %, and stays
at the maximum once it has been reached. A count of -1 never ends.
"""

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from emulators.functions.errors import HostError

UNLIMITED = -1
_RANDOMIZATION = 0.2
_INTERVAL = re.compile(r"(\d{1,2}):(\d{1,2}):(\d{1,2})")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Intervals in seconds; a fixed delay is a minimum that equals its maximum."""

    max_retry_count: int
    minimum_seconds: float
    maximum_seconds: float

    @property
    def unlimited(self) -> bool:
        return self.max_retry_count == UNLIMITED

    def allows(self, retry_count: int) -> bool:
        """Whether another try follows after `retry_count` retries have failed too."""
        return self.unlimited or retry_count < self.max_retry_count

    def pauses_seconds(self, rng: random.Random) -> Iterator[float]:
        """The pauses before the first, second, … retry of one batch, without end."""
        yield min(self.minimum_seconds, self.maximum_seconds)
        exponent = 0
        while self.minimum_seconds < self.maximum_seconds:
            factor = rng.uniform(1 - _RANDOMIZATION, 1 + _RANDOMIZATION) * 2.0**exponent
            pause = self.minimum_seconds * (1 + factor)
            # A minimum of zero never grows, and must not overflow the exponent either.
            if pause >= self.maximum_seconds or self.minimum_seconds == 0:
                break
            yield pause
            exponent += 1
        last = self.maximum_seconds if self.minimum_seconds > 0 else 0.0
        while True:
            yield last


def parse_retry_policy(function_name: str, declared: Mapping[str, object]) -> RetryPolicy:
    """The policy from the `retry_policy` setting the azure-functions library collected."""
    strategy = declared.get("strategy")
    try:
        max_retry_count = int(str(declared.get("max_retry_count")))
    except ValueError:
        raise HostError(
            f"The max_retry_count of {function_name} has to be a number, -1 for no limit."
        ) from None
    if strategy == "fixed_delay":
        delay = _seconds(function_name, "delay_interval", declared)
        return RetryPolicy(max_retry_count, delay, delay)
    if strategy == "exponential_backoff":
        minimum = _seconds(function_name, "minimum_interval", declared)
        maximum = _seconds(function_name, "maximum_interval", declared)
        if minimum > maximum:
            raise HostError(
                f"The minimum_interval of {function_name} exceeds its maximum_interval."
            )
        return RetryPolicy(max_retry_count, minimum, maximum)
    raise HostError(
        f"The retry strategy of {function_name} has to be fixed_delay or exponential_backoff, "
        f"not {strategy!r}."
    )


def _seconds(function_name: str, field: str, declared: Mapping[str, object]) -> float:
    # The worker reads it with strptime("%H:%M:%S"): nothing else, and less than a day.
    match = _INTERVAL.fullmatch(str(declared.get(field)))
    hours, minutes, seconds = (int(part) for part in match.groups()) if match else (99, 0, 0)
    if hours > 23 or minutes > 59 or seconds > 59:
        raise HostError(f"The {field} of {function_name} has to read HH:MM:SS, less than a day.")
    return float(hours * 3600 + minutes * 60 + seconds)
