"""When to show a progress bar."""

from __future__ import annotations

import os
import sys


def hide_progress(progress: bool | None) -> bool:
    """Return True unless bars are asked for; ``None`` asks on a terminal and not in continuous integration."""
    if progress is None:
        return bool(os.environ.get("CI")) or not sys.stderr.isatty()
    return not progress
