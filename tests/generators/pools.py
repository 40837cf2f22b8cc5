"""The values that documents are made of: few, so that they collide, and awkward where allowed."""

from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Any

FIRST_WRITE = int(datetime(2025, 3, 2, tzinfo=UTC).timestamp())
"""Every history is written from here on; events lie before, or at most a day after."""

DAYS = (
    *("2024-02-28", "2024-02-29", "2024-03-01"),  # a leap day, a month's end
    *("2024-12-31", "2025-01-01", "2025-01-02"),  # a year's end
    *("2025-01-07", "2025-01-08", "2025-01-15", "2025-01-22"),  # quarters of a month
    *("2025-01-31", "2025-02-01", "2025-02-08", "2025-02-09"),  # 7 and 8 days apart
    *("2025-02-28", "2025-03-01", "2025-03-02"),  # the last ones around the first write
)
TIMES_OF_DAY = (
    *("00:00:00.000000", "23:59:59.999999"),
    *("12:00:00.000000", "12:00:00.250000", "12:00:00.999000", "12:00:01.000000"),
    *("12:00:59.500000", "12:04:59.999999", "12:05:00.000000", "11:59:59.000000"),
    *("05:59:59.000000", "06:00:00.000000", "17:30:00.000000", "18:00:00.000000"),
)
LONG = "щ" * 100
"""A label of twice as many bytes as letters."""
NESTED_LEVELS = (63, 64, 65, 127)
"""How deep what nobody reads is nested; the service takes 128 levels with the document itself."""
STAMPS = ("2025-01-02T03:04:05.60Z", "2025-01-02T03:04:05.6Z", "/Date(1735787045600)/")
"""Labels that the host takes for dates."""
TOPICS = (
    "duty",
    "karma",
    "Duty",
    " duty ",
    "unknown",
    "道",
    LONG,
    "t" * 128,
    "t" * 129,
    *STAMPS[:2],
)
PERSONALITIES = ("krishna", "buddha", "einstein", "marcus_aurelius", LONG, "p" * 129, *STAMPS[:2])
MODELS = (
    *("gemini-2.5-flash", "gpt-4o-mini", "claude-sonnet-4-20250514"),
    *("anthropic/claude-3-7-sonnet-20250219", "openrouter/openai/gpt-4o"),
    *("house-model", "house/model", "House-Model", "REDACTED"),
    *("deepseek/deepseek-r1:free", "anthropic/claude-haiku-4.5:batch", "gpt-4o:nitro"),
    *("whisper-1", "tts-1", "openai/text-embedding-3-small", "voyageai/voyage-3.5"),
    *("models/gemini-2.5-flash", "publishers/google/models/gemini-2.5-pro"),
    *("us.anthropic.claude-sonnet-4-20250514-v1:0", "ft:gpt-4o-mini-2024-07-18:org::id"),
    *STAMPS,
)
SOURCES = (
    *("bhagavad_gita", "Bhagavad Gita", "bhagavad-gita as it is", "dhammapada", "Meditations"),
    *("道德經 — 老子", "a/b%c", "?#", LONG, "s" * 129, STAMPS[0]),
)
CITATION_TEXTS = (
    *("Bhagavad Gita 2.47", "Bg. 2.47", "Dhammapada 1:5", "Meditations 5", "Meditations 5.16-18"),
    *("Tao Te Ching", "2.47", "Srimad Bhagavatam 1.2.6", "  dhammapada   1.5 ", "", "Gita 2:v47"),
    *STAMPS[:2],
)
CHAPTERS = (
    "1",
    "2",
    "16-18",
    2,
    2.5,
    2.50,
    "Bg. 2.47",
    "Bg.3",
    "Chapter One",
    LONG,
    " 2 ",
    "c" * 129,
    STAMPS[0],
)
VERSES = (
    "1",
    "47",
    47,
    4.25,
    "16-18",
    "Bg. 2.47",
    "Bg.2.47",
    "Bg 16-18",
    "Bg. .5",
    LONG,
    "v" * 129,
    STAMPS[1],
)
SCORES = (0, 1, 0.5, 1.0, 0.92, 0.7, 0.3333333, 0.0000005, 0.0000015)
RATINGS = (1, 2, 3, 4, 5, 4.5, 4.25, 5.0, 0, 6, -1, 5.000001)
DURATIONS_MS = (0, 1, 0.5, 1.5, 100, 101, 102, 1200, 1250, 3001, 59_999.4, 3_600_000)
TOKENS = (0, 1, 234, 456, 234.0, 12_000, 200_001, 10_000_000)
CACHED_TOKENS = (0, 0, 1, 1, 100, 100.0, 234, 11_000)
SESSION_SECONDS = (0, 60, 299.999, 300, 900, 900.001, 503, 604_800)
ERRORS: tuple[Any, ...] = (
    None,
    False,
    0,
    "",
    {},
    [],
    True,
    1,
    "timed out",
    {"code": 500},
    ["late"],
)


def microseconds_of(random: Random) -> int:
    """A moment of the clustered days."""
    at = datetime.fromisoformat(
        f"{random.choice(DAYS)}T{random.choice(TIMES_OF_DAY)}+00:00",
    )
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def spelled(random: Random, microseconds: int) -> Any:
    """One of the accepted spellings of a moment."""
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    form = random.randrange(12)
    if form == 0 and microseconds % 1_000_000 == 0:
        return microseconds // 1_000_000
    if form == 1 and microseconds % 1_000 == 0:
        return microseconds // 1_000
    if form == 2:
        zone = timezone(timedelta(minutes=random.choice((-480, -30, 60, 330))))
        return at.astimezone(zone).isoformat()
    if form == 3:
        return at.strftime("%Y-%m-%d %H:%M:%S.%f")
    if form == 4:
        return at.strftime("%Y-%m-%dT%H:%M:%S.%f") + "999Z"
    if form == 5 and microseconds % 1_000 == 0:
        return f"/Date({microseconds // 1_000}{random.choice(('', '+0530'))})/"
    if form == 6 and microseconds % 86_400_000_000 == 0:
        return (at - timedelta(days=1)).strftime("%Y-%m-%d") + random.choice(
            ("T24:00:00Z", "t24:00:00.000")
        )
    if form == 7:
        return at.strftime("%Y-%m-%dt%H:%M:%S.%f") + random.choice(("z", "+0000", "+00", "-0000"))
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def maybe(random: Random, body: dict[str, Any], name: str, value: Any) -> None:
    """Sets a field three times in four; else leaves it absent or null."""
    form = random.randrange(8)
    if form >= 2:
        body[name] = value
    elif form == 1:
        body[name] = None
