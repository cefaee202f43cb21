"""Run the command line: ``python -m enlib``."""

import sys

from enlib.cli import main

if __name__ == "__main__":
    sys.exit(main())
