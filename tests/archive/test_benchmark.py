"""The benchmark runs from one command and finds its own copies; never how fast."""

import subprocess
import sys

from emulators.azurite import Azurite
from tests.worker.ground import REPOSITORY


def test_every_document_that_it_writes_is_copied_once(azurite: Azurite) -> None:
    command = [sys.executable, "-m", "benchmarks.archive", "--documents", "250"]
    command += ["--azurite-copies", "150"]

    ran = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True)

    assert "{'archived': 250}; 250 copies" in ran.stdout
