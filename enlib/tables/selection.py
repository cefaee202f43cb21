"""The runs behind a table, and the choice of each arm's best trial by a stated criterion."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from enlib import _tools

Row = Mapping[str, Any]
"""A run: a row of `enlib.replication.read_rows`, from column name to value."""

Score = Callable[[Row], tuple[float, ...]]
Array = npt.NDArray[np.float64]

ARMS = {False: "without", True: "with"}
"""From a row's ``exponential`` to what tables call the arm."""

_SETTING = ("lr", "schedule", "lam")
_COLUMNS = ("problem", "seed", "exponential", *_SETTING, "measure", "optimizer", "status")


def checked(rows: Iterable[Row]) -> list[Row]:
    """Return the rows as a list, after checking that they are runs of the replication; `read_rows` checks the rest.

    Raises
    ------
    ValueError
        If a column that every run of the replication has is missing.
    """
    rows = list(rows)
    missing = next((name for row in rows for name in _COLUMNS if name not in row), None)
    if missing:
        raise ValueError(f"expected column {missing!r} in every row, got none: pass enlib.replication.read_rows(...)")
    return rows


def tuned(rows: Iterable[Row]) -> list[Row]:
    """Return the runs behind Tables 1 to 3: those with Adam, without the stability experiments."""
    return [row for row in checked(rows) if row["measure"] != "noise" and row["optimizer"] == "adam"]


def problems(rows: Iterable[Row], printed: Iterable[str]) -> list[str]:
    """Return the problems of a table: those that the report prints, or all if the rows have none of these.

    Parameters
    ----------
    rows : iterable of dict
        All runs; see `enlib.replication.read_rows`.
    printed : iterable of str
        The problems of a table of the report, such as `enlib.tables.published.SPEED`.
    """
    found = list(dict.fromkeys(row["problem"] for row in tuned(rows)))
    return [problem for problem in printed if problem in found] or found


def label(problem: str) -> str:
    """Return a problem's name as tables print it; any other name is returned unchanged.

    Examples
    --------
    >>> label("spheres-1.01-10000"), label("gaussians-0.1-15000"), label("mnist-1v7")
    ('spheres 1/1.01, n = 10000', 'Gaussians 0.1, n = 15000', 'MNIST, 1 and 7')
    """
    images = {"mnist-1v7": "MNIST, 1 and 7", "cifar10-0v1": "CIFAR-10, 0 and 1", "digits-1v7": "digits, 1 and 7"}
    match problem.split("-"):
        case ["spheres", outer, size, *how]:
            return ", ".join([f"spheres 1/{outer}, n = {size}", *how])
        case ["gaussians", shift, size, *how]:
            return ", ".join([f"Gaussians {shift}, n = {size}", *how])
    return images.get(problem, problem)


def quality(row: Row) -> tuple[float, ...]:
    """Return the rank of a trial by training errors, then training loss, at the end; diverged trials come last."""
    return row["status"] == "diverged", row["train_errors"], _nan_last(row["train_loss"])


def speed(row: Row) -> tuple[float, ...]:
    """Return the rank of a trial by its epochs to zero training errors; trials that never reach it come last."""
    return (_nan_last(row["epochs_to_zero"]),)


def generalization(row: Row) -> tuple[float, ...]:
    """Return the rank of a trial by validation errors, then validation loss.

    Trials that diverged, or never had zero training errors, come last: their first entry is True. The test split
    plays no part.
    """
    failed = row["status"] == "diverged" or math.isnan(row["epochs_to_zero"])
    return failed, row["validation_errors"], _nan_last(row["validation_loss"])


@dataclass(frozen=True)
class Pairs:
    """The chosen trial of each arm, for each seed of a problem.

    Attributes
    ----------
    problem : str
    seeds : list of int
    without, with_neuron : list of dict
        Rows in the order of the seeds.
    trials : int
        Number of trials among which each was chosen.
    incomplete : int
        Number of seeds left out because trials are missing.
    """

    problem: str
    seeds: list[int]
    without: list[Row]
    with_neuron: list[Row]
    trials: int
    incomplete: int = 0

    def __len__(self) -> int:
        return len(self.seeds)

    def subset(self, indices: Iterable[int]) -> Pairs:
        """Return the pairs at these indices alone."""
        kept = list(indices)
        seeds = [self.seeds[i] for i in kept]
        without, with_neuron = ([arm[i] for i in kept] for arm in (self.without, self.with_neuron))
        return replace(self, seeds=seeds, without=without, with_neuron=with_neuron)

    def values(self, column: str) -> tuple[Array, Array]:
        """Return one column of both arms, each an array of shape (seeds,)."""
        without, with_neuron = (
            np.array([row[column] for row in arm], dtype=float) for arm in (self.without, self.with_neuron)
        )
        return without, with_neuron


