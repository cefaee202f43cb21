"""The command line: ``python -m enlib data | train | replicate | report``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from enlib import __version__
from enlib.cli import data, replicate, report, train
from enlib.datasets import DataError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status: 0, 1 for an error, 2 for wrong usage, 130 for Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="python -m enlib", description="Train classifiers with and without an exponential neuron."
    )
    parser.add_argument("--version", action="version", version=f"enlib {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")
    data.add_parser(commands)
    train.add_parser(commands)
    replicate.add_parser(commands)
    report.add_parser(commands)
    options = parser.parse_args(arguments)
    try:
        status: int = options.run(options)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; there is nobody to tell
        return 1
    except MemoryError:
        print("error: expected this to fit into memory, got more: ask for fewer samples", file=sys.stderr)
        return 1
    except (ValueError, OSError, DataError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return status


if __name__ == "__main__":
    sys.exit(main())
