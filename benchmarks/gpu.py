"""Does the package compute on a GPU what it computes on the CPU, and how fast: at most eight minutes, in one go.

``make gpu``, or ``PYTHONPATH=. python3 benchmarks/gpu.py`` in any Python that has torch with CUDA, NumPy, SciPy and
scikit-learn. Each part has its share of the time; ``benchmarks/gpu.json`` is written after each, so that a stop loses
nothing. Without a GPU nothing is compared or written, and the exit status is 0; it is 1 if something disagrees.
``--device cpu --out FILE`` rehearses everything, small, on the CPU alone.

Agreement is the largest difference relative to the largest number, ``max |cpu - gpu| / max |cpu|``. In float64 it has
to be rounding. In float32, too, TF32 is switched off for the comparison and is what PyTorch chooses for the times.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TARGET = Path(__file__).with_suffix(".json")
LIMIT = 460.0  # seconds for all parts; the start takes some more
# The convolutional network pools by maxima. Rounding of 1e-6 in its weights moves some of them to another pixel, and
# there the gradient jumps: by 2e-3 to 3e-3 of its largest entry, in float64 too. Its outputs do not jump.
JUMP = 1e-2


class OutOfTimeError(Exception):
    """A part has used up its share."""


@dataclass
class Session:
    """A comparison under way: what is compared with what, and what was found so far."""

    device: str
    out: Path
    small: bool
    result: dict[str, Any] = field(default_factory=dict)
    part: dict[str, Any] = field(default_factory=dict)

    def agree(self, what: str, ours: Any, theirs: Any, tolerance: float) -> None:
        """Note how far the CPU's numbers and the GPU's are apart."""
        import numpy as np

        a, b = (np.asarray(values, dtype=np.float64).ravel() for values in (ours, theirs))
        if a.shape != b.shape or not np.array_equal(np.isnan(a), np.isnan(b)):
            apart = float("inf")
        else:
            scale = np.nanmax(np.abs(a)) if a.size and not np.isnan(a).all() else 1.0
            apart = float(np.nanmax(np.abs(a - b), initial=0.0) / (scale or 1.0))
        found = {"apart": float(f"{apart:.1e}"), "tolerance": tolerance, "agrees": bool(apart <= tolerance)}
        self.part.setdefault("agreement", {})[what] = found
        print(f"  {what:48} {apart:8.1e}  {'ok' if found['agrees'] else f'EXPECTED <= {tolerance:g}'}", flush=True)
        self.write()

    def time(self, what: str, work: Callable[[str], Callable[[], object]], rounds: int = 5) -> None:
        """Note the seconds of some work on either device, warm; ``work(device)`` makes the function that is timed."""
        seconds = {}
        for device in dict.fromkeys(("cpu", self.device)):
            run = work(device)
            run()
            seconds[device] = [self._clock(run, device) for _ in range(2 if self.small else rounds)]
        middle = {device: statistics.median(times) for device, times in seconds.items()}
        ratio = middle["cpu"] / middle[self.device]
        self.part.setdefault("times", {})[what] = {
            "cpu_over_device": round(ratio, 2),
            "seconds": {device: [float(f"{t:.3g}") for t in times] for device, times in seconds.items()},
        }
        print(f"  {what:48} {middle['cpu']:8.3f} s on the CPU, {ratio:6.2f} times that of the device", flush=True)
        self.write()

    def _clock(self, run: Callable[[], object], device: str) -> float:
        wait(device)
        start = time.perf_counter()
        run()
        wait(device)
        return time.perf_counter() - start

    def write(self) -> None:
        """Write what was found so far, whole or not at all."""
        part = self.out.with_name(self.out.name + ".part")
        part.write_text(json.dumps(self.result, indent=2) + "\n", encoding="utf-8")
        part.replace(self.out)


def wait(device: str) -> None:
    """Wait until a GPU has done what it was given."""
    import torch

    if device.startswith("cuda"):
        torch.cuda.synchronize()


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise OutOfTimeError inside the block when its time is up, where the system has an alarm."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def ring(*_: object) -> None:
        raise OutOfTimeError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _spheres(dtype: Any, train: int = 1000) -> Any:
    from enlib import datasets

    return datasets.load("spheres", seed=0, radii=(1.0, 1.01), train=train, validation=200, test=200, dtype=dtype)


def _network(seed: int, dtype: Any) -> Any:
    from enlib import WithExponentialNeuron, mlp

    return WithExponentialNeuron(mlp((100, 50, 25, 1), seed=seed), 100, seed=seed).to(dtype)


def _images(n: int, shape: tuple[int, ...], dtype: Any, device: str) -> tuple[Any, Any]:
    import torch

    random = torch.Generator().manual_seed(0)
    x = torch.randn(n, *shape, generator=random, dtype=torch.float64)
    y = torch.where(torch.rand(n, generator=random) < 0.5, -1.0, 1.0)
    return x.to(device, dtype), y.to(device, dtype)


def _dtypes() -> Iterator[tuple[str, Any, bool]]:
    import torch

    yield "float64", torch.float64, True
    yield "float32", torch.float32, False


def fit_one(session: Session) -> None:
    """`fit`: 100 updates of the small network with the exponential neuron."""
    import torch

    from enlib import fit, make_optimizer

    def histories(device: str, dtype: Any, epochs: int, lr: float = 1e-3) -> Any:
        model = _network(0, dtype)
        optimizer = make_optimizer("adam", model, lr=lr)
        common = {"lam": 0.1, "epochs": epochs, "stop_at_zero_errors": False, "seed": 0, "progress": False}
        return fit(model, data[dtype], optimizer=optimizer, device=device, **common)

    data = {dtype: _spheres(dtype) for _, dtype, _ in _dtypes()}
    for name, dtype, exact in _dtypes():
        ours, theirs = (histories(device, dtype, 2 if session.small else 10) for device in ("cpu", session.device))
        tolerance = 1e-9 if exact else 1e-3
        session.agree(f"objective of each update, {name}", ours.batch_loss, theirs.batch_loss, tolerance)
        session.agree(f"loss of each evaluation, {name}", ours.train_loss, theirs.train_loss, tolerance)
    epochs = 2 if session.small else 10
    session.time(
        f"fit, {10 * epochs} updates of batch 100", lambda d: lambda: histories(d, torch.float32, epochs), rounds=3
    )


def fit_many(session: Session) -> None:
    """`fit_stacked`: many small networks at once."""
    import torch

    from enlib.training import fit_stacked

    def histories(device: str, dtype: Any, runs: int, epochs: int) -> Any:
        lrs = [1e-3 * 10 ** (i / runs) for i in range(runs)]
        nets = [_network(i, dtype) for i in range(runs)]
        common = {"lam": 0.1, "epochs": epochs, "stop_at_zero_errors": False, "seed": 0, "progress": False}
        return fit_stacked(nets, data[dtype], lr=lrs, device=device, **common)

    data = {dtype: _spheres(dtype) for _, dtype, _ in _dtypes()}
    runs, epochs = (4, 1) if session.small else (32, 6)
    for name, dtype, exact in _dtypes():
        ours, theirs = (histories(device, dtype, runs, epochs) for device in ("cpu", session.device))
        losses = [[history.train_loss for history in found] for found in (ours, theirs)]
        session.agree(f"losses of {runs} runs, {name}", *losses, 1e-8 if exact else 3e-3)
        errors = [[history.train_errors[0] for history in found] for found in (ours, theirs)]
        session.agree(f"errors before the first update, {name}", *errors, 0.0 if exact else 0.01)
    for size in (8,) if session.small else (128, 512):
        session.time(
            f"fit_stacked, {size} runs, 20 updates",
            lambda d, size=size: lambda: histories(d, torch.float32, size, 2),
            rounds=3,
        )


def curvature(session: Session) -> None:
    """Products with the Hessian, its largest eigenvalues, its spectrum, and their cost on the large networks."""
    import torch
    from torch.func import functional_call

    from enlib import polynomial_hinge
    from enlib.curvature import Hessian, sharpness, spectral_density, top_eigenvalues
    from enlib.models import make_model

    def problem(name: str, shape: tuple[int, ...], n: int, dtype: Any, device: str) -> tuple[Any, Any]:
        model = make_model(name, shape, seed=0).to(device, dtype)
        x, y = _images(n, shape, dtype, device)
        params = {key: p.detach().requires_grad_() for key, p in model.named_parameters()}
        return lambda p: polynomial_hinge(functional_call(model, p, (x,)), y), params

    cases = [("fc1", (100,), 500), ("conv", (1, 28, 28), 4 if session.small else 64)]
    for name, dtype, exact in _dtypes():
        for network, shape, n in cases:
            found = []
            for device in ("cpu", session.device):
                loss, params = problem(network, shape, n, dtype, device)
                hessian = Hessian(loss, params)
                vector = torch.randn(hessian.size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
                product = hessian @ vector.to(device, dtype)
                found.append((hessian.gradient.cpu(), product.cpu(), sharpness(loss, params, tol=1e-4).value))
            tight = 1e-10 if exact else JUMP if network == "conv" else 2e-4
            for what, ours, theirs in zip(("gradient", "product", "sharpness"), *found, strict=True):
                limit = (1e-6 if exact else 1e-3) if what == "sharpness" else tight
                session.agree(f"{what} of {network}, {name}", ours, theirs, limit)
        spectra = [problem("fc1", (100,), 500, dtype, device) for device in ("cpu", session.device)]
        values = [top_eigenvalues(*case, k=3, tol=1e-4).values for case in spectra]
        session.agree(f"three largest eigenvalues of fc1, {name}", *values, 1e-6 if exact else 1e-3)
        densities = [spectral_density(*case, steps=10, probes=2) for case in spectra]
        means = [[float((d.weights * d.nodes**k).sum()) for k in (1, 2)] for d in densities]
        session.agree(f"moments of the spectrum of fc1, {name}", *means, 1e-9 if exact else 1e-3)

    def one_sharpness(network: str, shape: tuple[int, ...], n: int) -> Callable[[str], Callable[[], object]]:
        def work(device: str) -> Callable[[], object]:
            loss, params = problem(network, shape, n, torch.float32, device)
            return lambda: sharpness(loss, params)

        return work

    large = [("fc1", (100,), 500)] if session.small else [("fc1", (100,), 5000), ("fc2", (3072,), 2000)]
    for network, shape, n in large:
        session.time(f"sharpness of {network}, {n} samples", one_sharpness(network, shape, n), rounds=3)


def fast_forms(session: Session) -> None:
    """`fast_form`: outputs and gradients as those of the plain network, and the time of training steps."""
    import torch

    from enlib import make_optimizer, polynomial_hinge
    from enlib.models import fast_form, make_model

    batch = 4 if session.small else 100

    def network(name: str, shape: tuple[int, ...], dtype: Any, device: str, form: str) -> Any:
        model = make_model(name, shape, seed=0).to(device, dtype)
        return fast_form(model) if form == "fast" else model

    cases = [("conv", (1, 28, 28)), ("fc2", (3072,))]
    for name, dtype, exact in _dtypes():
        for kind, shape in cases:
            found = {}
            for device, form in (("cpu", "plain"), (session.device, "plain"), (session.device, "fast")):
                model = network(kind, shape, dtype, device, form)
                x, y = _images(batch, shape, dtype, device)
                output = model(x)
                polynomial_hinge(output, y).backward()
                gradients = [p.grad.contiguous().flatten() for p in model.parameters()]
                found[device, form] = (output.detach().cpu(), torch.cat(gradients).cpu())
            for form in ("plain", "fast"):
                for what, ours, theirs in zip(
                    ("outputs", "gradients"), found["cpu", "plain"], found[session.device, form], strict=True
                ):
                    jumps = kind == "conv" and what == "gradients"
                    tolerance = 1e-11 if exact else JUMP if jumps else 2e-4
                    session.agree(f"{what} of {kind}, {form}, {name}", ours, theirs, tolerance)

    def steps(kind: str, shape: tuple[int, ...], form: str) -> Callable[[str], Callable[[], object]]:
        def work(device: str) -> Callable[[], object]:
            model = network(kind, shape, torch.float32, device, form)
            optimizer = make_optimizer("adam", model, lr=1e-4, fused=True)
            x, y = _images(batch, shape, torch.float32, device)

            def run() -> None:
                for _ in range(1 if session.small else 10):
                    optimizer.zero_grad()
                    polynomial_hinge(model(x), y).backward()
                    optimizer.step()

            return run

        return work

    for kind, shape in cases:
        for form in ("plain", "fast"):
            session.time(f"10 steps of {kind}, {form}, batch {batch}", steps(kind, shape, form), rounds=3)


# Each part, and its share of the time.
PARTS: dict[str, tuple[Callable[[Session], None], float]] = {
    "fit": (fit_one, 0.15),
    "stacked": (fit_many, 0.3),
    "curvature": (curvature, 0.3),
    "fast forms": (fast_forms, 0.25),
}


def compare(session: Session, limit: float = LIMIT) -> int:
    """Run all parts; return 1 if something disagrees or a part fails, else 0."""
    import numpy
    import scipy
    import torch

    cuda = session.device.startswith("cuda")
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    session.result |= {
        "device": torch.cuda.get_device_name() if cuda else platform.machine(),
        "kind": session.device,
        "cpu": {"machine": platform.machine(), "cores": os.cpu_count(), "threads": torch.get_num_threads()},
        "versions": {
            "python": platform.python_version(), "torch": torch.__version__, "cuda": torch.version.cuda,
            "numpy": numpy.__version__, "scipy": scipy.__version__,
        },
        "TF32": False,
        "parts": {},
    }  # fmt: skip
    start, bad = time.monotonic(), []
    for name, (part, share) in PARTS.items():
        print(f"{name}: {part.__doc__}", flush=True)
        session.part = session.result["parts"][name] = {"status": "stopped"}
        session.write()
        began = time.monotonic()
        # A part that is done early leaves its time to the next.
        later = sum(share for other, (_, share) in PARTS.items() if other not in session.result["parts"])
        left = limit - (began - start) - later * limit
        try:
            with at_most(max(left, 1.0)):
                part(session)
            session.part["status"] = "done"
        except OutOfTimeError:
            session.part["status"] = "out of time"
        except Exception as error:
            message = " ".join(str(error).split())[:300]
            session.part["status"] = f"failed: {type(error).__name__}: {message}"
        session.part["took_s"] = round(time.monotonic() - began, 1)
        session.write()
        print(f"  {session.part['status']}, {session.part['took_s']} s", flush=True)
        agreements = session.part.get("agreement", {})
        bad += [f"{name}: {what}" for what, found in agreements.items() if not found["agrees"]]
        bad += [f"{name} {session.part['status']}"] if session.part["status"].startswith("failed") else []
    print("\n".join(["DISAGREES:", *bad]) if bad else "Everything that was compared agrees.", flush=True)
    return int(bool(bad))


def main(arguments: list[str] | None = None) -> int:
    """Compare the devices if there are two; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", help="what to compare with the CPU; cpu rehearses")
    parser.add_argument("--out", type=Path, help=f"where to write; by default {TARGET.name}, nothing in a rehearsal")
    options = parser.parse_args(arguments)
    try:
        import torch
    except ImportError:
        print(f"NOT RUN: {sys.executable} has no torch. Nothing compared, nothing written: set GPU_PYTHON.")
        return 0
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        print(f"NOT RUN: torch {torch.__version__} finds no GPU here. Nothing compared, nothing written.")
        return 0
    rehearsal = options.device == "cpu"
    if rehearsal and options.out is None:
        parser.error("expected --out with --device cpu, got none: a rehearsal writes no committed file")
    return compare(Session(options.device, options.out or TARGET, small=rehearsal))


if __name__ == "__main__":
    sys.exit(main())
