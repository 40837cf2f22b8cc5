"""The actors: publishers and a rebuild, which run the code under test, and stage 1."""

from functools import partial
from typing import Any, NamedTuple

import msgspec

from cosmos_views.ledger.commits import CommitError, Write
from cosmos_views.publish.heads import HEAD_ID, Head
from cosmos_views.publish.journal import Journal
from cosmos_views.publish.measures import Delta
from tests.interleaved.loading import Code
from tests.interleaved.questions import EndRebuild, ReadRebuilt, Switch, Tick
from tests.interleaved.replay import Outside, Program, Views
from tests.interleaved.view import PACK, VIEW, Unrenderable

BUCKETS = 2


def publishing(code: Code, pace_seconds: int | None) -> Program:
    """One run of a publisher in a process of its own."""

    def stage(outside: Outside) -> Any:
        generation = outside.generation()
        pks = tuple(f"{generation}:{bucket}" for bucket in range(BUCKETS))
        return code.stage(generation, pks, None, generation + 1)

    def failed(name: str, error: Exception) -> None:
        if isinstance(error, Unrenderable):
            return
        raise AssertionError(f"{name} could not be rendered") from error

    def run(outside: Outside) -> None:
        publisher = code.publisher(
            pack=PACK,
            state=outside,
            views=Views(outside),
            feed=outside,
            stage=lambda: stage(outside),
            now_ms=outside.now_ms,
            pace_seconds=pace_seconds,
            on_failure=failed,
        )
        try:
            publisher.run()
        except code.generation_changed:
            return

    return run


class Put(NamedTuple):
    """A journal document of stage 1."""

    pk: str
    id: str
    delta: Delta
    touched: tuple[str, ...] = ()


def writing(*steps: Put | Tick) -> Program:
    """Stage 1: what it commits, one after the other, and the time that passes."""

    def run(outside: Outside) -> None:
        for step in steps:
            if isinstance(step, Tick):
                outside.ask(partial(Tick, step.seconds))
                continue
            journal = Journal(f"j:{step.id}", step.pk, step.delta, list(step.touched))
            outside.commit(step.pk, [Write(journal, journal.id, None)])

    return run


def rebuilding(code: Code, old: int, new: int) -> Program:
    """The end of a rebuild: heads are closed, the generation is switched, every key of the new one
    is published again, and what else is left of the old one."""

    def change(outside: Outside, pk: str, **fields: Any) -> None:
        while True:
            bucket = code.read_bucket(outside, pk)
            head: Head = msgspec.structs.replace(bucket.head, **fields)
            names = fields.get("pending")
            if names is not None:
                head = msgspec.structs.replace(head, pending={**bucket.head.pending, **names})
            if head == bucket.head and bucket.etag is not None:
                return
            try:
                outside.commit(pk, [Write(head, HEAD_ID, bucket.etag)])
            except CommitError:
                continue
            return

    def run(outside: Outside) -> None:
        if outside.ask(ReadRebuilt):
            return
        for bucket in range(BUCKETS):
            change(outside, f"{old}:{bucket}", closed_for=new)
        outside.ask(lambda: Switch(new))
        pks = [f"{new}:{bucket}" for bucket in range(BUCKETS)]
        for pk in pks:
            change(outside, pk, building=False)
        for pk in pks:
            partials = outside.read_range(pk, "p:", "p;")
            if names := code.names_of([VIEW], [one["id"][2:] for one in partials], None):
                change(outside, pk, pending=dict.fromkeys(names, 0))
        page = Views(outside).read(VIEW.name, "", "")
        if page is not None and (names := code.names_left(VIEW, [page], new, None)):
            change(outside, pks[0], pending=dict.fromkeys(names, 0))
        outside.ask(EndRebuild)

    return run
