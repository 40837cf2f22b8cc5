"""Comparing: what would change in the views if the generation that is built came into force now."""

import sys
import time
from collections import Counter
from typing import Any

import msgspec

from cosmos_views.ledger.buckets import bucket_pk
from cosmos_views.ledger.generations import Building
from cosmos_views.publish.again import names_left, names_of, walk
from cosmos_views.publish.documents import content_of, view_document
from cosmos_views.publish.fold import read_bucket
from cosmos_views.publish.inputs import read_inputs
from cosmos_views.publish.parked import PARKED_FROM, PARKED_TO, read_parked
from cosmos_views.publish.view import SYMBOL, View
from cosmos_views.upkeep.publication import published_since
from cosmos_views.upkeep.rebuild.horizon import Unchanging, unchanging
from cosmos_views.upkeep.rebuild.rebuilding import Rebuilding
from cosmos_views.upkeep.reconcile.proof import differences_of

EXAMPLES_MAX = 5
"""Of each view."""


class Example(msgspec.Struct):
    """One value that would change."""

    document: str
    path: str
    old: Any
    new: Any


class ViewComparison(msgspec.Struct):
    """One view: documents that would stay, change, appear, vanish."""

    view: str
    same: int = 0
    changes: int = 0
    appears: int = 0
    vanishes: int = 0
    kept: int = 0
    """Documents of periods before the horizon, which stay as they are whatever comes."""
    examples: list[Example] = []  # msgspec copies the empty default


class Comparison(msgspec.Struct):
    """All views."""

    views: list[ViewComparison]
    paths: dict[str, int] = {}  # msgspec copies the empty default
    """`{view} {path}` → documents in which it would change."""
    unchanging: list[Unchanging] = []  # msgspec copies the empty default
    """What would not change any more once the new generation is in force."""

    @property
    def differs(self) -> bool:
        """Whether anything would change."""
        return any(one.changes or one.appears or one.vanishes for one in self.views)


class _Comparing:
    def __init__(self, rebuilding: Rebuilding, building: Building) -> None:
        self.rebuilding = rebuilding
        self.pack = rebuilding.worker.pack
        self.building = building
        self.state = rebuilding.state
        pks = [bucket_pk(building.generation, one) for one in range(building.buckets)]
        self.buckets = [read_bucket(self.state, pk) for pk in pks]
        old = [bucket_pk(building.replaces, one) for one in range(building.replaces_buckets)]
        self.replaced = [read_bucket(self.state, pk) for pk in old]
        self.unsettled = {name for bucket in self.replaced for name in bucket.head.pending}
        for pk in old:
            parked, _ = read_parked(self.state.read_range(pk, PARKED_FROM, PARKED_TO))
            self.unsettled |= parked.keys()
        """Not published in the generation in force either, as it should be."""
        self.in_force = rebuilding.generations.held().generation.in_force
        self.found = {name: ViewComparison(name) for name in self.pack.views}
        self.paths: Counter[str] = Counter()
        self.seen: set[str] = set()
        self.now_seconds = int(time.time())

    def run(self) -> Comparison:
        horizon = self.building.horizon_seconds
        for bucket in self.buckets:
            after: str | None = ""
            while after is not None:
                walked = walk(self.pack.owners, self.state, bucket.pk, after)
                self._compare(names_of(self.pack.views.values(), walked.state_keys, horizon))
                after = walked.last
        for view in self.pack.views.values():
            for page in self.rebuilding.views.stamps(view.name, view.partition_key):
                self._compare(names_left(view, page, self.building.generation, horizon))
                # A generation above all others, and no horizon: every document there is.
                shown = names_left(view, page, sys.maxsize, None)
                self.found[view.name].kept += len(
                    shown - names_left(view, page, sys.maxsize, horizon)
                )
        return Comparison(
            list(self.found.values()),
            dict(self.paths.most_common()),
            unchanging(self.pack.views.values(), horizon),
        )

    def _compare(self, names: set[str]) -> None:
        for name in sorted(names):
            self._one(name)
        self.rebuilding.note(f"{len(self.seen)} keys compared")

    def _one(self, name: str) -> None:
        if name in self.seen:
            return
        self.seen.add(name)
        view_name, _, key = name.partition(":")
        view = self.pack.views[view_name]
        if view.expand is not None and key.startswith(SYMBOL):
            inputs = read_inputs(self.pack.owners, self.state, view.reads(key), self.buckets)
            for one in view.expand(key, inputs):
                self._one(f"{view_name}:{one}")
            return
        if (view.starts_at_seconds(key) or 0) > self.now_seconds or name in self.unsettled:
            return
        rendered = view.render(
            key, read_inputs(self.pack.owners, self.state, view.reads(key), self.buckets)
        )
        new = content_of(view_document(view, key, rendered, stamp=[0], as_of_seconds=0, now_ms=0))
        document_id = view.document_id(key)
        old = content_of(self.rebuilding.views.read(view_name, document_id, view.partition(key)))
        self.rebuilding.pace()
        counted = self.found[view_name]
        if old == new:
            counted.same += old is not None
        elif old is None:
            counted.appears += not self._has_expired(view, key, (new or {}).get("ttl", 0))
        elif new is None:
            counted.vanishes += 1
        else:
            counted.changes += 1
            for found in differences_of(document_id, "$", new, old):
                self.paths[f"{view_name} {found.path}"] += 1
                if len(counted.examples) < EXAMPLES_MAX:
                    counted.examples.append(
                        Example(document_id, found.path, found.found, found.expected)
                    )

    def _has_expired(self, view: View, key: str, ttl_seconds: int) -> bool:
        """Whether the generation in force may have published the key, and its TTL is over."""
        kind = self.pack.owners
        inputs = read_inputs(kind, self.state, view.reads(key), self.replaced)
        if not inputs.partials and inputs.owner is None:
            return False
        published = published_since(
            kind, self.state, view, key, self.replaced, inputs, self.in_force
        )
        return self.now_seconds >= published + ttl_seconds


def compare(rebuilding: Rebuilding, building: Building) -> Comparison:
    """Render every key of the generation that is built, and compare it with what is published.
    Raises Transient."""
    return _Comparing(rebuilding, building).run()
