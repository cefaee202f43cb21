"""What curvature costs: ``enlib.curvature`` beside PyHessian, SciPy's eigsh and curvlinops.

The unit is one gradient over all samples, computed the same way (whole, or in parts where memory asks for it).
Contestants run in turn on one thread, at the start of training and after some updates; the slow ones run once, at the
start. The truth they are held to is Lanczos' method in float64: five eigenvalues to 1e-4, or, where the loss comes in
parts and that takes too long, one. Peak memory is that of a process of its own, above what imports, network and data
take. Writes ``results/curvature.json``, which a notebook shows.

PyHessian and curvlinops are not in requirements.txt: ``python benchmarks/run.py curvature`` fetches them, in a folder
of their own, and runs this; ``... curvature conv`` measures one problem again. The images come from ``ENLIB_DATA``.
Memory is read from Linux's /proc.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import json
import resource
import statistics
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from _measure import environment, seconds
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor, nn
from torch.func import functional_call

from enlib import datasets, make_optimizer, polynomial_hinge
from enlib.curvature import Eigenvalues, Hessian, sharpness, top_eigenvalues
from enlib.curvature.lanczos import _tridiagonal
from enlib.models import make_model

# data set, its options, samples, samples in a part, updates before the second measurement, learning rate
PROBLEMS = {
    "fc1": ("spheres", {"train": 5000}, 5000, 5000, 500, 1e-2),
    "fc2": ("cifar10-0v1", {}, 2000, 2000, 100, 1e-3),
    "conv": ("mnist-1v7", {}, 2000, 80, 30, 3e-4),
}
ROUNDS = {"enlib": 3, "PyHessian": 3, "eigsh, tol 1e-3": 1, "eigsh, default": 1, "curvlinops + eigsh": 1}


class MeanHinge(nn.Module):
    """The loss in the form that PyHessian and curvlinops ask for."""

    reduction = "mean"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return polynomial_hinge(output, target)


class Problem:
    """A network on its data, at the start of training or after some updates."""

    def __init__(self, name: str, *, trained: bool, dtype: torch.dtype = torch.float32) -> None:
        data_name, options, n, size, updates, lr = PROBLEMS[name]
        train = datasets.load(data_name, seed=0, **options).train
        # The splits are sorted by class.
        chosen = torch.randperm(len(train.targets), generator=torch.Generator().manual_seed(0))[:n]
        self.x, self.y, self.n = train.inputs[chosen], train.targets[chosen], n
        self.model = make_model(name, self.x.shape[1:], seed=0)
        if trained:
            optimizer = make_optimizer("adam", self.model, lr=lr)
            random = torch.Generator().manual_seed(0)
            for _ in range(updates):
                batch = torch.randint(0, n, (100,), generator=random)
                optimizer.zero_grad()
                polynomial_hinge(self.model(self.x[batch]), self.y[batch]).backward()
                optimizer.step()
        self.model, self.x, self.y = self.model.to(dtype), self.x.to(dtype), self.y.to(dtype)
        self.params = {k: p.detach().requires_grad_() for k, p in self.model.named_parameters()}
        self.batches = list(zip(self.x.split(size), self.y.split(size), strict=True))
        self.loss = [functools.partial(self.part, x=x, y=y) for x, y in self.batches]

    def part(self, params: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return polynomial_hinge(functional_call(self.model, params, (x,)), y, reduction="sum") / self.n

    def gradient(self) -> None:
        for part in self.loss:
            torch.autograd.grad(part(self.params), list(self.params.values()))


def with_enlib(problem: Problem) -> float:
    return sharpness(problem.loss, problem.params).value


def with_pyhessian(problem: Problem) -> float:
    from pyhessian import hessian

    data = {"data": problem.batches[0]} if len(problem.batches) == 1 else {"dataloader": problem.batches}
    if "dataloader" in data:  # it reads the gradients before it has made any
        problem.part(dict(problem.model.named_parameters()), *problem.batches[0]).backward()
    value = hessian(problem.model, MeanHinge(), cuda=False, **data).eigenvalues()[0][0]
    problem.model.zero_grad()
    return float(value)


def with_eigsh(problem: Problem, tol: float) -> float:
    hessian = Hessian(problem.loss, problem.params)
    matrix = LinearOperator(
        (hessian.size, hessian.size), lambda v: (hessian @ torch.from_numpy(v.ravel())).numpy(), dtype=np.float32
    )
    v0 = np.random.default_rng(0).standard_normal(hessian.size).astype(np.float32)
    return float(eigsh(matrix, k=1, which="LA", tol=tol, v0=v0, return_eigenvectors=False)[0])


def with_curvlinops(problem: Problem) -> float:
    from curvlinops import HessianLinearOperator

    params = [p for p in problem.model.parameters() if p.requires_grad]
    operator = HessianLinearOperator(problem.model, MeanHinge(), params, problem.batches).to_scipy()
    v0 = np.random.default_rng(0).standard_normal(operator.shape[0]).astype(np.float32)
    return float(eigsh(operator, k=1, which="LA", v0=v0, return_eigenvectors=False)[0])


CONTESTANTS: dict[str, Callable[[Problem], float]] = {
    "enlib": with_enlib,
    "PyHessian": with_pyhessian,
    "eigsh, tol 1e-3": functools.partial(with_eigsh, tol=1e-3),
    "eigsh, default": functools.partial(with_eigsh, tol=0),
    "curvlinops + eigsh": with_curvlinops,
}


def compare(name: str, *, trained: bool) -> dict[str, object]:
    """Time all contestants in units of one gradient, measured just before and just after each."""
    exact = Problem(name, trained=trained, dtype=torch.float64)
    whole = len(exact.loss) == 1
    truth = top_eigenvalues(exact.loss, exact.params, k=5 if whole else 1, tol=1e-4).values
    problem = Problem(name, trained=trained)
    problem.gradient()
    times: dict[str, list[float]] = {who: [] for who in (*CONTESTANTS, "top 5, each", "top 5, largest")}
    errors: dict[str, float] = {}

    def measure(who: str, work: Callable[[], float]) -> None:
        before = seconds(problem.gradient)
        took = seconds(lambda: errors.__setitem__(who, work()))
        times[who].append(took / ((before + seconds(problem.gradient)) / 2))

    for i in range(max(ROUNDS.values())):
        for who, contestant in CONTESTANTS.items():
            if i < ROUNDS[who] and not (trained and ROUNDS[who] == 1):
                measure(who, lambda c=contestant: abs(c(problem) / truth[0] - 1))
    for scale in ("each", "largest") if whole else ("largest",):
        found: list[Eigenvalues] = []
        top = functools.partial(top_eigenvalues, problem.loss, problem.params, k=5, relative_to=scale)
        measure(f"top 5, {scale}", lambda work=top, to=found: to.append(work()) or 0.0)
        del errors[f"top 5, {scale}"]
        if whole:
            off = np.abs(found[0].values - truth) / (truth if scale == "each" else truth[0])
            errors[f"top 5, {scale}"] = float(off.max())
    return {
        "problem": name,
        "after updates": PROBLEMS[name][4] if trained else 0,
        "eigenvalues": [float(f"{v:.6g}") for v in truth],
        "gradients (median)": {who: round(statistics.median(t), 2) for who, t in times.items() if t},
        "gradients (all rounds)": {who: [round(v, 2) for v in t] for who, t in times.items() if t},
        "relative error": {who: float(f"{e:.1e}") for who, e in errors.items()},
        "enlib's own count": sharpness(problem.loss, problem.params).gradients,
        "products to a true 1e-3 of each of the top 5, of the largest": (
            first_products(problem, truth) if whole else None
        ),
    }


def first_products(problem: Problem, truth: np.ndarray) -> list[int | None]:
    """Return after how many products Lanczos' top 5 are right, each to 1e-3, and all to 1e-3 of the largest."""
    hessian = Hessian(problem.loss, problem.params)
    basis = [hessian.gradient / hessian.gradient.norm()]
    first: list[int | None] = [None, None]
    for m, (diagonal, off) in enumerate(_tridiagonal(hessian, basis, seed=0), 1):
        values = np.linalg.eigvalsh(np.diag(diagonal) + np.diag(off[:-1], 1) + np.diag(off[:-1], -1))[::-1][:5]
        if m >= 5:
            for i, error in enumerate((np.abs(values / truth - 1), np.abs(values - truth) / truth[0])):
                if first[i] is None and error.max() < 1e-3:
                    first[i] = m
        if None not in first or m == 80:
            return first
    return first


