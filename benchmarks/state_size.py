"""State sizes: how large the documents of heavy users and of widely cited sources become.

`python -m benchmarks.state_size` builds them through the production code and prints their encoded
sizes beside the limit of 1.5 MB.
"""

import argparse
import json
from collections.abc import Iterable

import msgspec

from ledger.commits import COMMIT_BYTES_MAX, encoded_bytes
from ledger.facts import Citation, InteractionFact
from ledger.instants import DAY_SECONDS, month_start
from ledger.users import Month, User, UserMonth, month_id, user_key
from materializers.grains import day, month, source_day, window
from materializers.measures import Delta, add_all, normalized_delta
from materializers.partials import added

USER = "e45d45fe-d106-46b0-8bef-8bb87a179c0d"
PK = "1:0"
SOURCES = ("bhagavad_gita", "dhammapada", "meditations", "tao_te_ching", "analects", "upanishads")
TOPICS = ("leadership_guidance", "grief", "duty", "friendship", "work", "meaning", "anger", "love")


def interaction(at_seconds: int, number: int, citations: int = 2) -> InteractionFact:
    """A believable fact; `number` varies what it cites."""
    cited = tuple(
        Citation(
            SOURCES[(number + place) % len(SOURCES)],
            str(number % 18 + 1),
            str((number * 7 + place) % 78 + 1),
            920_000,
            True,
        )
        for place in range(citations)
    )
    return InteractionFact(
        at_seconds, 1_250, False, True, "krishna", "gemini-2.5-flash", TOPICS[number % len(TOPICS)],
        500_000, 234, 456, 1_210_200, True, 5_000_000, True, 910_000, 960_000, 880_000, 990_000,
        400, 5, 840_000, cited,
    )  # fmt: skip


def user_of(facts: Iterable[InteractionFact]) -> User:
    """One user's history of these facts, in order of time."""
    user = User.new(user_key(USER), PK, USER, "202401")
    for fact in facts:
        user.count(fact, 1)
    return user


def month_bytes(user: User, label: str) -> int:
    """The document of one earlier month."""
    block: Month = user.months[label]
    return encoded_bytes(UserMonth(month_id(user.key, label), PK, block))


def measure() -> list[tuple[str, int]]:
    """(what, bytes) of each case."""
    start = month_start("202401")
    daily = user_of(
        interaction((start + one) * DAY_SECONDS + hour * 3_600 + one % 3_600, one * 5 + hour)
        for one in range(396)
        for hour in (7, 12, 13, 19, 21)
    )
    flood = user_of(
        interaction(start * DAY_SECONDS + number * DAY_SECONDS // 10_000, number)
        for number in range(10_000)
    )
    return [
        ("user, 13 months of daily use (5 a day): hot document", encoded_bytes(daily.hot)),
        ("  the document of one earlier month", month_bytes(daily, "202405")),
        ("user, 10 000 interactions in one day: hot document", encoded_bytes(flood.hot)),
        *_wide(start),
    ]


def _wide(start: int) -> list[tuple[str, int]]:
    """20 000 distinct content ids in a month, 4 000 interactions a day for 30 days."""
    delta: Delta = {}
    for number in range(120_000):
        fact = interaction(start * DAY_SECONDS + number * 30 * DAY_SECONDS // 120_000, number, 0)
        place = number % 20_000
        cited = Citation(SOURCES[place % 6], str(place // 200), str(place % 200), 900_000, True)
        fact = msgspec.structs.replace(fact, citations=(cited,))
        for grain in (day, window, source_day, month):
            add_all(delta, grain.of_fact(fact))
    sizes: dict[str, int] = {}
    for key, measures in normalized_delta(delta).items():
        grain_name = key.partition(":")[0]
        largest = max(encoded_bytes(write.body) for write in added(PK, key, measures, {}))
        sizes[grain_name] = max(sizes.get(grain_name, 0), largest)
    return [
        (f"20 000 content ids in a month of 120 000: largest {name} partial", size)
        for name, size in sorted(sizes.items())
    ]


def main() -> None:
    """Print the sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    rows = measure()
    if arguments.json:
        print(json.dumps(dict(rows), indent=2))
        return
    for what, size in rows:
        print(f"{what:<72} {size:>9,} bytes {100 * size / COMMIT_BYTES_MAX:6.1f} %")


if __name__ == "__main__":
    main()
