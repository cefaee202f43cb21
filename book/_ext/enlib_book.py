"""The Sphinx extension of this book: what Jupyter Book does not do by itself."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging

ROOT = Path(__file__).resolve().parents[2]
LOG = logging.getLogger(__name__)


def digest(root: Path = ROOT) -> str:
    """Return a digest of all that the notebooks import or read besides themselves."""
    sha = hashlib.sha256()
    for folder, pattern in (("enlib", "*.py"), ("results", "*")):
        for path in sorted(p for p in (root / folder).rglob(pattern) if p.is_file()):
            sha.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return sha.hexdigest()[:12]


def choose_cache(app: Sphinx, config: Config) -> None:
    """Keep executed notebooks apart by what they depend on; the cache itself knows only their own cells."""
    config.nb_execution_cache_path = str(ROOT / "_build" / ".jupyter_cache" / config.enlib_digest)


def forget_failed_build(app: Sphinx, error: Exception | None) -> None:
    """Make the next build read every page again if this one warned.

    Sphinx would otherwise take the pages that warned from its own cache, print nothing and report success.
    """
    warned = getattr(app, "_warncount", 0)
    if error is not None or warned:
        for path in Path(app.doctreedir).glob("environment.pickle"):
            path.unlink()


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    os.environ["ENLIB_STATIC"] = "1"  # inherited by every kernel that executes a notebook
    app.add_config_value("enlib_digest", digest(), "env")  # "env": a change makes Sphinx read every page again
    app.connect("config-inited", choose_cache)
    app.connect("build-finished", forget_failed_build)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
