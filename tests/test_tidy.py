"""The code is tidy: who may import whom, what is pure, how files read.

The rules are those of the README's layout; each test is one of them.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("cosmos_views", "processors", "materializers", "emulators", "demo", "benchmarks")
ENTRANCES = ("function_app", "pack")
FILE_LINES_MAX = 450
PROSE_COLUMNS_MAX = 100

SEAM = {"cosmos_views.pack", "cosmos_views.owners", "cosmos_views.source", "cosmos_views.texts"}
"""What engine and pack say to each other; every room may know it."""
SIDE = {"cosmos_views.settings", "cosmos_views.telemetry", "cosmos_views.packs"}
ROOMS = ["cosmos_views.ledger", "cosmos_views.publish", "cosmos_views.intake", "cosmos_views.store",
         "cosmos_views.health", "cosmos_views.upkeep", "cosmos_views.worker", "cosmos_views.app",
         "cosmos_views.cli", "cosmos_views.__main__"]  # fmt: skip
"""Of the engine, in the order in which they may import: each those before it."""
ENGINE = {*ROOMS} | SEAM | SIDE
STAGES = {"cosmos_views.ledger", "cosmos_views.publish", "cosmos_views.intake"}
PACK = {"pack", "processors", "materializers"}
MAY_IMPORT = {
    **{room: {*ROOMS[:place]} | SEAM | SIDE for place, room in enumerate(ROOMS)},
    **dict.fromkeys(SEAM, STAGES | SEAM),
    **dict.fromkeys(SIDE, SIDE | {"cosmos_views.pack"}),
    "processors": STAGES | SEAM | {"cosmos_views.cli", "cosmos_views.settings"},
    "materializers": STAGES | SEAM | {"processors"},
    "pack": SEAM | {"processors", "materializers"},
    "function_app": {"cosmos_views.app", "pack"},
    "emulators": set(),
    "demo": ENGINE | PACK | {"emulators"},
    "benchmarks": ENGINE | PACK | {"emulators", "demo"},
}
"""Room → the rooms it may import, beside itself."""
MIDDLE = {"cosmos_views.ledger", "cosmos_views.publish", "materializers"}
MAY_USE_AZURE = {
    *("cosmos_views.store", "cosmos_views.upkeep", "cosmos_views.worker", "cosmos_views.app"),
    *("cosmos_views.cli", "function_app", "emulators", "demo", "benchmarks"),
}

IMPURE = {"asyncio", "logging", "os", "random", "secrets", "socket", "subprocess", "threading",
          "time", "uuid"}  # fmt: skip
CLOCKS = re.compile(r"\b(?:datetime|date)\.(?:now|utcnow|today)\(|\btime\.(?:time|monotonic)\(")

ENTRY_POINTS = {
    "function_app",
    "cosmos_views.__main__",
    "demo.__main__",
    "emulators.azurite.__main__",
    "emulators.cosmos.__main__",
    "emulators.functions.__main__",
    "demo.synthetic",
    "benchmarks.__main__",
    "benchmarks.archive",
}
MACHINE_PATH = re.compile(r"/(?:work|home|root|tmp|Users|opt)/")
UNFINISHED = re.compile(r"\b(?:" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3)) + r")\b")


def modules() -> dict[str, Path]:
    """Every module of the project, tests aside, by its dotted name."""
    found = [ROOT / f"{name}.py" for name in ENTRANCES]
    for room in PACKAGES:
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


def room_of(name: str) -> str:
    """The room of a module: a package of the engine, or a package beside it."""
    parts = name.split(".")
    return ".".join(parts[: 2 if parts[0] == "cosmos_views" else 1])


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def text_files() -> list[Path]:
    """What people write: code, documents, build files."""
    tools = (".gitignore", ".git")  # the latter is a file in a linked worktree
    found = [path for path in ROOT.iterdir() if path.is_file() and path.name not in tools]
    for folder in (*PACKAGES, "docs", "tests", ".ci", "infra"):
        found += [path for path in (ROOT / folder).rglob("*") if path.is_file()]
    kept = (".py", ".md", ".toml", ".txt", ".json", ".bicep", ".yaml", ".yml", "")
    return sorted(path for path in found if path.suffix in kept and "__pycache__" not in path.parts)


def test_imports_point_one_way() -> None:
    wrong = []
    for name, path in MODULES.items():
        if name == "cosmos_views":
            continue
        allowed = MAY_IMPORT[room_of(name)] | {room_of(name)}
        for imported in imports(path):
            if room_of(imported) in {*MAY_IMPORT, "tests"} - allowed:
                wrong.append(f"{named(path)} imports {imported}")
    assert not wrong


def test_no_class_name_stands_twice_in_the_engine() -> None:
    found: dict[str, list[str]] = {}
    for name, path in MODULES.items():
        if name.startswith("cosmos_views."):
            for node in ast.parse(path.read_text("utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    found.setdefault(node.name, []).append(named(path))
    assert not {name: paths for name, paths in found.items() if len(paths) > 1}


WORDS = re.compile(
    r"\b(?:user|interaction|incident|citation|verse|chapter|personality|engagement)", re.I
)


def test_the_engine_knows_no_platform() -> None:
    """Nothing in it is named for one; `user` is what stored documents call an owner's key."""
    found = []
    for name, path in MODULES.items():
        if not name.startswith("cosmos_views."):
            continue
        tree = ast.parse(path.read_text("utf-8"))
        documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            for text in _names(node):
                text = text.replace('"user"', "").replace("_", " ")
                if text != "user" and WORDS.search(text) and id(node) not in documented:
                    found.append(f"{named(path)}:{getattr(node, 'lineno', 0)}: {text[:60]}")
    assert not found


def _names(node: ast.AST) -> list[str]:
    match node:
        case ast.Name(id=text) | ast.arg(arg=text) | ast.Attribute(attr=text):
            return [text]
        case ast.FunctionDef(name=text) | ast.ClassDef(name=text) | ast.keyword(arg=str(text)):
            return [text]
        case ast.Constant(value=str(text)) if "\n" not in text:
            return [text]
        case _:
            return []


def test_only_the_edges_know_azure() -> None:
    assert not [
        f"{named(path)} imports {imported}"
        for name, path in MODULES.items()
        if room_of(name) not in MAY_USE_AZURE
        for imported in imports(path)
        if imported.split(".")[0] == "azure"
    ]


def test_the_middle_is_pure() -> None:
    middle = [path for name, path in MODULES.items() if room_of(name) in MIDDLE]
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
        and name not in (used if name.startswith("emulators.") else by_the_project)
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


def prose(text: str) -> Iterator[tuple[int, str]]:
    """Numbered lines of Markdown that can be wrapped: not code, not tables, not headings."""
    code = False
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith("```"):
            code = not code
        elif not code and not line.lstrip().startswith(("|", "#")) and not line.startswith("    "):
            yield number, line


def test_prose_stays_in_its_columns() -> None:
    wide = [
        f"{named(path)}:{number}"
        for path in text_files()
        if path.suffix == ".md"
        for number, line in prose(path.read_text("utf-8"))
        if len(line) > PROSE_COLUMNS_MAX
    ]
    assert not wide


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
