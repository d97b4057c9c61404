"""Runs the command line as ``python -m runyard``."""

import sys

from runyard.cli import main

if __name__ == "__main__":
    sys.exit(main())
