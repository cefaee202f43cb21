"""A complete table for hyper-parameter search: every setting of a grid, trained for every budget, with seeds.

A run has no row of its own: of 80,640 of them, the journal's table would take 28 MB. The table has a line for each
seed and setting, with the validation errors after each budget; `surface_recipe` says what any of its runs did.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from enlib import _tools
from enlib.replication.journal import JournalError
from enlib.replication.machine import describe, machine_hash
from enlib.replication.pool import in_workers
from enlib.replication.recipe import PROTOCOL, Recipe
from enlib.replication.runs import load_data, network
from enlib.training import fit_stacked

SURFACE = "search"
_SHARED: dict[str, Any] = {
    "data": "gaussians", "shift": 0.3, "train": 200, "model": "fc1", "optimizer": "sgd", "batch_size": 25,
}  # fmt: skip
Lines = list[str]


def _spread(low: float, high: float, number: int) -> list[float]:
    """Return numbers evenly spaced on a logarithmic scale, with the four digits that the table shows."""
    return [float(f"{value:.4g}") for value in np.geomspace(low, high, number)]


def _grid(profile: str) -> dict[str, list[Any]]:
    quick = _tools.known("profile", profile, ("quick", "laptop")) == "quick"
    return {
        "seed": list(range(2 if quick else 10)),
        "lr": _spread(1e-4, 1.0, 6 if quick else 48),
        "weight_scale": _spread(0.1, 10.0, 5 if quick else 42),
        "epochs": [3**power for power in range(3 if quick else 5)],
    }


def surface_recipe(lr: float, weight_scale: float, *, epochs: int, seed: int) -> Recipe:
    """Return one run of the table: two Gaussians, n = 200, descent in batches of 25 with a constant learning rate.

    Parameters
    ----------
    lr : float
        Learning rate.
    weight_scale : float
        Factor of the initial weights and biases.
    epochs, seed : int

    Examples
    --------
    >>> surface_recipe(0.03, 1.0, epochs=81, seed=0).problem
    'gaussians-0.3-200-sgd'
    """
    return Recipe(**_SHARED, lr=lr, weight_scale=weight_scale, epochs=epochs, seed=seed)


def surface_errors(recipes: Sequence[Recipe]) -> list[int | None]:
    """Return the validation errors of runs of one seed and one budget, trained in one stack; None if diverged."""
    first = recipes[0]
    data = load_data(first)
    histories = fit_stacked(
        [network(recipe, data) for recipe in recipes],
        data,
        seed=first.seed,
        optimizer=first.optimizer,
        lr=[recipe.lr for recipe in recipes],
        batch_size=first.batch_size,
        epochs=first.epochs,
        stop_at_zero_errors=False,
        evaluate_every=first.epochs,
        device="cpu",
        progress=False,
    )
    return [None if run.status == "diverged" else int(run.validation_errors[-1]) for run in histories]


def write_surface(folder: Path, *, profile: str, seeds: int | None, workers: int) -> str:
    """Make the seeds that ``FOLDER/search.csv`` lacks, write the table after each, and return what it holds.

    Parameters
    ----------
    folder : Path
    profile : {"quick", "laptop"}
        Quick: 30 settings in seconds. Laptop: 2,016 settings, five budgets and ten seeds, in 20 minutes of one core.
    seeds : int, optional
        Only the seeds below this number.
    workers : int
        Processes; each makes a seed.

    Raises
    ------
    JournalError
        If there is a table that was not made by this code, or was edited.
    """
    grid = _grid(profile)
    wanted = [seed for seed in grid["seed"] if seeds is None or seed < seeds]
    made = _finished(folder, grid)
    missing = [seed for seed in wanted if str(seed) not in made]
    for seed, machine, lines in in_workers(functools.partial(_make, grid=grid), missing, workers=workers):
        made[str(seed)] = machine, lines
        _write(folder, grid, made)
    return f"{len(made)} seeds in {folder / f'{SURFACE}.csv'}, {len(missing)} of them new"


def _make(seed: int, grid: dict[str, list[Any]]) -> tuple[int, dict[str, Any], Lines]:
    torch.set_num_threads(1)
    machine = describe()
    settings = [(lr, scale) for scale in grid["weight_scale"] for lr in grid["lr"]]
    columns = [
        surface_errors([surface_recipe(*setting, epochs=epochs, seed=seed) for setting in settings])
        for epochs in grid["epochs"]
    ]
    return (
        seed,
        machine,
        [
            ",".join([f"{seed},{lr:.4g},{scale:.4g}", *("" if errors is None else str(errors) for errors in row)])
            for (lr, scale), *row in zip(settings, *columns, strict=True)
        ],
    )


def _described(grid: dict[str, list[Any]]) -> dict[str, Any]:
    """Return what a table must share with another one to be continued: what was trained, and on which grid."""
    shared = surface_recipe(1.0, 1.0, epochs=1, seed=0).row()
    settings = {name: values for name, values in grid.items() if name != "seed"}
    recipe = {name: value for name, value in shared.items() if name not in grid}
    return {"format": 1, "protocol": PROTOCOL, "recipe": recipe, "grid": settings}


def _write(folder: Path, grid: dict[str, list[Any]], made: dict[str, tuple[dict[str, Any], Lines]]) -> None:
    by_seed = sorted(made, key=int)
    header = ",".join(["seed", "lr", "weight_scale", *map(str, grid["epochs"])])
    content = "\n".join([header, *(line for seed in by_seed for line in made[seed][1]), ""]).encode()
    machines = {machine_hash(made[seed][0]): made[seed][0] for seed in by_seed}
    manifest = _described(grid) | {
        "sha256": hashlib.sha256(content).hexdigest(),
        "machines": machines,
        "made_by": {seed: machine_hash(made[seed][0]) for seed in by_seed},
    }
    folder.mkdir(parents=True, exist_ok=True)
    # The table first: without its manifest it is not continued, and nothing else is lost.
    _tools.write_atomically(folder / f"{SURFACE}.csv", content)
    _tools.write_atomically(folder / f"{SURFACE}_manifest.json", (json.dumps(manifest, indent=1) + "\n").encode())


def _finished(folder: Path, grid: dict[str, list[Any]]) -> dict[str, tuple[dict[str, Any], Lines]]:
    """Return the machine and the lines of each seed in the table that is there; none if there is no table."""
    table = folder / f"{SURFACE}.csv"
    if not table.exists():
        return {}
    content = table.read_bytes().replace(b"\r\n", b"\n")
    try:
        manifest = json.loads((folder / f"{SURFACE}_manifest.json").read_text(encoding="utf-8"))
        kept = manifest["sha256"] == hashlib.sha256(content).hexdigest()
        same = {name: manifest[name] for name in _described(grid)} == _described(grid)
    except (OSError, ValueError, KeyError) as error:
        raise JournalError(f"expected the manifest of {table}, got {error}: choose another --out") from error
    if not (kept and same):
        what = "another grid, problem or protocol" if kept else "one that differs from its manifest"
        raise JournalError(f"expected a table of this code in {table}, got {what}: choose another --out")
    return {
        seed: (manifest["machines"][machine], _of_seed(content.decode().splitlines()[1:], seed))
        for seed, machine in manifest["made_by"].items()
    }


def _of_seed(lines: Iterable[str], seed: str) -> Lines:
    return [line for line in lines if line.startswith(f"{seed},")]
