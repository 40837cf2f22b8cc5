"""What the local servers share at a command line: ports, and text in any encoding."""

import argparse
import sys
from io import TextIOWrapper

PORT_MAX = 65_535


def port(text: str) -> int:
    """A port from the command line; 0 takes a free one."""
    if not (text.isascii() and text.isdigit() and int(text) <= PORT_MAX):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to {PORT_MAX}")
    return int(text)


def in_any_encoding() -> None:
    """Print `?` for what standard output and error cannot encode, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