def choose(rows: Iterable[Row], problem: str, score: Score, *, by: str = "own") -> Pairs:
    """Return the best trial for each seed and arm of a problem.

    Parameters
    ----------
    rows : iterable of dict
        All runs; see `enlib.replication.read_rows`.
    problem : str
    score : callable
        `quality`, `speed`, `generalization`, or another function of a row; the smallest is the best.
    by : {"own", "others"}
        ``"own"`` chooses the best trial of each seed, as the report does: each number is then the best of all
        tries. ``"others"`` chooses, for each seed, the setting with the best mean rank on the other seeds: the result
        for someone who tunes on other data.

    Returns
    -------
    Pairs
        Only seeds with all their trials in both arms.

    Raises
    ------
    ValueError
        If there is no such seed, ``by`` is unknown, or runs differ in more than learning rate, schedule and lambda.

    Examples
    --------
    >>> runs = [
    ...     {"problem": "p", "seed": 0, "exponential": e, "lr": lr, "schedule": "constant", "lam": 0.0,
    ...      "epochs_to_zero": 10 + 100 * lr + e} for e in (False, True) for lr in (0.1, 0.2)]
    >>> choose(runs, "p", speed).values("epochs_to_zero")
    (array([20.]), array([21.]))
    """
    _tools.known("by", by, ("own", "others"))
    rows = list(rows)
    found = choose_any(rows, problem, score, by=by)
    if not found.seeds:
        known = sorted({row["problem"] for row in rows})
        raise ValueError(
            f"expected runs of both arms of {problem}, got none that are complete among {known}: finish them "
            "with python -m enlib replicate"
        )
    return found


def choose_any(rows: Iterable[Row], problem: str, score: Score, *, by: str) -> Pairs:
    """Return the pairs that `choose` returns, of which there may be none."""
    arms: dict[tuple[int, bool], list[Row]] = defaultdict(list)
    for row in rows:
        if row["problem"] == problem:
            arms[row["seed"], row["exponential"]].append(row)
    for (seed, _), mine in arms.items():
        if len(set(map(_setting, mine))) < len(mine):
            raise ValueError(
                f"expected one run per learning rate, schedule and lambda of {problem}, got more for seed {seed}: "
                "pass runs that differ in nothing else"
            )
    trials = max((len(arm) for arm in arms.values()), default=0)
    everyone = {seed for seed, _ in arms}
    seeds = sorted(s for s in everyone if all(len(arms.get((s, arm), [])) == trials for arm in ARMS))
    choice = _best_on_own if by == "own" else _best_on_others
    without, with_neuron = ([*choice([arms[s, arm] for s in seeds], score)] for arm in ARMS)
    return Pairs(problem, seeds, without, with_neuron, trials, len(everyone) - len(seeds))


def _best_on_own(trials: list[list[Row]], score: Score) -> list[Row]:
    """Return for each seed its best trial."""
    return [min(mine, key=score) for mine in trials]


def _best_on_others(trials: list[list[Row]], score: Score) -> list[Row]:
    """Return for each seed the trial whose setting has the best mean rank on the other seeds."""
    if not trials:
        return []
    settings = [_setting(row) for row in trials[0]]
    by_setting = [{_setting(row): row for row in mine} for mine in trials]
    ranks = np.array([_ranks([score(mine[setting]) for setting in settings]) for mine in by_setting])
    chosen = []
    for index, mine in enumerate(by_setting):
        others = np.delete(ranks, index, axis=0) if len(trials) > 1 else ranks
        chosen.append(mine[settings[int(others.mean(axis=0).argmin())]])
    return chosen


def _ranks(scores: list[tuple[float, ...]]) -> list[float]:
    """Return ranks from 0; equal scores share the mean of theirs."""
    return [sum(s < mine for s in scores) + (scores.count(mine) - 1) / 2 for mine in scores]


def _setting(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in _SETTING)


def _nan_last(value: float) -> float:
    return math.inf if math.isnan(value) else value
