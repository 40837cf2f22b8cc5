"""The documents tell the truth: their commands parse, their links lead somewhere."""

import re
import shlex
from pathlib import Path

import pytest

import cosmos_views.cli.main
import demo.__main__
from pack import PACK

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
COMMAND = re.compile(
    r"^ {4}(?P<block>(?:python|make) .+)$|`(?P<inline>(?:python -m|make) [^`]+)`", re.MULTILINE
)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")
MAKE_TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
PARSERS = {"cosmos_views": cosmos_views.cli.main.parser(PACK), "demo": demo.__main__.parser()}


def commands() -> list[str]:
    found = set()
    for document in DOCUMENTS:
        for match in COMMAND.finditer(document.read_text("utf-8")):
            found.add((match["block"] or match["inline"]).replace("\n", " "))
    return sorted(found)


@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_documents_exists(command: str) -> None:
    words = shlex.split(command, comments=True)
    if words[0] == "make":
        targets = [word for word in words[1:] if "=" not in word]
        assert set(targets) <= MAKE_TARGETS
        return
    assert words[:2] == ["python", "-m"]
    package, *arguments = words[2:]
    if package == "cosmos_views" and not arguments:
        return
    if package in PARSERS:
        PARSERS[package].parse_args(arguments)
    else:
        assert (ROOT / package.replace(".", "/") / "__main__.py").exists() or (
            ROOT / f"{package.replace('.', '/')}.py"
        ).exists()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in LINK.findall(document.read_text("utf-8")):
        assert (document.parent / target).exists(), target


def test_every_setting_is_documented() -> None:
    code = "".join(
        (ROOT / name).read_text("utf-8") for name in ("cosmos_views/settings.py", "function_app.py")
    )
    readme = (ROOT / "README.md").read_text("utf-8")
    settings = set(re.findall(r'"([A-Z]+_[A-Z_]+)"', code)) | set(re.findall(r"%([A-Z_]+)%", code))
    assert settings
    assert not {name for name in settings if f"`{name}`" not in readme}


def test_every_room_is_in_the_layout() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    rooms = {path.parent.name for path in ROOT.glob("*/*.py")} | {"docs"}
    assert not {room for room in rooms if not room.startswith(".") and f"`{room}/`" not in readme}


def test_every_dead_letter_category_says_what_to_do() -> None:
    known = set(
        re.findall(r"^\| `([a-z_]+)` \|", (ROOT / "docs/dead-letters.md").read_text("utf-8"), re.M)
    )
    assert known == {"malformed", "invalid", "unsupported_version", "oversize", "defect"}
