"""The command line: ``python -m enlib data | train | replicate | report | course``, one module per command."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from types import FrameType

from enlib import __version__
from enlib.cli import course, data, replicate, report, train
from enlib.datasets import DataError

__all__ = ["main"]

_COMMANDS = (data, train, replicate, report, course)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status.

    Parameters
    ----------
    arguments : sequence of str, optional
        What follows ``python -m enlib``; by default, what the process was started with.

    Returns
    -------
    int
        0 for success, 1 for an error, 2 for wrong usage, and 128 plus the signal's number where Ctrl-C, SIGTERM or
        SIGHUP ended the command. All three raise `KeyboardInterrupt` in the command, so that it ends in order.
    """
    _mend_streams()
    parser = argparse.ArgumentParser(
        prog="python -m enlib", description="Train classifiers with and without an exponential neuron."
    )
    parser.add_argument("--version", action="version", version=f"enlib {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")
    for command in _COMMANDS:
        command.add_parser(commands)
    options = parser.parse_args(arguments)
    with _signals_interrupt() as received:
        try:
            status: int = options.run(options)
        except BrokenPipeError:
            # The reader of our output has gone. Without this, the flush at exit would complain about it once more.
            with contextlib.suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            status = 1
        except MemoryError:
            status = _fail("expected this to fit into memory, got more: ask for fewer samples")
        except (ValueError, TypeError, OSError, DataError, RuntimeError) as error:
            bare = isinstance(error, OSError) and not str(error).startswith("expected")
            status = _fail(
                f"expected the system to allow this, got {error}: check paths and limits" if bare else str(error)
            )
        except KeyboardInterrupt:
            print("interrupted", *(f"by {number.name}" for number in received), file=sys.stderr)
            status = 128 + signal.SIGINT
        # A command may have handled the interrupt and returned; whoever sent the signal still wants to see it.
        return 128 + received[0] if received else status


def _fail(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 1


def _mend_streams() -> None:
    """Print what a terminal cannot encode with replacements, and discard what goes to a missing stream."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
        elif isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")


@contextlib.contextmanager
def _signals_interrupt() -> Iterator[list[signal.Signals]]:
    """Let SIGTERM and SIGHUP interrupt as Ctrl-C does; yield a list that the first one received is added to."""
    received: list[signal.Signals] = []
    process = os.getpid()

    def interrupt(number: int, frame: FrameType | None) -> None:
        if os.getpid() != process:  # a child that has inherited this handler ends as it would without
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        elif not received:  # the first one: a second would interrupt the orderly end
            received.append(signal.Signals(number))
            raise KeyboardInterrupt

    before = {}
    # Only the main thread may set handlers. A signal that is ignored, as SIGHUP is under nohup, stays ignored.
    if threading.current_thread() is threading.main_thread():
        numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
        before = {n: signal.signal(n, interrupt) for n in numbers if signal.getsignal(n) is not signal.SIG_IGN}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
