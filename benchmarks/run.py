"""Run benchmarks by name, each with its peers: ``python benchmarks/run.py fit``, or ``curvature conv``, or all.

The peers of a benchmark stand in ``requirements-NAME.txt``, pinned. They go to a folder of their own, without their
dependencies, so that nothing of the environment is replaced, torch least of all.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ALL = ("fit", "sweep", "curvature", "pages", "lighthouse")
MORE = ("against", "gpu", "size")


def peers(name: str) -> Path | None:
    """Return the folder with the peers of a benchmark, and fill it if it is not there; None if it has none."""
    listed = HERE / f"requirements-{name}.txt"
    if not listed.is_file():
        return None
    version = "{}.{}".format(*sys.version_info)
    folder = HERE / f".peers-{hashlib.sha256(version.encode() + listed.read_bytes()).hexdigest()[:12]}"
    if not folder.is_dir():
        part = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(part)]
        subprocess.run([*install, "--requirement", str(listed)], check=True)
        part.rename(folder)
    return folder


def run(name: str, arguments: list[str]) -> int:
    """Run a benchmark and return its exit status."""
    folder = peers(name)
    paths = [str(HERE.parent), *([str(folder)] if folder else [])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    environment.setdefault("OMP_NUM_THREADS", "1")
    return subprocess.run([sys.executable, str(HERE / f"{name}.py"), *arguments], env=environment).returncode


def main(arguments: list[str]) -> int:
    """Run one benchmark with its arguments, or all of them."""
    if arguments:
        name, *rest = arguments
        if name not in ALL + MORE:
            print(f"expected one of {', '.join(ALL + MORE)}, got {name!r}: choose one of these", file=sys.stderr)
            return 2
        return run(name, rest)
    failed = []
    for name in ALL:
        print(f"== {name}", flush=True)
        failed += [name] if run(name, []) else []
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
