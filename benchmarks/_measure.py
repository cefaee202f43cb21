"""What the benchmarks share: a clock, the spread of ratios, the machine, and the fastest matrix products on it."""

from __future__ import annotations

import json
import platform
import statistics
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import torch


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def spread(ratios: Iterable[float], digits: int = 2) -> dict[str, float]:
    """Return the smallest, middle and largest of some ratios; the one to quote is the median."""
    ordered = sorted(ratios)
    found = {"min": ordered[0], "median": statistics.median(ordered), "max": ordered[-1]}
    return {name: round(value, digits) for name, value in found.items()}


def environment() -> dict[str, str]:
    """Return the versions and the kind of machine, which belong to every number."""
    return {"torch": torch.__version__, "python": platform.python_version(), "cpu": platform.machine()}


def write(program: str, result: dict[str, object]) -> None:
    """Write a result beside the program that measured it."""
    Path(program).with_suffix(".json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def peaks(size: int = 2048, repeats: int = 7) -> dict[str, float]:
    """Return the fastest matrix products of one thread, in 1e9 multiplications and additions per second."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    a, b = (torch.randn(size, size, generator=torch.Generator().manual_seed(i)) for i in range(2))
    kernels = {
        "torch.mm": lambda: torch.mm(a, b),
        "oneDNN": lambda: torch.ops.mkldnn._linear_pointwise(a, b, None, "none", [], ""),
    }
    best = {}
    for name, kernel in kernels.items():
        kernel()
        best[name] = min(seconds(kernel) for _ in range(repeats))
    torch.set_num_threads(threads)
    return {name: 2e-9 * size**3 / took for name, took in best.items()}
