"""Bad days: named sets of faults, and fault files, for the endpoint to strike with.

    [{"operation": "batch", "container": "state", "probability": 0.05, "status": 429}]

A fault file is a JSON list of such rules; `emulators.cosmos.faults.FaultRule` says what they mean.
"""

from pathlib import Path

import msgspec

from cosmos_views.settings import ConfigurationError
from emulators.cosmos import Endpoint, FaultRule

PRESETS: dict[str, tuple[FaultRule, ...]] = {
    "a bad day": (
        FaultRule(probability=0.02, status=429, retry_after_ms=20),
        FaultRule(probability=0.01, status=503),
        FaultRule(operation="batch", probability=0.01, status=449),
        FaultRule(operation="batch", probability=0.01, moment="after", status=408),
        FaultRule(operation="batch", probability=0.01, moment="after", drop=True),
        FaultRule(probability=0.005, drop=True),
        FaultRule(probability=0.05, delay_ms=30),
    ),
    "throttled": (FaultRule(probability=0.2, status=429, retry_after_ms=50),),
    "slow": (FaultRule(delay_ms=25),),
    "dead letters fail": (FaultRule(container="poison_messages", status=503),),
}


def faults(text: str) -> tuple[FaultRule, ...]:
    """The rules of a preset or of a fault file. Raises ConfigurationError."""
    preset = PRESETS.get(text.strip().lower().replace("-", " "))
    if preset is not None:
        return preset
    try:
        return msgspec.json.decode(Path(text).read_bytes(), type=tuple[FaultRule, ...])
    except OSError:
        names = ", ".join(repr(name) for name in PRESETS)
        raise ConfigurationError(
            f"{text!r} is neither a file of fault rules nor one of {names}"
        ) from None
    except (ValueError, msgspec.MsgspecError) as error:
        raise ConfigurationError(f"{text} is no list of fault rules: {error}") from None


def arm(endpoint: Endpoint, rules: tuple[FaultRule, ...]) -> None:
    """Switch the rules on."""
    for rule in rules:
        endpoint.faults.add(**msgspec.structs.asdict(rule))
