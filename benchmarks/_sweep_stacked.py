"""Many runs of the small network: one stack beside a loop over runs, at equal work and with equal results.

The loop is ``enlib.fit``, one run after another, on one thread and on two; ``benchmarks/fit.py`` says how it compares
with the usual loop over a DataLoader. Used by ``benchmarks/sweep.py``.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from _measure import peaks, spread
from torch import nn

from enlib import History, WithExponentialNeuron, datasets, fit, make_optimizer, mlp
from enlib.training import fit_stacked

# 8 step sizes, 4 lambdas, 4 seeds, all with the neuron, until there is no error or 60 epochs.
LRS = (0.003, 0.004, 0.0055, 0.007, 0.0095, 0.0125, 0.016, 0.02)
LAMS = (0.001, 0.01, 0.1, 1.0)
SEEDS = range(4)
EPOCHS = 60
GRID = [(lr, lam) for lr in LRS for lam in LAMS]


def data(seed: int, train: int = 1000) -> datasets.Dataset:
    return datasets.load("spheres", seed=seed, radii=(1.0, 1.01), train=train, validation=200)


def model(seed: int) -> nn.Module:
    return WithExponentialNeuron(mlp((100, 50, 25, 1), seed=seed), 100, seed=seed)


def loop(sets: list[datasets.Dataset], **options: object) -> list[History]:
    histories = []
    for seed, own in enumerate(sets):
        for lr, lam in GRID:
            net = model(seed)
            optimizer = make_optimizer("adam", net, lr=lr)
            common = {"seed": seed, "device": "cpu", "progress": False}
            histories.append(fit(net, own, optimizer=optimizer, lam=lam, **common, **options))
    return histories


def stacked(sets: list[datasets.Dataset], **options: object) -> list[History]:
    histories = []
    for seed, own in enumerate(sets):
        nets = [model(seed) for _ in GRID]
        lrs, lams = zip(*GRID, strict=True)
        common = {"seed": seed, "device": "cpu", "progress": False}
        histories += fit_stacked(nets, own, lr=lrs, lam=lams, **common, **options)
    return histories


def timed(work: Callable[..., list[History]], threads: int, *args: object, **options: object) -> dict[str, object]:
    torch.set_num_threads(threads)
    start = time.perf_counter()
    histories = work(*args, **options)
    return {"seconds": time.perf_counter() - start, "histories": histories}


def many_runs(rounds: int) -> dict[str, object]:
    """128 runs in batches of 100."""
    sets = [data(seed) for seed in SEEDS]
    options = {"epochs": EPOCHS, "batch_size": 100}
    return _compare(rounds, sets, options, "128 runs, n = 1000, batch 100, to zero errors or 60 epochs")


def full_batch(rounds: int) -> dict[str, object]:
    """32 runs at full batch."""
    sets = [data(0, train=5000)]
    options = {"epochs": 10, "batch_size": None, "evaluate_every": 10}
    return _compare(rounds, sets, options, "32 runs, n = 5000, full batch, 10 updates")


def _compare(rounds: int, sets: list[datasets.Dataset], options: dict[str, object], what: str) -> dict[str, object]:
    ways = {
        "loop, 1 thread": (loop, 1),
        "loop, 2 threads": (loop, 2),
        "stacked, 1 thread": (stacked, 1),
        "stacked, 2 threads": (stacked, 2),
    }
    for work, threads in ways.values():
        timed(work, threads, sets[:1], **{**options, "epochs": 1, "evaluate_every": 1})
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    peak = []
    for _ in range(rounds):
        peak.append(max(peaks(repeats=2).values()))
        histories = {}
        for name, (work, threads) in ways.items():
            result = timed(work, threads, sets, **options)
            seconds[name].append(result["seconds"])
            histories[name] = result["histories"]
    difference = _equal(histories["loop, 1 thread"], histories["stacked, 2 threads"])
    loops = [min(pair) for pair in zip(seconds["loop, 1 thread"], seconds["loop, 2 threads"], strict=True)]
    work = gflop(histories["loop, 1 thread"], len(sets[0].train), options["batch_size"])
    return {
        "what": what,
        "GF/s, evaluations included": {name: round(work / min(values), 1) for name, values in seconds.items()},
        "fraction of the GEMM peak of as many threads (median of rounds)": {
            name: round(median(work / took / top / threads for took, top in zip(seconds[name], peak, strict=True)), 3)
            for name, (_, threads) in ways.items()
        },
        "seconds": {name: [round(s, 3) for s in values] for name, values in seconds.items()},
        "the faster loop over the stack": {
            name: spread(a / b for a, b in zip(loops, seconds[name], strict=True))
            for name in ways
            if "stacked" in name
        },
        **difference,
    }


def _equal(ones: list[History], others: list[History]) -> dict[str, object]:
    """Insist on equal results, and say how equal: float32 rounds otherwise in a stack."""
    apart, status = [], 0
    for one, other in zip(ones, others, strict=True):
        reached = one.epochs_to_zero_errors - other.epochs_to_zero_errors
        apart += [] if reached != reached else [abs(reached)]
        status += one.status != other.status
    assert status <= 0.02 * len(ones), f"{status} of {len(ones)} runs end otherwise in the stack"
    assert sum(gap > 1 for gap in apart) <= 0.02 * len(ones), "epochs to zero errors differ by more than one"
    return {
        "runs": len(ones),
        "epochs to zero errors apart": {f"{k:g}": sum(gap == k for gap in apart) for k in sorted(set(apart))},
        "runs with another status": status,
    }


# The first layer also holds the neuron; of a training step, forward, to the weights, and, but for it, to the inputs.
PRODUCTS = {"forward": 100 * 51 + 50 * 25 + 25, "step": 2 * 100 * 51 + 3 * (50 * 25 + 25)}


def gflop(histories: list[History], train: int, batch_size: int | None) -> float:
    """Return the work of runs, in units of 1e9 additions and multiplications, evaluations included."""
    batch = min(batch_size or train, train)
    steps = sum(len(history.batch_loss) for history in histories) * batch * PRODUCTS["step"]
    looks = sum(len(history.epoch) for history in histories) * (train + 200) * PRODUCTS["forward"]
    return 2e-9 * (steps + looks)


MEMORY = """
import resource
import torch
import _sweep_stacked as small
torch.set_num_threads(1)
imported = int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
own, nets = small.data(0, train=5000), [small.model(0) for _ in range(160)]
small.fit_stacked(nets, own, seed=0, lr=1e-3, batch_size=None, epochs=2, device="cpu", progress=False)
print((1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - imported) / 2**30)
"""


def memory() -> float:
    """Return the peak memory in GB of full-batch steps of 160 runs at n = 5000, above what the import takes."""
    folder = Path(__file__).parent
    ran = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True, cwd=folder)
    return round(float(ran.stdout), 3)
