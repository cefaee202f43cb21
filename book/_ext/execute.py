"""Execute the notebooks of the book, several at a time, and keep the outputs where Jupyter Book looks for them.

Jupyter Book itself executes one notebook after another, and only those that this program has not executed.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
from enlib_book import ROOT, execution_cache
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution

TIMEOUT = 120


def execute(path: Path) -> tuple[nbformat.NotebookNode, float, str | None]:
    """Return a notebook as executed, the seconds that took, and the traceback if a cell failed."""
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    done = single_nb_execution(
        notebook, cwd=str(path.parent), timeout=TIMEOUT, allow_errors=False, meta_override=True
    )
    return notebook, done.time, done.exc_string


def executed(path: Path) -> nbformat.NotebookNode | None:
    """Return a notebook with the outputs of its last execution, or None if it was changed or never executed."""
    try:
        notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        found: nbformat.NotebookNode = _cache().merge_match_into_notebook(notebook)[1]
    except KeyError:
        return None
    return found


def _cache() -> Any:
    return get_cache(str(execution_cache()))


def main() -> int:
    """Execute what is not in the cache yet; return 1 if a cell failed."""
    os.environ["ENLIB_STATIC"] = "1"
    paths = [path for path in sorted((ROOT / "notebooks").glob("*.ipynb")) if executed(path) is None]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    failed = False
    with ProcessPoolExecutor(min(cores, 8)) as pool:
        for path, (notebook, seconds, traceback) in zip(paths, pool.map(execute, paths), strict=True):
            print(f"{path.name}: {seconds:.0f} s" if traceback is None else f"{path.name}:\n{traceback}", flush=True)
            if traceback is None:
                bundle = CacheBundleIn(notebook, str(path), data={"execution_seconds": seconds})
                _cache().cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
            failed = failed or traceback is not None
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
