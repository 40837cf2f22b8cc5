"""`python -m emulators.azurite`: install Azurite, once. Ground and tests start it themselves."""

import argparse
import sys

from emulators.azurite.install import CannotInstall, azurite


def main() -> int:
    """Install; exit code 1 with one sentence where that is not possible."""
    argparse.ArgumentParser(prog="python -m emulators.azurite", description=__doc__).parse_args()
    try:
        _, program = azurite()
    except CannotInstall as reason:
        print(f"Azurite is not installed: {reason}.", file=sys.stderr)
        return 1
    print(f"Azurite is in {program.parents[5]}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
