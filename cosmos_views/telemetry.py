"""Logs: one structured line per batch and per publishing run, never a document or user text."""

import logging

import structlog

Logger = structlog.stdlib.BoundLogger


def logger(level: str) -> Logger:
    """A logger that writes JSON lines through `logging`, where the Functions host picks them up."""
    backend = logging.getLogger("worker")
    backend.setLevel(level)
    wrapped: Logger = structlog.wrap_logger(
        backend,
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(sort_keys=False),
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    return wrapped
