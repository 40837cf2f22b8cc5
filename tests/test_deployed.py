"""What `.funcignore` lets through is the worker, whole and nothing else."""

import os
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ALSO = {"containers.json", "host.json", "requirements.txt", "constraints.txt"}
FUNCTIONS = "import function_app; print(len(function_app.app.get_functions()))"


def deployed() -> list[Path]:
    ignored = (ROOT / ".funcignore").read_text("utf-8").split()
    return [
        path
        for path in sorted(ROOT.iterdir())
        if path.name != "__pycache__" and not any(fnmatch(path.name, one) for one in ignored)
    ]


def test_the_worker_starts_from_what_is_deployed(tmp_path: Path) -> None:
    for path in deployed():
        copy = shutil.copytree if path.is_dir() else shutil.copy
        copy(path, tmp_path / path.name)
    settings = {"COSMOS__accountEndpoint": "https://account.invalid", "COSMOS_DATABASE": "platform"}

    done = subprocess.run(
        [sys.executable, "-c", FUNCTIONS],
        cwd=tmp_path,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 3


def test_nothing_else_is_deployed() -> None:
    rooms = {"cosmos_views", "materializers", "processors"}
    names = {path.name for path in deployed()}
    assert {name for name in names if not name.endswith(".py")} == rooms | ALSO
