"""State sizes: of 100 000 documents together, and of the largest documents beside the limit.

The largest, of heavy users and of widely cited sources, are built through the production code.
"""

from collections import Counter
from collections.abc import Iterable

import msgspec

from benchmarks import memory, traffic
from benchmarks.figures import Figure, Peer, Scale, at_most, shown
from cosmos_views.ledger.commits import COMMIT_BYTES_MAX, encoded_bytes
from cosmos_views.ledger.instants import DAY_SECONDS, month_start
from cosmos_views.ledger.owners import owner_key
from cosmos_views.publish.measures import Delta, add_all, normalized_delta
from cosmos_views.publish.partials import added
from demo.metered import provisioned
from emulators.cosmos import Endpoint
from materializers.grains import day, month, source_day, window
from materializers.users.history import Month, User, UserMonth, month_id
from processors.facts import Citation, InteractionFact

USER = "e45d45fe-d106-46b0-8bef-8bb87a179c0d"
PK = "1:0"
KINDS = {"e": "entries", "u": "users", "p": "partials", "h": "heads"}
SCALED_TO = 100_000
ASSUMED_BYTES = 1_200
"""Of one document's state, from which the architecture derives the number of buckets."""
MEGABYTE = 1_000_000
DISTINCT_CITED = 20_000
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
        500_000, 234, 456, 0, 1_210_200, True, 5_000_000, True, 910_000, 960_000, 880_000, 990_000,
        400, 5, 840_000, cited,
    )  # fmt: skip


def user_of(facts: Iterable[InteractionFact]) -> User:
    """One user's history of these facts, in order of time."""
    user = User.new(owner_key(USER), PK, USER, "202401")
    for fact in facts:
        user.count(fact, 1)
    return user


def month_bytes(user: User, label: str) -> int:
    """The document of one earlier month."""
    block: Month = user.months[label]
    return encoded_bytes(UserMonth(month_id(user.key, label), PK, block))


def measure(scale: Scale) -> list[Figure]:
    """Bytes of state."""
    limit = Peer("the limit of a commit", COMMIT_BYTES_MAX)
    return [
        *_together(scale),
        *(
            Figure(what, size, "bytes", limit, at_most(COMMIT_BYTES_MAX))
            for what, size in largest(scale.citations_a_month)
        ),
    ]


def _together(scale: Scale) -> list[Figure]:
    """State after a day's traffic has been counted and folded, scaled to 100 000 documents."""
    day = traffic.day(-1, scale.interactions_a_day)[: scale.state_changes]
    with Endpoint.subprocess(seed=traffic.SEED) as endpoint:
        database, worker = provisioned(endpoint, 1)
        worker.publisher.now_ms = lambda: memory.NOW_MS
        for source, text in traffic.batches((change for _, change in day), 1_000):
            worker.processors[source].process(text, {})
        while not worker.publisher.run().idle:
            pass
        kinds: Counter[str] = Counter()
        documents = 0
        for document in database.get_container_client("state").query_items(
            "SELECT * FROM c", partition_key=PK
        ):
            kind = KINDS.get(document["id"].partition(":")[0], "others")
            kinds[kind] += encoded_bytes(document)
            documents += kind == "entries"
    share = SCALED_TO / documents / MEGABYTE
    return [
        Figure(
            "state of 100 000 documents, one day's traffic",
            kinds.total() * share,
            "MB",
            Peer(
                "the size that the number of buckets assumes", ASSUMED_BYTES * SCALED_TO / MEGABYTE
            ),
            at_most(ASSUMED_BYTES * SCALED_TO / MEGABYTE),
            {kind: size / kinds.total() for kind, size in kinds.most_common()},
        )
    ]


def largest(citations: int) -> list[tuple[str, int]]:
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
        ("the same user, one earlier month", month_bytes(daily, "202405")),
        ("user, 10 000 interactions in one day: hot document", encoded_bytes(flood.hot)),
        *_wide(start, citations),
    ]


def _wide(start: int, citations: int) -> list[tuple[str, int]]:
    """So many citations of distinct content ids, spread over a month."""
    delta: Delta = {}
    for number in range(citations):
        fact = interaction(start * DAY_SECONDS + number * 30 * DAY_SECONDS // citations, number, 0)
        place = number % DISTINCT_CITED
        cited = Citation(SOURCES[place % 6], str(place // 200), str(place % 200), 900_000, True)
        fact = msgspec.structs.replace(fact, citations=(cited,))
        for grain in (day, window, source_day, month):
            add_all(delta, grain.of_fact(fact))
    sizes: dict[str, int] = {}
    for key, measures in normalized_delta(delta).items():
        grain_name = key.partition(":")[0]
        largest = max(encoded_bytes(write.body) for write in added(PK, key, measures, {}))
        sizes[grain_name] = max(sizes.get(grain_name, 0), largest)
    content = f"{shown(DISTINCT_CITED)} content ids in a month of {shown(citations)}"
    return [(f"{content}: largest {name} partial", size) for name, size in sorted(sizes.items())]
