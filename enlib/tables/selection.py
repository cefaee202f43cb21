"""The runs behind a table, and the choice of each arm's best trial by a stated criterion."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from enlib import _tools

Row = Mapping[str, Any]
"""A run: a row of `enlib.replication.read_rows`, from column name to value."""

Score = Callable[[Row], tuple[float, ...]]
Array = npt.NDArray[np.float64]
Setting = tuple[float, int, str, float]

ARMS = {False: "without", True: "with"}
"""From a row's ``exponential`` to what tables call the arm."""

BOTH = ("without", "with")
PLACEBO = ("without", "placebo")
"""The arms of a placebo: the network without the neuron against itself in two other batch orders."""

_FIRST_PLACEBO_ORDER = 2
_COLUMNS = ("problem", "seed", "exponential", "lr", "schedule", "lam", "measure", "optimizer", "status")


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


def arm_of(row: Row) -> str:
    """Return the arm of a run: "with" the neuron; "without" it; or "placebo", without it in batch orders 2 and up."""
    if row["exponential"]:
        return "with"
    return "placebo" if order_of(row) >= _FIRST_PLACEBO_ORDER else "without"


def order_of(row: Row) -> int:
    """Return the batch order of a run, 0 where its table has no such column or an empty cell."""
    return int(row.get("order") or 0)


def tuned(rows: Iterable[Row], arms: Sequence[str] = BOTH, *, optimizer: str = "adam") -> list[Row]:
    """Return the runs of these arms behind Tables 1 to 3, without the stability experiments and other optimizers."""
    return [
        row
        for row in checked(rows)
        if row["measure"] != "noise" and row["optimizer"] == optimizer and arm_of(row) in arms
    ]


def problems(rows: Iterable[Row], printed: Iterable[str]) -> list[str]:
    """Return the problems of a table: those that the report prints, or all if the rows have none of these.

    Parameters
    ----------
    rows : iterable of dict
        All runs; see `enlib.replication.read_rows`.
    printed : iterable of str
        The problems of a table of the report, such as `enlib.tables.published.SPEED`, whose order is kept; without
        any of them, problems come in alphabetical order.
    """
    found = sorted({row["problem"] for row in tuned(rows)})
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
    """The chosen trial of each of two arms, for each seed of a problem.

    Attributes
    ----------
    problem : str
    seeds : list of int
    without, with_neuron : list of dict
        Rows of the first arm and of the second, in the order of the seeds. In a placebo, the second arm stands in
        the neuron's place.
    trials : int
        Number of trials among which each was chosen.
    incomplete : int
        Number of seeds left out because trials are missing.
    edges : (list of int, list of int)
        For each seed and arm, -1 if the choice lies at the lowest learning rate of the arm's grid, 1 if at the
        highest, otherwise 0. A choice lies at an edge if its learning rate is there and no trial inside the grid is
        as good; a grid of one learning rate has no edge.
    arms : (str, str)
    """

    problem: str
    seeds: list[int]
    without: list[Row]
    with_neuron: list[Row]
    trials: int
    incomplete: int
    edges: tuple[list[int], list[int]]
    arms: tuple[str, str]

    def __len__(self) -> int:
        return len(self.seeds)

    def subset(self, indices: Iterable[int]) -> Pairs:
        """Return the pairs at these indices alone."""
        kept = list(indices)
        seeds = [self.seeds[i] for i in kept]
        without, with_neuron = ([arm[i] for i in kept] for arm in (self.without, self.with_neuron))
        first, second = ([arm[i] for i in kept] for arm in self.edges)
        return replace(self, seeds=seeds, without=without, with_neuron=with_neuron, edges=(first, second))

    def values(self, column: str) -> tuple[Array, Array]:
        """Return one column of both arms, each an array of shape (seeds,); NaN where a row has no such column."""
        without, with_neuron = (
            np.array([math.nan if row.get(column) is None else row[column] for row in arm], dtype=float)
            for arm in (self.without, self.with_neuron)
        )
        return without, with_neuron


def choose(
    rows: Iterable[Row], problem: str, score: Score, *, by: str = "own", arms: tuple[str, str] = BOTH
) -> Pairs:
    """Return the best trial for each seed and arm of a problem.

    Ties go to the smallest learning rate, then to the smallest batch order, then to the schedule that comes first in
    the alphabet, then to the smallest lambda. The order of the rows does not matter.

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
        for someone who tunes on other data. A setting is a learning rate, schedule, lambda and batch order.
    arms : (str, str)
        Two of "without", "with" and "placebo"; see `Pairs`. "without" are the runs without the neuron in batch orders
        0 and 1, "placebo" those in orders 2 and above, to be compared with "without" as if they had the neuron.

    Returns
    -------
    Pairs
        Only seeds with all their trials in both arms, the same number in each.

    Raises
    ------
    ValueError
        If there is no such seed, ``by`` or an arm is unknown, or runs differ in more than a setting.

    Examples
    --------
    >>> runs = [
    ...     {"problem": "p", "seed": 0, "exponential": e, "lr": lr, "schedule": "constant", "lam": 0.0,
    ...      "epochs_to_zero": 10 + 100 * lr + e} for e in (False, True) for lr in (0.1, 0.2)]
    >>> choose(runs, "p", speed).values("epochs_to_zero")
    (array([20.]), array([21.]))
    """
    _tools.known("by", by, ("own", "others"))
    for name in arms:
        _tools.known("arm", name, (*BOTH, "placebo"))
    rows = list(rows)
    found = choose_any(rows, problem, score, by=by, arms=arms)
    if not found.seeds:
        known = sorted({row["problem"] for row in rows})
        raise ValueError(
            f"expected runs of both arms of {problem}, got none that are complete among {known}: finish them "
            "with python -m enlib replicate"
        )
    return found


