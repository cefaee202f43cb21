"""What a run was made with: versions, processor, device and commit, and nothing about whose machine it is."""

from __future__ import annotations

import hashlib
import json
import os
import platform
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
    """Describe this machine, as far as a number may depend on it; without names of hosts, users or folders.

    Parameters
    ----------
    device : str or torch.device
        Where the runs compute.
    dtype : torch.dtype
        What they compute with.
    threads : int
        Threads a worker.

    Examples
    --------
    >>> machine = describe(threads=1)
    >>> machine["device"], machine["dtype"], machine["threads"]
    ('cpu', 'float32', 1)
    """
    device = resolve_device(device, dtype)
    gpu = f" ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else ""
    commit = _git("log", "-1", "--format=%H", "--", ".") if _is_checkout() else None
    return {
        "enlib": str(sys.modules["enlib"].__version__),
        "commit": commit,
        # Of the package alone: the table itself changes while a sweep goes on.
        "dirty": bool(_git("status", "--porcelain", "--", ".")) if commit else None,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "system": platform.system(),
        "machine": platform.machine(),
        "processor": _processor(),
        "device": f"{device.type}{gpu}",
        "dtype": str(dtype).removeprefix("torch."),
        "threads": threads,
    }


def identity(machine: Mapping[str, object]) -> str:
    """Return the short hash by which rows name the machine that made them.

    Examples
    --------
    >>> identity({"python": "3.11.7", "threads": 1}) == identity({"threads": 1, "python": "3.11.7"})
    True
    """
    return hashlib.sha256(json.dumps(machine, sort_keys=True).encode()).hexdigest()[:12]


def _is_checkout() -> bool:
    """Tell whether git keeps this package: one that is installed below another's checkout is not kept there."""
    return _git("ls-files", "--", "__init__.py") == "__init__.py"


def _git(*arguments: str) -> str | None:
    elsewhere = {name for name in os.environ if name.startswith("GIT_")}  # a hook's variables name its own repository
    try:
        ran = subprocess.run(
            ["git", *arguments],
            cwd=_PACKAGE,
            env={name: value for name, value in os.environ.items() if name not in elsewhere},
            capture_output=True,
            text=True,
            timeout=30,
        )
    except (OSError, subprocess.TimeoutExpired):
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
