"""The host's console: one readable line per event.

Guarantee: every line carries UTC time, level and the host it comes from, so that the output of
several hosts can be read together; the SDK's own chatter below warnings is left out.
"""

import logging
import sys
from datetime import UTC, datetime


class _Line(logging.Formatter):
    def __init__(self, host_label: str) -> None:
        super().__init__()
        self._host_label = host_label

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC)
        place = "" if record.name == "local.functions" else f" {record.name}:"
        line = (
            f"{time:%Y-%m-%d %H:%M:%S}.{time.microsecond // 1000:03}Z {record.levelname:<7} "
            f"[{self._host_label}]{place} {record.getMessage()}"
        )
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configure(host_label: str, verbose: bool) -> None:
    """Sends this process's logging to standard output."""
    # Whoever reads a pipe sees a function's print() at once, and before the process is killed.
    getattr(sys.stdout, "reconfigure", lambda **_: None)(line_buffering=True)
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Line(host_label))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
    for chatty in ("azure", "urllib3", "asyncio", "aiohttp"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
