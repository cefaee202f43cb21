"""Settings of the test run, for tests, doctests and notebooks alike."""

import os
import signal
import sys

import pytest
from hypothesis import settings

# A test is never judged by how fast a busy machine runs it; continuous integration tries the same examples each time.
settings.register_profile("enlib", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("enlib")

# nbformat checks notebooks by jsonschema, which would compile a grammar of web addresses, seconds in every process.
# It is too late for this where nbval is loaded, so the Makefile leaves nbval out where no notebook is run.
sys.modules.setdefault("rfc3987_syntax", None)

# Static outputs in notebooks, as they are committed; one thread a worker, as the figures were computed.
os.environ["ENLIB_STATIC"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A test run that a shell started in the background ignores Ctrl-C, and so would the programs whose Ctrl-C is tested.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collectstart(collector):
    """Leave drawings out of nbval's comparison, which does not look at PNG either: their text is compared."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("text/html", "text/javascript")


def pytest_collection_modifyitems(items):
    """Skip what needs images that are not there, and say so; run slow tests first, which keeps all workers busy."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
    marked = [(item, mark.args) for item in items if (mark := item.get_closest_marker("data"))]
    if not marked:
        return
    from enlib.datasets import SOURCES, is_present

    missing = {source for source in SOURCES if not is_present(source)}
    for item, needed in marked:
        for source in missing.intersection(needed):
            reason = f"needs the real images of {source}: set ENLIB_DATA, or python -m enlib data fetch"
            item.add_marker(pytest.mark.skip(reason=reason))


def pytest_terminal_summary(terminalreporter):
    """Say loudly what was not tested."""
    reasons = {report.longrepr[2] for report in terminalreporter.stats.get("skipped", []) if report.longrepr}
    for reason in sorted(reasons):
        terminalreporter.write_line(f"NOT TESTED HERE: {reason.removeprefix('Skipped: ')}", yellow=True, bold=True)
