"""Small function apps on disk, for tests of the host.

Guarantee: each has a script root of its own; what its functions do is recorded in a file that
other processes may write to as well, one JSON value per line.
"""

import json
import textwrap
from pathlib import Path
from typing import Any

PREAMBLE = """
import json, os, threading, time
from pathlib import Path
import azure.functions as func

app = func.FunctionApp()
ROOT = Path(__file__).parent

def record(*values):
    with open(ROOT / "record.jsonl", "a") as out:
        out.write(json.dumps(values) + "\\n")

def ids(changes):
    return sorted(change["id"] for change in json.loads(changes))
"""

COSMOS_TRIGGER = """
@app.cosmos_db_trigger(
    arg_name="changes", connection="COSMOS", database_name="db", container_name="source",
    lease_container_name="leases", lease_container_prefix="{prefix}", start_from_beginning=True,
    max_items_per_invocation="%MAX_ITEMS%")
"""


def write_app(root: Path, body: str, prefix: str = "test-") -> Path:
    """function_app.py with the preamble; `TRIGGER` in the body becomes the usual Cosmos trigger."""
    root.mkdir(parents=True, exist_ok=True)
    trigger = COSMOS_TRIGGER.format(prefix=prefix).strip()
    text = PREAMBLE + textwrap.dedent(body).replace("TRIGGER", trigger)
    (root / "function_app.py").write_text(text)
    return root


def recorded(root: Path) -> list[Any]:
    path = root / "record.jsonl"
    if not path.exists():
        return []
    # The last line may be in the middle of being written by another process.
    return [json.loads(line) for line in path.read_text().split("\n")[:-1]]
