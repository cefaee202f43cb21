"""Is anything slower than it was? This checkout beside another one: ``python benchmarks/run.py against PATH``.

Each checkout computes in processes of its own, with one thread; they take turns, and who goes first changes from
round to round, so that a machine whose speed drifts is fair to both. Printed are the seconds (medians) and the ratios
of this checkout to the other, round by round: below 1, this one is faster. A task is called slower if it was so in
every round and by 5 % in the middle; then the exit status is 1. The other checkout may be older: a task looks for
what it needs under older names too, and one that cannot run in both is skipped and said so.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]

# Python that leaves a function `work` behind; `find` imports a name from the first of some modules that has it.
FIND = """
import importlib

def find(name, *modules):
    for module in modules:
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):
            continue
    raise ImportError(f"no {name} in {', '.join(modules)}")
"""
SPHERES = """
load = find("load", "enlib.datasets")
mlp = find("mlp", "enlib", "enlib.models")
Neuron = find("WithExponentialNeuron", "enlib", "enlib.models", "enlib.exponential")
make_optimizer = find("make_optimizer", "enlib", "enlib.training")
fit = find("fit", "enlib", "enlib.training")
data = load("spheres", seed=0, radii=(1.0, 1.01), train=1000, validation=200)
def network(seed=0):
    return Neuron(mlp((100, 50, 25, 1), seed=seed), 100, seed=seed)
"""
TASKS = {
    "load spheres": """
load = find("load", "enlib.datasets")
def work():
    load("spheres", seed=0, radii=(1.0, 1.01), train=10_000)
""",
    "fit the small network": SPHERES
    + """
def work():
    model = network()
    optimizer = make_optimizer("adam", model, lr=1e-3)
    fit(model, data, optimizer=optimizer, lam=0.1, epochs=10, stop_at_zero_errors=False, seed=0, device="cpu",
        progress=False)
""",
    "fit the conv net, fast form": """
import torch
make_model = find("make_model", "enlib.models")
fast_form = find("fast_form", "enlib.models", "enlib.fast")
make_optimizer = find("make_optimizer", "enlib", "enlib.training")
hinge = find("polynomial_hinge", "enlib", "enlib.losses")
random = torch.Generator().manual_seed(0)
x = torch.randn(100, 1, 28, 28, generator=random)
y = torch.where(torch.rand(100, generator=random) < 0.5, -1.0, 1.0)
model = fast_form(make_model("conv", (1, 28, 28), seed=0))
optimizer = make_optimizer("adam", model, lr=1e-4, fused=True)
def work():
    for _ in range(8):
        optimizer.zero_grad()
        hinge(model(x), y).backward()
        optimizer.step()
""",
    "fit a stack of 128 runs": SPHERES
    + """
fit_stacked = find("fit_stacked", "enlib.training", "enlib.stacked")
lrs = [1e-3 * 1.02**i for i in range(128)]
def work():
    fit_stacked([network(i) for i in range(128)], data, seed=0, lr=lrs, lam=0.1, epochs=4, stop_at_zero_errors=False,
                device="cpu", progress=False)
""",
    "sharpness": SPHERES
    + """
from torch.func import functional_call
sharpness = find("sharpness", "enlib.curvature")
hinge = find("polynomial_hinge", "enlib", "enlib.losses")
model = mlp((100, 50, 25, 1), seed=0)
params = {name: p.detach().requires_grad_() for name, p in model.named_parameters()}
large = load("spheres", seed=0, train=5000).train
def loss(params):
    return hinge(functional_call(model, params, (large.inputs,)), large.targets)
def work():
    for seed in range(3):
        sharpness(loss, params, seed=seed)
""",
    "explore a heavy figure": """
import numpy as np
explore = find("explore", "enlib.figures", "enlib.explore")
slider = find("slider", "enlib.figures", "enlib.explore")
Curve = find("Curve", "enlib.figures", "enlib.explore")
HeatMap = find("HeatMap", "enlib.figures", "enlib.explore")
t = np.linspace(0, 1, 200)
x = np.linspace(0, 1, 40)
def frame(a, b):
    return {"map": HeatMap(x, x, np.outer(x, a * x) + b), "curve": Curve(t, (1 + np.sin(9 * a * t + b)) / 2)}
def work():
    explore(frame, alt="a", caption="c", a=slider(0.5, 1, 15), b=slider(0.1, 1, 15)).to_html()
