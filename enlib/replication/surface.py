"""A complete table for hyper-parameter search: every setting of a grid, at every budget, with seeds.

With a row for each run, as in the journal, its 100,800 values would take 28 MB. Here a line is one setting with one
seed, and holds the validation errors after each budget.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from enlib import _tools
from enlib.datasets import load
from enlib.models import mlp
from enlib.replication.journal import JournalError
from enlib.replication.machine import Machine, describe, machine_hash
from enlib.replication.pool import in_workers
from enlib.training import fit_stacked

SURFACE = "search"
DATA: dict[str, Any] = {"name": "gaussians", "shift": 0.4, "train": 100}
WIDTHS = (100, 10, 1)
TRAINING: dict[str, Any] = {"optimizer": "sgd", "batch_size": 25}
_GROUP = 252  # small networks: an eighth of the grid fits into the cache

Errors = list[int | None]
Made = dict[int, tuple[Machine, list[str]]]


def _grid(profile: str) -> dict[str, list[Any]]:
    """Return the axes of the table, with the four digits that it shows."""
    quick = _tools.known("profile", profile, ("quick", "laptop")) == "quick"
    lr = np.geomspace(1e-4, 1.0, 6 if quick else 48)
    weight_scale = np.geomspace(0.1, 10.0, 5 if quick else 42)
    return {
        "lr": [float(f"{value:.4g}") for value in lr],
        "weight_scale": [float(f"{value:.4g}") for value in weight_scale],
        "budgets": [3**power for power in range(3 if quick else 5)],
    }


def surface_errors(settings: Sequence[tuple[float, float]], budgets: Sequence[int], *, seed: int) -> list[Errors]:
    """Return the validation errors of some settings after each budget, trained in one stack; None if diverged.

    The network has one hidden layer of ten sigmoid units and learns two Gaussians, n = 100, in batches of 25 with a
    constant learning rate, so that a run of 27 epochs is the beginning of one of 81.

    Parameters
    ----------
    settings : sequence of (float, float)
        Learning rate, and factor of all initial weights and biases.
    budgets : sequence of int
        Epochs, ascending.
    seed : int
        Of the data, the initial weights and the batch order.

    Examples
    --------
    >>> early, late = surface_errors([(0.05, 1.0), (1.0, 1.0)], (1, 27), seed=0)
    >>> early[1] < early[0], late
    (True, [None, None])
    """
    models = [mlp(WIDTHS, seed=seed) for _ in settings]
    with torch.no_grad():
        for model, (_, scale) in zip(models, settings, strict=True):
            for parameter in model.parameters():
                parameter.mul_(scale)
    histories = fit_stacked(
        models,
        load(seed=seed, **DATA),
        seed=seed,
        lr=[lr for lr, _ in settings],
        **TRAINING,
        epochs=budgets[-1],
        stop_at_zero_errors=False,
        evaluate_every=budgets,
        group_size=_GROUP,
        device="cpu",
        progress=False,
    )
    errors = []
    for run in histories:
        end = run.diverged_at if run.status == "diverged" else math.inf
        seen = zip(run.epoch, run.update, run.validation_errors, strict=True)
        kept = {epoch: int(wrong) for epoch, update, wrong in seen if update < end}
        errors.append([kept.get(budget) for budget in budgets])
    return errors


def write_surface(folder: Path, *, profile: str, seeds: int | None, workers: int) -> str:
    """Make the seeds that ``FOLDER/search.csv`` lacks, write the table after each, and return what it holds.

    Parameters
    ----------
    folder : Path
    profile : {"quick", "laptop"}
        Quick: 30 settings and two seeds, in seconds. Laptop: 2,016 settings and ten seeds, in
        minutes.
    seeds : int, optional
        Only the seeds below this number.
    workers : int
        Processes; each makes a seed.

    Raises
    ------
    JournalError
        If there is a table of another grid or problem, or one that was edited.
    """
    grid = _grid(profile)
    made = _finished(folder, grid)
    wanted = range(min(seeds or 10, 2 if profile == "quick" else 10))
    missing = [seed for seed in wanted if seed not in made]
    for seed, machine, lines in in_workers(functools.partial(_make, grid=grid), missing, workers=workers):
        made[seed] = machine, lines
        _write(folder, grid, made)
    return f"{len(made)} seeds in {folder / f'{SURFACE}.csv'}, {len(missing)} of them new"


def _make(seed: int, grid: dict[str, list[Any]]) -> tuple[int, Machine, list[str]]:
    torch.set_num_threads(1)
    machine = describe()
    settings = [(lr, scale) for lr in grid["lr"] for scale in grid["weight_scale"]]
    errors = surface_errors(settings, grid["budgets"], seed=seed)
    lines = [
        ",".join([f"{seed},{lr:.4g},{scale:.4g}", *("" if count is None else str(count) for count in counts)])
        for (lr, scale), counts in zip(settings, errors, strict=True)
    ]
    return seed, machine, lines


def _described(grid: dict[str, list[Any]]) -> dict[str, Any]:
    """Return what a table must share with another one to be continued: what was trained, and on which grid."""
    training = {"widths": list(WIDTHS), "loss": "cubic hinge", "schedule": "constant", **TRAINING}
    return {"format": 1, "data": DATA, "training": training, "grid": grid}


def _write(folder: Path, grid: dict[str, list[Any]], made: Made) -> None:
    header = ",".join(["seed", "lr", "weight_scale", *map(str, grid["budgets"])])
    content = "\n".join([header, *(line for seed in sorted(made) for line in made[seed][1]), ""]).encode()
    manifest = _described(grid) | {
        "sha256": hashlib.sha256(content).hexdigest(),
        "seeds": {seed: machine_hash(made[seed][0]) for seed in sorted(made)},
        "machines": {machine_hash(machine): machine for machine, _ in made.values()},
    }
    folder.mkdir(parents=True, exist_ok=True)
    _tools.write_atomically(folder / f"{SURFACE}.csv", content)
    _tools.write_atomically(folder / f"{SURFACE}_manifest.json", (json.dumps(manifest, indent=1) + "\n").encode())


def _finished(folder: Path, grid: dict[str, list[Any]]) -> Made:
    """Return the machine and the lines of each seed in the table that is there; none if there is no table."""
    table = folder / f"{SURFACE}.csv"
    if not table.exists():
        return {}
    content = table.read_bytes().replace(b"\r\n", b"\n")
    try:
        manifest = json.loads((folder / f"{SURFACE}_manifest.json").read_text(encoding="utf-8"))
        kept = manifest["sha256"] == hashlib.sha256(content).hexdigest()
        same = {name: manifest[name] for name in _described(grid)} == _described(grid)
        made_by = {int(seed): manifest["machines"][machine] for seed, machine in manifest["seeds"].items()}
    except (OSError, ValueError, KeyError) as error:
        raise JournalError(f"expected the manifest of {table}, got {error}: choose another --out") from error
    if not (kept and same):
        what = "one of another grid or problem" if kept else "one that differs from its manifest"
        raise JournalError(f"expected a table of this code in {table}, got {what}: choose another --out")
    lines = content.decode().splitlines()[1:]
    return {seed: (made_by[seed], [line for line in lines if line.startswith(f"{seed},")]) for seed in made_by}
