"""The fastest matrix products of one thread, which is what the work of a network is measured against."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch


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


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
