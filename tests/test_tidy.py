"""The code is tidy: who may import whom, what is pure, how files read.

The rules are those of the README's layout; each test is one of them.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WORKER = ("ledger", "materializers", "processors", "store")
ENTRANCES = ("function_app", "settings", "wiring", "logs")
FILE_LINES_MAX = 450

MAY_IMPORT = {
    "ledger": set(),
    "materializers": {"ledger"},
    "processors": {"ledger", "materializers"},
    "store": {"ledger", "materializers", "processors", "settings"},
    "settings": set(),
    "logs": set(),
    "wiring": {"ledger", "materializers", "processors", "store", "settings", "logs"},
    "function_app": {"wiring", "settings"},
    "ops": {"ledger", "materializers", "processors", "store", "settings", "wiring"},
    "local": {"ledger", "materializers", "processors", "store", "settings", "ops"},
    "benchmarks": {
        *("ledger", "materializers", "processors", "store", "settings"),
        *("wiring", "ops", "local"),
    },
}
"""Room → the rooms it may import, beside itself. One exception: NEEDS_LOCAL."""
NEEDS_LOCAL = {"ops/bench.py", "ops/cost.py"}
"""What `ops cost` measures on; imported only when that command runs."""
MAY_USE_AZURE = {"function_app", "wiring", "store", "ops", "local", "benchmarks"}

IMPURE = {"asyncio", "logging", "os", "random", "secrets", "socket", "subprocess", "threading",
          "time", "uuid"}  # fmt: skip
CLOCKS = re.compile(r"\b(?:datetime|date)\.(?:now|utcnow|today)\(|\btime\.(?:time|monotonic)\(")

ENTRY_POINTS = {
    "function_app",
    "ops.__main__",
    "local.__main__",
    "local.azurite.__main__",
    "local.cosmos.__main__",
    "local.functions.__main__",
    "local.demo",
    "benchmarks.__main__",
    "benchmarks.archive",
}
MACHINE_PATH = re.compile(r"/(?:work|home|root|tmp|Users|opt)/")
UNFINISHED = re.compile(r"\b(?:" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3)) + r")\b")


def modules() -> dict[str, Path]:
    """Every module of the project, tests aside, by its dotted name."""
    found = [ROOT / f"{name}.py" for name in ENTRANCES]
    for room in (*WORKER, "ops", "local", "benchmarks"):
        found += sorted((ROOT / room).rglob("*.py"))
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in found
    }


MODULES = modules()


def imports(path: Path) -> Iterator[str]:
    """The dotted names a file imports, `from a import b` as `a` and `a.b`."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative imports hide which room is meant"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def text_files() -> list[Path]:
    """What people write: code, documents, build files."""
    tools = (".gitignore", ".git")  # the latter is a file in a linked worktree
    found = [path for path in ROOT.iterdir() if path.is_file() and path.name not in tools]
    for folder in (*WORKER, "ops", "local", "benchmarks", "docs", "tests", ".ci", "infra"):
        found += [path for path in (ROOT / folder).rglob("*") if path.is_file()]
    kept = (".py", ".md", ".toml", ".txt", ".json", ".bicep", ".yaml", ".yml", "")
    return sorted(path for path in found if path.suffix in kept and "__pycache__" not in path.parts)


def test_imports_point_one_way() -> None:
    wrong = []
    for name, path in MODULES.items():
        room = name.split(".")[0]
        allowed = MAY_IMPORT[room] | {room}
        if named(path) in NEEDS_LOCAL:
            allowed |= {"local"}
        for imported in imports(path):
            target = imported.split(".")[0]
            if target in {*MAY_IMPORT, "tests"} - allowed:
                wrong.append(f"{named(path)} imports {imported}")
    assert not wrong


def test_only_the_edges_know_azure() -> None:
    assert not [
        f"{named(path)} imports {imported}"
        for name, path in MODULES.items()
        if name.split(".")[0] not in MAY_USE_AZURE
        for imported in imports(path)
        if imported.split(".")[0] == "azure"
    ]


def test_the_middle_is_pure() -> None:
    middle = [
        path for name, path in MODULES.items() if name.startswith(("ledger", "materializers"))
    ]
    impure = [
        f"{named(path)} imports {imported}"
        for path in middle
        for imported in imports(path)
        if imported.split(".")[0] in IMPURE
    ]
    impure += [
        f"{named(path)} reads a clock" for path in middle if CLOCKS.search(path.read_text("utf-8"))
    ]
    assert not impure


def test_no_module_is_dead() -> None:
    importers = [*MODULES.values(), *(ROOT / "tests").rglob("*.py")]
    used = {name for path in importers for name in imports(path)}
    by_the_project = {name for path in MODULES.values() for name in imports(path)}
    dead = [
        name
        for name, path in MODULES.items()
        if name not in ENTRY_POINTS
        and path.name != "__init__.py"
        # A package's own tests may be the only users of its public modules.
        and name not in (used if name.startswith("local.") else by_the_project)
    ]
    assert not dead


def test_every_entry_point_exists() -> None:
    assert set(MODULES) >= ENTRY_POINTS


def python_files() -> list[Path]:
    return [path for path in text_files() if path.suffix == ".py"]


def test_every_module_says_what_it_is_for() -> None:
    silent = []
    for path in python_files():
        code = path.read_text("utf-8")
        if ast.get_docstring(ast.parse(code)) is None and (code or path.name != "__init__.py"):
            silent.append(named(path))
    assert not silent


def test_every_file_stays_short() -> None:
    lengths = {named(path): len(path.read_text("utf-8").splitlines()) for path in python_files()}
    assert not {name: lines for name, lines in lengths.items() if lines > FILE_LINES_MAX}


def test_nothing_names_one_machine() -> None:
    found = [
        f"{named(path)}:{number}"
        for path in text_files()
        if path != Path(__file__)
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if MACHINE_PATH.search(line)
    ]
    assert not found


def test_nothing_is_left_unfinished() -> None:
    found = [
        f"{named(path)}:{number}"
        for path in text_files()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if UNFINISHED.search(line)
    ]
    assert not found
