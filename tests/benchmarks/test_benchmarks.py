"""The benchmarks run from one command and report every figure; what is reported reads well."""

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from types import FrameType
from typing import Any, cast
from xml.etree import ElementTree

import pytest

from benchmarks.figures import Figure, Peer, at_least, at_most, shown
from benchmarks.plot import as_svg
from benchmarks.report import as_markdown
from benchmarks.sampling import part_of

ROOT = Path(__file__).resolve().parents[2]
ABOUT = defaultdict(lambda: "1.0", cpu="A machine")
DOCUMENTS = (ROOT / "docs/benchmarks.md", ROOT / "docs/benchmarks.svg")


def test_a_quick_run_has_every_figure_and_writes_nothing() -> None:
    pytest.importorskip("orjson")
    before = [path.read_bytes() for path in DOCUMENTS if path.exists()]
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--json"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert before == [path.read_bytes() for path in DOCUMENTS if path.exists()]
    report = json.loads(ran.stdout)
    assert {"cpu", "cores", "python", "msgspec", "azure-cosmos"} <= set(report["machine"])
    questions: dict[str, list[dict[str, Any]]] = report["questions"]
    assert list(questions) == [
        "cold_start",
        "decode",
        "stage_1",
        "end_to_end",
        "request_units",
        "state_size",
        "growth",
    ]
    for question, figures in questions.items():
        assert len(figures) >= 2, question
        for one in figures:
            assert one["value"] > 0, one["what"]
            assert one["peer"] is None or one["ratio"] > 0, one["what"]
        assert question == "decode" or any(one["reached"] is not None for one in figures)
    units = {one["what"]: one["value"] for one in questions["request_units"]}
    assert units["naive, tuned indexing"] < units["naive, default indexing"]


def test_a_missed_figure_is_called_missed_and_says_where_it_goes() -> None:
    slow = Figure(
        "slow", 12_345.0, "changes/s", Peer("limit", 98_765.0), at_least(20_000), {"decode": 1.0}
    )
    small = Figure("small", 0.5, "s", reach=at_most(1.0))
    text = as_markdown({"one": [slow, small]}, {"one": "One"}, {"one": "A note."}, ABOUT)
    assert "| slow | 12 300 changes/s | limit: 98 800 | 0.125 × | ≥ 20 000 | **missed** |" in text
    assert "| small | 0.5 s |  |  | ≤ 1 | reached |" in text
    assert "- slow: decode 100%" in text
    assert "A note." in text
    assert text.startswith("# Benchmarks")
    assert "A machine, 1.0 cores" in text


@pytest.mark.parametrize(
    ("value", "text"), [(0.01234, "0.0123"), (12.5, "12.5"), (999.0, "999"), (84_321.0, "84 300")]
)
def test_numbers_show_three_digits(value: float, text: str) -> None:
    assert text == shown(value)


def test_the_plot_is_an_image_with_a_bar_for_each_figure() -> None:
    figures = [
        Figure("a < b", 10.0, "RU/change"),
        Figure("missed", 100.0, "RU/change", reach=at_most(50)),
    ]
    image = ElementTree.fromstring(as_svg([("Cost", figures)]))
    name = "{http://www.w3.org/2000/svg}"
    drawn = [one.get("class") for one in image.iter(f"{name}rect")]
    assert drawn == ["card", "bar", "missed"]
    assert {"Cost", "a < b", "missed"} < {one.text for one in image.iter(f"{name}text")}


class Frame:
    """As much of a frame as the sampler looks at."""

    def __init__(self, file: str, called_from: "Frame | None") -> None:
        self.f_code = self
        self.co_filename = f"/somewhere/{file}"
        self.f_back = called_from


def stack(*files: str) -> FrameType | None:
    """A stack, outermost first."""
    frame: Frame | None = None
    for file in files:
        frame = Frame(file, frame)
    return cast("FrameType | None", frame)


ALGORITHM = ("benchmarks/memory.py", "cosmos_views/intake/batch.py")
SAMPLES = [
    (None, ("benchmarks/memory.py", "json/decoder.py")),
    ("plan", ALGORITHM),
    ("plan", (*ALGORITHM, "cosmos_views/ledger/plan.py", "cosmos_views/publish/measures.py")),
    (
        "contributions and journal",
        (*ALGORITHM, "cosmos_views/publish/journal.py", "materializers/users/history.py"),
    ),
    ("encode and check", (*ALGORITHM, "cosmos_views/store/state.py")),
    (
        "SDK and HTTP",
        (*ALGORITHM, "cosmos_views/store/state.py", "site/azure/cosmos/container.py", "ssl.py"),
    ),
]


@pytest.mark.parametrize(("part", "files"), SAMPLES)
def test_a_sample_belongs_to_what_the_algorithm_called(
    part: str | None, files: tuple[str, ...]
) -> None:
    assert part == part_of(stack(*files))
