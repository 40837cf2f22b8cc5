"""The generated histories keep the writers' promises and reach what they are meant to reach."""

from collections import Counter, defaultdict
from functools import cache
from random import Random

from hypothesis import given, settings

from tests.generators import Version, histories, history, source_documents
from tests.generators.bodies import valid_body
from tests.generators.identities import SLOTS, identity
from tests.generators.invalid import spoiled
from tests.generators.pools import FIRST_WRITE
from tests.oracle import (
    VIEWS,
    Prices,
    SourceDocument,
    classify,
    compute_views,
    latest_versions,
)

SEEDS = range(60)
PRICES = Prices()


@cache
def some_histories() -> list[list[Version]]:
    return [history(seed, steps=40) for seed in SEEDS]


def test_same_seed_same_history() -> None:
    assert history(7) == history(7)
    assert history(7) != history(8)


def test_write_times_never_fall() -> None:
    for versions in some_histories():
        times = [version.written_at for version in versions]
        assert times == sorted(times)


def test_a_document_keeps_its_partition_key_and_its_user() -> None:
    users = defaultdict(set)
    for versions in some_histories():
        for document in source_documents(versions):
            if classify(document) == "counted":
                body = document.body
                fields = (body.get("user_id"), body.get("userId"), body.get("partition_key"))
                users[document.identity].add(next((user for user in fields if user), None))

    assert max(map(len, users.values())) == 1


def test_no_two_slots_share_a_document_but_differ_in_its_user() -> None:
    users = defaultdict(set)
    for who in map(identity, range(SLOTS)):
        document = SourceDocument(who.source, {"id": who.id, **who.user_fields})
        users[document.identity].add(who.user)

    assert max(map(len, users.values())) == 1


def test_a_spoiled_document_is_dead() -> None:
    for number in range(2_000):
        random = Random(number)
        who = identity(number % SLOTS)
        body = spoiled(random, who.source, valid_body(random, who, FIRST_WRITE))
        document = SourceDocument(who.source, {**body, "_ts": FIRST_WRITE})
        assert classify(document)[0] == "dead", document


def test_a_valid_document_is_counted() -> None:
    for number in range(2_000):
        who = identity(number % SLOTS)
        body = valid_body(Random(number), who, FIRST_WRITE)
        document = SourceDocument(who.source, {**body, "_ts": FIRST_WRITE})
        assert classify(document) == "counted", document


def test_every_outcome_is_common() -> None:
    outcomes: Counter[str] = Counter()
    for versions in some_histories():
        for document in source_documents(versions):
            outcome = classify(document)
            outcomes[outcome if isinstance(outcome, str) else outcome[0]] += 1

    assert set(outcomes) == {"counted", "deleted", "ignored", "dead"}
    assert min(outcomes.values()) * 60 > sum(outcomes.values())


def test_every_view_every_tier_and_some_joins_are_reached() -> None:
    reached: Counter[str] = Counter()
    for versions in some_histories():
        documents = latest_versions(source_documents(versions))
        views = compute_views(documents, now_seconds=versions[-1].written_at, prices=PRICES)
        reached.update(name for name, shown in views.items() if shown)
        for tier in views["engagement_summary"].values():
            reached[tier["engagement_tier"]] += tier["user_count"]
        for incidents in views["incidents_by_content"].values():
            reached["unattributed" if incidents["source"] == "unattributed" else "joined"] += 1

    tiers = {"power_user", "engaged", "new", "casual", "churned"}
    assert {name for name, times in reached.items() if times} >= {
        *VIEWS,
        *tiers,
        "unattributed",
        "joined",
    }


@settings(max_examples=30, deadline=None)
@given(versions=histories())
def test_views_do_not_depend_on_the_order_of_documents(versions: list[Version]) -> None:
    documents = latest_versions(source_documents(versions))
    now = versions[-1].written_at if versions else 0

    forwards = compute_views(documents, now_seconds=now, prices=PRICES)
    backwards = compute_views(documents[::-1], now_seconds=now, prices=PRICES)

    assert forwards == backwards
