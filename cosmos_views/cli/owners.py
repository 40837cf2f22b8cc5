"""Whose documents a command is about: `--owner KIND:ID`, or in short `--user ID`."""

import argparse
from typing import Any

from cosmos_views.pack import Pack


def add_owner(parser: Any, pack: Pack, *, required: bool = False) -> None:
    """The two forms of the argument; `options.owner` is the id."""
    kind = pack.owners.name

    def of_kind(text: str) -> str:
        named, colon, owner = text.partition(":")
        if not colon or named != kind:
            raise argparse.ArgumentTypeError(f"write {kind}:ID; {text!r} names no {kind}")
        return _present(owner)

    forms = parser.add_mutually_exclusive_group(required=True) if required else parser
    forms.add_argument(
        "--owner", type=of_kind, metavar=f"{kind}:ID", help=f"the {kind}, as documents name it"
    )
    if kind != "owner":
        forms.add_argument(
            f"--{kind}", dest="owner", type=_present, metavar="ID", help="the same, in short"
        )


def _present(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("no id is empty")
    return text
