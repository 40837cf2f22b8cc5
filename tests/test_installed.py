"""Engine and emulators are packages of their own, whole, without the rest of the repository."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("cosmos_views", "emulators")
NOT_SHIPPED = shutil.ignore_patterns("__pycache__", "build", "*.egg-info", "node_modules")
ENGINE = """
import cosmos_views.app, cosmos_views.cli.main, cosmos_views.store.catalogue as catalogue
assert catalogue.ENGINE_PATH.exists()
"""
EMULATORS = """
import emulators.azurite, emulators.functions
from emulators.cosmos import Endpoint
with Endpoint(seed=1) as endpoint:
    print(endpoint.url)
"""


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_is_in_the_package(package: str) -> None:
    project = tomllib.loads((ROOT / package / "pyproject.toml").read_text("utf-8"))
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / package).rglob("__init__.py")}
    assert {".".join(one.parts) for one in folders} == set(
        project["tool"]["setuptools"]["packages"]
    )


def test_one_version_is_told_everywhere() -> None:
    versions = {
        tomllib.loads((ROOT / folder / "pyproject.toml").read_text("utf-8"))["project"]["version"]
        for folder in (".", *PACKAGES)
    }
    assert len(versions) == 1


@pytest.mark.parametrize(("package", "code"), [(PACKAGES[0], ENGINE), (PACKAGES[1], EMULATORS)])
def test_it_works_where_nothing_else_is_installed(package: str, code: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / package, tmp_path / package, ignore=NOT_SHIPPED)
    environment = tmp_path / "environment"
    python = str(environment / "bin" / "python")
    for command in (
        [sys.executable, "-m", "venv", str(environment)],
        [python, "-m", "pip", "install", "-q", str(tmp_path / package)],
        [python, "-c", code],
    ):
        done = subprocess.run(
            command, cwd=tmp_path.parent, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