def choose_any(rows: Iterable[Row], problem: str, score: Score, *, by: str, arms: tuple[str, str] = BOTH) -> Pairs:
    """Return the pairs that `choose` returns, of which there may be none."""
    seeds, trials, incomplete = complete_trials(rows, problem, arms)
    (without, edges), (with_neuron, edges_with) = (_best(mine, score, by) for mine in trials)
    count = len(trials[0][0]) if seeds else 0
    return Pairs(problem, seeds, without, with_neuron, count, incomplete, (edges, edges_with), arms)


def complete_trials(
    rows: Iterable[Row], problem: str, arms: tuple[str, str]
) -> tuple[list[int], list[list[list[Row]]], int]:
    """Return the seeds with all their trials in both arms, these trials, and the number of other seeds.

    The trials are lists by arm, seed and setting; those of both arms at one place have the same learning rate,
    schedule and rank of their batch order.
    """
    runs: dict[str, dict[int, list[Row]]] = {arm: defaultdict(list) for arm in arms}
    for row in rows:
        if row["problem"] == problem and arm_of(row) in runs:
            runs[arm_of(row)][row["seed"]].append(row)
    settings: set[tuple[str, Setting]] = set()
    for arm, seeds_of_arm in runs.items():
        for seed, mine in seeds_of_arm.items():
            found = {(arm, _setting(row)) for row in mine}
            if len(found) < len(mine):
                raise ValueError(
                    f"expected one run per learning rate, schedule, lambda and batch order of {problem}, got more "
                    f"for seed {seed}: pass runs that differ in nothing else"
                )
            settings |= found
    most = max(sum(name == arm for name, _ in settings) for arm in arms)
    everyone = sorted({seed for seeds_of_arm in runs.values() for seed in seeds_of_arm})
    seeds = [seed for seed in everyone if all(len(runs[arm].get(seed, [])) == most for arm in arms)]
    trials = [[sorted(runs[arm][seed], key=_setting) for seed in seeds] for arm in arms]
    return seeds, trials, len(everyone) - len(seeds)


def at_shared_setting(rows: Iterable[Row], problem: str, score: Score, arms: tuple[str, str] = BOTH) -> Pairs | None:
    """Return the pairs at the best learning rate and schedule that both arms share inside both grids.

    The best has the smallest sum of ranks over both arms and all seeds, so that exchanging the arms of a seed does
    not change it, and a signed-rank test after this choice keeps its level. At that learning rate and schedule, each
    arm has its best try of each seed. None if no such setting has the same number of tries in both arms.
    """
    runs = [row for row in rows if row["problem"] == problem and arm_of(row) in arms]
    grids = [{row["lr"] for row in runs if arm_of(row) == arm} for arm in arms]
    if not all(grids):
        return None
    low, high = max(map(min, grids)), min(map(max, grids))
    places = sorted({(row["lr"], row["schedule"]) for row in runs if low < row["lr"] < high})
    there = []
    for place in places:
        at_place = [row for row in runs if (row["lr"], row["schedule"]) == place]
        there.append(choose_any(at_place, problem, score, by="own", arms=arms))
    most = max((len(pairs) for pairs in there), default=0)
    there = [pairs for pairs in there if most and len(pairs) == most]
    if not there:
        return None
    summed = [
        ranks([score((pairs.without, pairs.with_neuron)[arm][i]) for pairs in there])
        for arm in (0, 1)
        for i in range(most)
    ]
    return there[int(np.sum(summed, axis=0).argmin())]


def _best(trials: list[list[Row]], score: Score, by: str) -> tuple[list[Row], list[int]]:
    """Return for each seed its chosen trial, and at which edge of the grid it lies; ties go to the first trial."""
    lrs = {row["lr"] for mine in trials for row in mine}
    low, high = min(lrs, default=0.0), max(lrs, default=0.0)
    chosen, edges = [], []
    for mine, keys in zip(trials, _keys(trials, score, by), strict=True):
        smallest = min(keys)
        best = [row for row, key in zip(mine, keys, strict=True) if key == smallest]
        inside = low == high or any(low < row["lr"] < high for row in best)
        chosen.append(best[0])
        edges.append(0 if inside else -1 if best[0]["lr"] == low else 1)
    return chosen, edges


def _keys(trials: list[list[Row]], score: Score, by: str) -> list[list[Any]]:
    """Return what the choice minimizes, for each seed and trial: its score, or its summed rank on the other seeds."""
    scores: list[list[Any]] = [[score(row) for row in mine] for mine in trials]
    if by == "own" or not trials:
        return scores
    own = np.array([ranks(mine) for mine in scores])
    summed: list[list[Any]] = (own.sum(axis=0) - own if len(trials) > 1 else own).tolist()
    return summed


def ranks(scores: list[tuple[float, ...]]) -> list[float]:
    """Return ranks from 0; equal scores share the mean of theirs."""
    return [sum(s < mine for s in scores) + (scores.count(mine) - 1) / 2 for mine in scores]


def _setting(row: Row) -> Setting:
    """Return the setting of a trial, in the order in which ties are broken."""
    return row["lr"], order_of(row), row["schedule"], row["lam"]


def _nan_last(value: float) -> float:
    return math.inf if math.isnan(value) else value
