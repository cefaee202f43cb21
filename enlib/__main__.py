"""``python -m enlib``: see `enlib.cli`."""

import sys

if __name__ == "__main__":
    try:
        from enlib.cli import main

        sys.exit(main())
    except KeyboardInterrupt:  # while torch was being imported
        print("interrupted", file=sys.stderr)
        sys.exit(130)
