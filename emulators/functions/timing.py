"""How fast the host's clocks run, so that tests need not wait for the platform's.

Guarantee: None means what the trigger declares, which defaults to the platform's values.
"""

from dataclasses import dataclass

from emulators.functions.triggers import CosmosTrigger


@dataclass(frozen=True, slots=True)
class Timing:
    poll_delay_seconds: float | None = None
    acquire_seconds: float | None = None
    renew_seconds: float | None = None
    expiration_seconds: float | None = None
    retry_delay_scale: float = 1.0


@dataclass(frozen=True, slots=True)
class LeaseTiming:
    """The intervals of one trigger."""

    poll_delay_seconds: float
    acquire_seconds: float
    renew_seconds: float
    expiration_seconds: float


def lease_timing(trigger: CosmosTrigger, timing: Timing) -> LeaseTiming:
    def chosen(override: float | None, declared: float) -> float:
        return declared if override is None else override

    return LeaseTiming(
        chosen(timing.poll_delay_seconds, trigger.poll_delay_seconds),
        chosen(timing.acquire_seconds, trigger.acquire_seconds),
        chosen(timing.renew_seconds, trigger.renew_seconds),
        chosen(timing.expiration_seconds, trigger.expiration_seconds),
    )
