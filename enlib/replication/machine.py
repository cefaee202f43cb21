"""What made a run: versions, processor, device and commit, and nothing about whose machine it is."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import scipy
import torch

from enlib._tools import resolve_device

_PACKAGE = Path(__file__).parents[1]

Machine = dict[str, str | int | bool | None]


def describe(device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32, *, threads: int = 1) -> Machine:
    """Return all that a number may depend on, without names of hosts, users or folders.

    Parameters
    ----------
    device : str or torch.device
        Device of the runs.
    dtype : torch.dtype
        Precision of the runs.
    threads : int
        Threads of a worker.

    Examples
    --------
    >>> machine = describe(threads=1)
    >>> machine["device"], machine["dtype"], machine["threads"]
    ('cpu', 'float32', 1)
    """
    device = resolve_device(device, dtype)
    gpu = f" ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else ""
    commit, changed = _commit()
    return {
        "enlib": str(sys.modules["enlib"].__version__),
        "commit": commit,
        "dirty": changed,  # the package alone: the table itself changes while a sweep runs
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "system": platform.system(),
        "machine": platform.machine(),
        "processor": _processor(),
        "capability": torch.backends.cpu.get_cpu_capability(),  # which kernels compute
        "device": f"{device.type}{gpu}",
        "dtype": str(dtype).removeprefix("torch."),
        "threads": threads,
    }


def machine_hash(machine: Mapping[str, object]) -> str:
    """Return the short hash by which rows name the machine that made them.

    Examples
    --------
    >>> machine_hash({"python": "3.11.7", "threads": 1}) == machine_hash({"threads": 1, "python": "3.11.7"})
    True
    """
    return hashlib.sha256(json.dumps(machine, sort_keys=True).encode()).hexdigest()[:12]


def _commit() -> tuple[str | None, bool | None]:
    """Return the commit that last changed the package, and whether it was changed since; None outside a checkout."""
    # A package that is installed below another's checkout is not kept there.
    if _git("ls-files", "--", "__init__.py") != "__init__.py":
        return None, None
    commit = _git("rev-list", "-1", "HEAD", "--", ".")
    if commit is None or not re.fullmatch("[0-9a-f]{40,64}", commit):
        return None, None
    settings = ("core.fsmonitor=false", "core.excludesFile=", "status.showUntrackedFiles=normal")
    options = [word for setting in settings for word in ("-c", setting)]
    status = _git(*options, "status", "--porcelain=v1", "--", ".")
    return commit, None if status is None else bool(status)


def _git(*arguments: str) -> str | None:
    """Return what a git command prints, None if it fails; only commands whose output no user setting changes."""
    # A hook's variables name its own repository.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        ran = subprocess.run(
            ["git", *arguments],
            cwd=_PACKAGE,
            env=environment | {"GIT_OPTIONAL_LOCKS": "0"},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=30,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return ran.stdout.strip() if ran.returncode == 0 else None


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
        if sys.platform == "darwin":
            name = ["sysctl", "-n", "machdep.cpu.brand_string"]
            return subprocess.run(name, capture_output=True, text=True, timeout=30, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        pass
    return platform.processor() or platform.machine()
