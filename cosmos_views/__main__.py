"""`python -m cosmos_views`: what an operator asks of the worker's store."""

import sys

from cosmos_views.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
