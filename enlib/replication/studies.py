"""Two studies of why training with an exponential neuron spikes: the mechanism, and the cures."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from enlib import _tools
from enlib.datasets import load
from enlib.models import WithExponentialNeuron, mlp
from enlib.replication.workers import in_workers
from enlib.training import SpikeWatch, first_spike, fit, make_optimizer, make_schedule

EPOCHS, SAMPLES, BATCH = 25, 2000, 100


@dataclass(frozen=True)
class Condition:
    """What may differ between the arms of a study; the defaults are the plain exponential neuron."""

    exponential: bool = True
    standardize: str = "global"
    schedule: str = "constant"
    clip_norm: float | None = None
    neuron_lr: float = 1.0
    lam: float = 0.1
    a: float = 0.01
    w_std: float = 0.01
    max_exponent: float | None = None


WITHOUT, WITH = "without the neuron", "with the neuron"
CONDITIONS = {
    WITHOUT: Condition(exponential=False, lam=0.0),
    WITH: Condition(),
    "inputs as they are": Condition(standardize="none"),
    "inputs standardized one by one": Condition(standardize="feature"),
    "cosine schedule": Condition(schedule="cosine"),
    "gradient clipped to norm 1": Condition(clip_norm=1.0),
    "a tenth of the step size": Condition(neuron_lr=0.1),
    "lambda 10 times larger": Condition(lam=1.0),
    "lambda 10 times smaller": Condition(lam=0.01),
    "neuron off at the start": Condition(a=0.0, w_std=0.0),
    "exponent cut off at 3": Condition(max_exponent=3.0),
}


@dataclass(frozen=True)
class Trial:
    """One run of a study: an arm, a step size and a seed; ``watch`` measures the curvature after each update."""

    condition: str
    lr: float
    seed: int
    watch: bool = False


STUDIES = {
    "mechanism": [
        Trial(arm, lr, seed, watch=True)
        for seed in range(10)
        for lr in (0.01, 0.02, 0.03, 0.05)
        for arm in (WITHOUT, WITH)
    ],
    "cures": [Trial(arm, lr, seed) for seed in range(20) for lr in (0.01, 0.03) for arm in CONDITIONS],
}


def run_trial(trial: Trial) -> dict[str, Any]:
    """Train once and return what is worth keeping, as plain numbers and lists.

    Spheres with radii 1 and 1.5, n = 2000; the network 100-50-25-1; Adam, batch 100, 25 epochs; float32 on the CPU.
    All arms of a seed share data, initial weights and batches.
    """
    condition = CONDITIONS[_tools.known("condition", trial.condition, CONDITIONS)]
    data = load("spheres", seed=trial.seed, radii=(1.0, 1.5), train=SAMPLES, standardize=condition.standardize)
    model: torch.nn.Module = mlp((100, 50, 25, 1), seed=trial.seed)
    if condition.exponential:
        neuron = {"a": condition.a, "w_std": condition.w_std, "max_exponent": condition.max_exponent}
        model = WithExponentialNeuron(model, 100, seed=trial.seed, **neuron)
    neuron_lr = condition.neuron_lr * trial.lr if condition.exponential else None
    optimizer = make_optimizer("adam", model, lr=trial.lr, neuron_lr=neuron_lr)
    watch = SpikeWatch()
    history = fit(
        model,
        data,
        optimizer=optimizer,
        schedule=make_schedule(condition.schedule, optimizer, updates=EPOCHS * SAMPLES // BATCH),
        lam=condition.lam,
        clip_norm=condition.clip_norm,
        seed=trial.seed,
        epochs=EPOCHS,
        batch_size=BATCH,
        stop_at_zero_errors=False,
        device="cpu",
        progress=False,
        callbacks=[watch] if trial.watch else [],
    )
    summary = {
        "status": history.status,
        "first_spike": first_spike(history.batch_loss),
        "epochs_to_zero_errors": history.epochs_to_zero_errors,
        "fewest_train_errors": float(history.train_errors.min()),
        "final_train_errors": float(history.train_errors[-1]),
        "largest_exponent": history.largest_exponent_seen,
    }
    trace = [
        {**row, "batch_loss": float(loss)} for row, loss in zip(watch.rows, history.batch_loss[1:], strict=False)
    ]
    return {**asdict(trial), **summary, "trace": trace}


def run_study(
    trials: Iterable[Trial], journal: Path, *, workers: int, work: Callable[[Trial], dict[str, Any]] = run_trial
) -> Iterator[dict[str, Any]]:
    """Yield the results of all trials; those in the journal at once, the others as they finish.

    Each result is a line of the journal, written to the disk before it is yielded: a study that is stopped, however
    roughly, goes on where it was. Half a line at its end, as a power cut leaves it, is dropped.

    Parameters
    ----------
    trials : iterable of Trial
    journal : Path
        A file with one JSON object a line; made where there is none.
    workers : int
        Processes, one thread each.
    work : callable
        What to do with a trial.

    Raises
    ------
    ValueError
        If ``workers`` is not positive, or the journal is not one of this study.
    RuntimeError
        If another process writes the journal, or a worker ends by itself.
    """
    _tools.count("workers", workers)
    wanted = {_key(asdict(trial)): trial for trial in trials}
    known = wanted.keys() | {_key(asdict(trial)) for study in STUDIES.values() for trial in study}
    journal.parent.mkdir(parents=True, exist_ok=True)
    with _alone(journal):
        for row in read_journal(journal):
            if _key(row) not in known:
                raise ValueError(
                    f"expected {journal} to be a journal of this study, got a run of another: {_key(row)}; "
                    "move it away"
                )
            if wanted.pop(_key(row), None):
                yield row
        yield from _run(wanted.values(), journal, workers, work)


def _run(
    trials: Iterable[Trial], journal: Path, workers: int, work: Callable[[Trial], dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    with (
        journal.open("a", encoding="utf-8") as file,
        closing(in_workers(work, trials, workers=workers)) as rows,
    ):
        for row in rows:
            file.write(json.dumps(row) + "\n")
            file.flush()
            os.fsync(file.fileno())
            yield row


@contextmanager
def _alone(journal: Path) -> Iterator[None]:
    """Hold the journal for this process: two would make every run twice."""
    lock = FileLock(f"{journal}.lock", blocking=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise RuntimeError(
            f"expected to be alone with {journal}, got another process that writes it: wait for it, or pass another "
            "--out"
        ) from error
    try:
        yield
    finally:
        lock.release()


def read_journal(journal: Path) -> list[dict[str, Any]]:
    """Return the finished runs of a journal, cutting off a last line that is not whole.

    Raises
    ------
    ValueError
        If a line that is not the last is damaged.
    """
    if not journal.exists():
        return []
    text = journal.read_text(encoding="utf-8")
    whole, _, torn = text.rpartition("\n")
    if torn:
        with journal.open("r+", encoding="utf-8") as file:
            file.truncate(len((whole + "\n").encode()) if whole else 0)
    rows = []
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            rows.append(json.loads(line))
            _key(rows[-1])
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise ValueError(
                f"expected a run as a JSON object in line {number} of {journal}, got something else: delete that "
                "line; its run will be made again"
            ) from error
    return rows


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["condition"], row["lr"], row["seed"], row["watch"]