""",
}
# Programs that are started anew each time, in the checkout's folder; {out} is an empty folder.
REPLICATE = "-m enlib replicate --table 2 --only spheres-1.5-200 --workers 1 --out"
PROGRAMS = {
    "import enlib": ["-c", "import enlib"],
    "replicate table 2, quick": [*REPLICATE.split(), "{out}"],
    "report": ["-m", "enlib", "report", "--results", "results"],
}
# Reads the name of a task a line, answers with the seconds it took or with what went wrong.
SERVER = """
import sys, time, torch
tasks, ready = {tasks!r}, {{}}
torch.set_num_threads(1)
answer, sys.stdout = sys.stdout, sys.stderr
for name in map(str.strip, sys.stdin):
    try:
        if name not in ready:
            space = {{}}
            exec({find!r} + tasks[name], space)
            ready[name] = space["work"]
            ready[name]()
        start = time.perf_counter()
        ready[name]()
        print(time.perf_counter() - start, file=answer, flush=True)
    except Exception as error:
        print(f"{{type(error).__name__}}: {{error}}".splitlines()[0], file=answer, flush=True)
"""
Clock = Callable[[str], float]


def surroundings(checkout: Path) -> dict[str, str]:
    """Return the environment variables under which Python finds a checkout's package and uses one thread."""
    return os.environ | {"PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1", "CI": "true", "PYTHONUNBUFFERED": "1"}


@contextmanager
def clock(checkout: Path) -> Iterator[Clock]:
    """Start a checkout's process; yield a function that runs a task there once and returns the seconds it took.

    It raises RuntimeError if the task fails.
    """
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER.format(tasks=TASKS, find=FIND)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True, cwd=checkout, env=surroundings(checkout),
    )  # fmt: skip
    assert server.stdin is not None
    assert server.stdout is not None
    requests, answers = server.stdin, server.stdout

    def measure(name: str) -> float:
        if name in PROGRAMS:
            return program(name, checkout)
        requests.write(name + "\n")
        requests.flush()
        answer = answers.readline().strip()
        try:
            return float(answer)
        except ValueError:
            raise RuntimeError(answer or "the process ended") from None

    try:
        yield measure
    finally:
        requests.close()
        server.wait()


def program(name: str, checkout: Path) -> float:
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, *(word.format(out=out) for word in PROGRAMS[name])]
        start = time.perf_counter()
        ran = subprocess.run(command, capture_output=True, text=True, cwd=checkout, env=surroundings(checkout))
        took = time.perf_counter() - start
    if ran.returncode:
        raise RuntimeError((ran.stderr.strip().splitlines() or ["no message"])[-1])
    return took


def compare(name: str, ours: Clock, theirs: Clock, rounds: int) -> bool:
    """Print how a task compares; return whether this checkout is slower."""
    pairs: list[tuple[float, float]] = []
    try:
        ours(name), theirs(name)
        for i in range(rounds):
            if i % 2:
                before = theirs(name)
                pairs.append((ours(name), before))
            else:
                pairs.append((ours(name), theirs(name)))
    except RuntimeError as error:
        print(f"{name:30} skipped: {error}", flush=True)
        return False
    ratios = sorted(mine / other for mine, other in pairs)
    middle = statistics.median(ratios)
    slower = ratios[0] > 1 and middle > 1.05
    mine, other = (statistics.median(times) for times in zip(*pairs, strict=True))
    numbers = f"{mine:9.3f}{other:9.3f}{ratios[0]:8.2f}{middle:8.2f}{ratios[-1]:8.2f}"
    print(f"{name:30}{numbers}{'   SLOWER' if slower else ''}", flush=True)
    return slower


def main() -> int:
    """Compare two checkouts; return 1 if this one is slower at something."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path, help="folder of the other checkout")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", nargs="+", choices=[*TASKS, *PROGRAMS], default=[*TASKS, *PROGRAMS], metavar="TASK")
    options = parser.parse_args()
    other = options.checkout.resolve()
    if not (other / "enlib" / "__init__.py").is_file():
        parser.error(f"expected a checkout with enlib/, got {options.checkout}: pass its folder")
    print(f"{'task':30}{'here, s':>9}{'there, s':>9}{'min':>8}{'median':>8}{'max':>8}   (ratios here / there)")
    with ExitStack() as stack:
        clocks = [stack.enter_context(clock(folder)) for folder in (HERE, other)]
        slower = [name for name in options.only if compare(name, *clocks, rounds=options.rounds)]
    return int(bool(slower))


if __name__ == "__main__":
    sys.exit(main())