def memory(name: str) -> dict[str, object]:
    """Return the peak memory of one sharpness in a process of its own, and of one gradient, in GB."""
    peaks = {}
    for who in ("gradient", "enlib", "PyHessian"):
        ran = subprocess.run(
            [sys.executable, __file__, "memory", name, who], capture_output=True, text=True, check=True
        )
        peaks[who] = round(float(ran.stdout.split()[-1]), 3)
    return {"problem": name, "peak GB above network and data": peaks}


def peak_of(name: str, who: str) -> float:
    problem = Problem(name, trained=False)
    if who == "PyHessian":
        import pyhessian  # noqa: F401
    # The peak counts from here: what loading has needed for a moment is given back first.
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    start = resident()
    Path("/proc/self/clear_refs").write_text("5")
    problem.gradient() if who == "gradient" else CONTESTANTS[who](problem)
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(peak.split()[1]) / 2**20 - start


def resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**30


def main() -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    if sys.argv[1:2] == ["memory"]:
        print(peak_of(*sys.argv[2:]))
        return
    for module in ("pyhessian", "curvlinops"):
        if importlib.util.find_spec(module) is None:
            sys.exit(f"expected {module}, got none: run python benchmarks/run.py curvature")
    warm = Problem("fc1", trained=False)
    for contestant in CONTESTANTS.values():
        contestant(warm)
    target = Path(__file__).parents[1] / "results" / "curvature.json"
    chosen = sys.argv[1:] or list(PROBLEMS)
    result = json.loads(target.read_text()) if target.exists() else {"memory": [], "sharpness": []}
    found = environment()
    result |= {"python": found["python"], "torch": found["torch"], "machine": found["cpu"], "threads": 1}
    for name in chosen:
        for key in ("memory", "sharpness"):
            result[key] = [row for row in result[key] if row["problem"] != name]
        result["memory"].append(memory(name))
        for trained in (False, True):
            row = compare(name, trained=trained)
            result["sharpness"].append(row)
            target.write_text(json.dumps(result, indent=2) + "\n")
            print(json.dumps(row, indent=2))


if __name__ == "__main__":
    main()
