"""What the fast form of the report's large networks gains: training steps of the conv net and of the large MLP.

The loop that most tutorials show, the plain module with PyTorch's default Adam, against ``fast_form`` with
fused Adam: in one process with one thread, one process with two, and two processes at once with one thread each. All
contestants take the same steps (batch 100, images of noise) and, this is checked first, reach the same losses. They
run in turn, in processes that stay alive, so that a machine whose speed drifts is fair to all; the figures to quote
are the medians of the ratios of one round. Part of ``benchmarks/sweep.py``.
"""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Literal

import torch
from _measure import peaks
from torch import Tensor, nn

from enlib import make_optimizer, polynomial_hinge
from enlib.models import fast_form, make_model

BATCH, STEPS, ROUNDS = 100, 10, 9
Engine = Literal["plain", "fused", "fast"]


@dataclass(frozen=True)
class Problem:
    """A network, the shape of one sample, and the multiplications a sample of one training step, as needed."""

    model: str
    shape: tuple[int, ...]
    products: int

    def samples(self, n: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(0)
        targets = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0)
        return torch.randn(n, *self.shape, generator=generator).to(dtype), targets.to(dtype)


# Forward, back to the weights, and, but for the first layer, back to the inputs. The conv net's are those that are
# left when what pooling drops and padding zeroes is not computed; the plain module makes 28.2 million.
PROBLEMS = {
    "conv": Problem("conv", (1, 28, 28), 2 * 24**2 * 64 * 16 + 3 * (6**2 * 128 * 1024 + 512 * 256 + 256)),
    "fc2": Problem("fc2", (3, 32, 32), 2 * 3072 * 1536 + 3 * (1536 * 768 + 768)),
}


@dataclass(frozen=True)
class Contestant:
    """An engine in so many processes at once, each with so many threads."""

    engine: Engine
    processes: int = 1
    threads: int = 1

    def __str__(self) -> str:
        return f"{self.engine}, {self.processes} x {self.threads}"


CONTESTANTS = tuple(
    Contestant(engine, *layout) for engine in ("plain", "fused", "fast") for layout in ((1, 1), (1, 2), (2, 1))
)


class Training:
    """A network under way: ``plain`` with default Adam, ``fused`` with fused Adam, ``fast`` in the fast form too."""

    def __init__(self, problem: Problem, engine: Engine, dtype: torch.dtype = torch.float32) -> None:
        model: nn.Module = make_model(problem.model, problem.shape, seed=0).to(dtype)
        self.model = fast_form(model) if engine == "fast" else model
        self.optimizer = make_optimizer("adam", self.model, lr=1e-4, fused=engine != "plain")
        self.inputs, self.targets = problem.samples(BATCH, dtype)

    def step(self) -> float:
        self.optimizer.zero_grad()
        loss = polynomial_hinge(self.model(self.inputs), self.targets)
        value = loss.item()
        loss.backward()
        self.optimizer.step()
        return value


def losses_agree(problem: Problem, steps: int = 8) -> dict[str, float]:
    """Return how far the engines' losses are apart over some steps, relative; raise if that is more than rounding."""
    apart = {}
    for dtype, tolerance in ((torch.float32, 1e-4), (torch.float64, 1e-12)):
        curves = {}
        for engine in ("plain", "fused", "fast"):
            training = Training(problem, engine, dtype)
            curves[engine] = [training.step() for _ in range(steps)]
        worst = max(abs(a / b - 1) for curve in curves.values() for a, b in zip(curve, curves["plain"], strict=True))
        if not worst < tolerance:
            raise AssertionError(
                f"expected losses of {problem.model} within {tolerance}, got {worst} apart: {curves}"
            )
        apart[str(dtype).removeprefix("torch.")] = float(f"{worst:.1e}")
    return apart


def serve(connection: Connection, problem: Problem, engine: Engine, threads: int) -> None:
    """Train in a process of its own: so many steps for each number received, until it is zero."""
    torch.set_num_threads(threads)
    training = Training(problem, engine)
    for _ in range(3):
        training.step()
    connection.send(None)
    while steps := connection.recv():
        for _ in range(steps):
            training.step()
        connection.send(None)


@contextmanager
def workers(problem: Problem, contestant: Contestant) -> Iterator[Callable[[int], float]]:
    """Start the processes; yield a function that takes steps in each and returns the steps a second of all."""
    context = multiprocessing.get_context("spawn")
    ends, processes = [], []
    for _ in range(contestant.processes):
        ours, theirs = context.Pipe()
        process = context.Process(
            target=serve, args=(theirs, problem, contestant.engine, contestant.threads), daemon=True
        )
        process.start()
        ends.append(ours)
        processes.append(process)
    for end in ends:
        end.recv()

    def run(steps: int) -> float:
        start = time.perf_counter()
        for end in ends:
            end.send(steps)
        for end in ends:
            end.recv()
        return len(ends) * steps / (time.perf_counter() - start)

    try:
        yield run
    finally:
        for end, process in zip(ends, processes, strict=True):
            end.send(0)
            process.join()


def compare(name: str, *, rounds: int = ROUNDS, steps: int = STEPS) -> dict[str, object]:
    """Time all contestants on one problem, in turn."""
    problem = PROBLEMS[name]
    torch.set_num_threads(1)
    apart = losses_agree(problem)
    rates: dict[str, list[float]] = {str(contestant): [] for contestant in CONTESTANTS}
    peak: dict[str, list[float]] = {"torch.mm": [], "oneDNN": []}
    with ExitStack() as stack:
        crews = {str(c): stack.enter_context(workers(problem, c)) for c in CONTESTANTS}
        for _ in range(rounds):
            for who, run in crews.items():
                rates[who].append(run(steps))
            for kernel, rate in peaks(repeats=2).items():
                peak[kernel].append(rate)
    rate = {who: statistics.median(measured) for who, measured in rates.items()}
    loop = max(("plain, 1 x 1", "plain, 1 x 2"), key=rate.__getitem__)
    work = 2e-9 * BATCH * problem.products
    return {
        "problem": name,
        "losses apart, relative": apart,
        "ms a step and process": {str(c): round(1e3 * c.processes / rate[str(c)], 2) for c in CONTESTANTS},
        "steps a second": {who: round(r, 2) for who, r in rate.items()},
        "the faster plain loop": loop,
        "as fast as it, times (median of rounds)": {
            who: round(statistics.median(a / b for a, b in zip(measured, rates[loop], strict=True)), 2)
            for who, measured in rates.items()
        },
        "as fast as it, times (all rounds)": {
            who: [round(a / b, 2) for a, b in zip(measured, rates[loop], strict=True)]
            for who, measured in rates.items()
        },
        "GEMM peak of one thread, GF/s (median of rounds)": {
            kernel: round(statistics.median(measured), 1) for kernel, measured in peak.items()
        },
        "GF a step, without what is dropped": round(work, 3),
        "fraction of the peak, one process and thread (median of rounds)": {
            engine: {
                kernel: round(
                    statistics.median(work * r / p for r, p in zip(rates[f"{engine}, 1 x 1"], measured, strict=True)),
                    2,
                )
                for kernel, measured in peak.items()
            }
            for engine in ("plain", "fused", "fast")
        },
    }
