"""The production code of fold and publish, read from its files into modules of its own.

Nothing of it is replaced: it is the same text with smaller limits, and, for a rule that is left
out, one small change.
"""

import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from tests.interleaved.replay import Frozen

ROOT = Path(__file__).resolve().parents[2]
LOADED = (
    "cosmos_views.publish.heads",
    "cosmos_views.publish.parked",
    "cosmos_views.publish.fold",
    "cosmos_views.publish.inputs",
    "cosmos_views.publish.documents",
    "cosmos_views.publish.publisher",
    "cosmos_views.publish.again",
)
"""In the order in which they import each other."""


class Change(NamedTuple):
    """A rule of fold and publish that is left out, in one file; `old` stands in it exactly once."""

    rule: int
    name: str
    file: str
    old: str
    new: str
    scenario: str
    """In which the check finds it."""
    also_old: str = ""
    also_new: str = ""
    """A second place in the same file, where one is not enough."""
    covered_by: str = ""
    """What holds the same, so that nothing is found: not empty where that is so."""

    def __str__(self) -> str:
        return self.name

    def applied(self, text: str) -> str:
        """The source without the rule."""
        for old, new in ((self.old, self.new), (self.also_old, self.also_new)):
            assert not old or text.count(old) == 1, f"{self.name}: not once in {self.file}"
            text = text.replace(old, new) if old else text
        return text


def changes() -> list[Change]:
    """The list, as `left_out.toml` has it."""
    found = tomllib.loads(Path(__file__).with_name("left_out.toml").read_text("utf-8"))["change"]
    return [Change(**one) for one in found]


@dataclass(frozen=True)
class Code:
    """What the programs of the actors are made of."""

    publisher: Any
    """The class `Publisher`."""
    stage: Any
    """The class `Stage`."""
    read_bucket: Any
    names_of: Any
    names_left: Any
    generation_changed: type[Exception]


def load(limits: Mapping[str, int], change: Change | None = None, *, forgets: bool = True) -> Code:
    """The code, with some limits made small and perhaps one change."""
    before = {name: sys.modules.get(name) for name in LOADED}
    modules: dict[str, Any] = {}
    try:
        for name in LOADED:
            modules[name] = sys.modules[name] = ModuleType(name)
            _execute(modules[name], change)
            for limit, value in limits.items():
                if hasattr(modules[name], limit):
                    setattr(modules[name], limit, value)
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
    if forgets:
        _mark_parts(modules["cosmos_views.publish.publisher"])
    publish, again = (
        modules["cosmos_views.publish.publisher"],
        modules["cosmos_views.publish.again"],
    )
    return Code(
        publisher=publish.Publisher,
        stage=publish.Stage,
        read_bucket=modules["cosmos_views.publish.fold"].read_bucket,
        names_of=again.names_of,
        names_left=again.names_left,
        generation_changed=publish.GenerationChanged,
    )


def _execute(module: ModuleType, change: Change | None) -> None:
    file = f"{module.__name__.replace('.', '/')}.py"
    text = (ROOT / file).read_text("utf-8")
    if change is not None and change.file == file:
        text = change.applied(text)
    code: Callable[..., Any] = compile(text, str(ROOT / file), "exec")  # type: ignore[assignment]
    exec(code, vars(module))  # type: ignore[arg-type]


def _mark_parts(publish: Any) -> None:
    """A fold leaves nothing behind but the bucket, and the publishing of a key only whether it is
    done: whoever replays a run need not go through them again."""
    fold: Callable[..., Any] = publish.fold

    def fold_whole(views: Any, state: Any, *arguments: Any) -> Any:
        # A copy: a run changes its buckets, but never what they hold.
        return replace(state.whole(lambda: Frozen(fold(views, state, *arguments))).value)

    class Publisher(publish.Publisher):  # type: ignore[misc]  # loaded just now
        def _publish(self, *arguments: Any) -> Any:
            return self.state.whole(lambda: super(Publisher, self)._publish(*arguments))

    publish.fold = fold_whole
    publish.Publisher = Publisher
