"""Which of an arm's trials speaks for it: the best one, by a criterion named before."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Row = Mapping[str, Any]
Score = Callable[[Row], tuple[float, ...]]
Array = npt.NDArray[np.float64]


def quality(row: Row) -> tuple[float, ...]:
    """Order trials by their training errors at the end, then by their loss there; diverged ones come last."""
    return row["status"] == "diverged", row["train_errors"], _last(row["train_loss"])


def speed(row: Row) -> tuple[float, ...]:
    """Order trials by the epochs they took to zero training errors; those that never got there come last."""
    return (_last(row["epochs_to_zero"]),)


def generalization(row: Row) -> tuple[float, ...]:
    """Order trials that reached zero training errors and did not diverge by validation errors, then loss.

    The test split has no part in it.
    """
    failed = row["status"] == "diverged" or math.isnan(row["epochs_to_zero"])
    return failed, row["validation_errors"], _last(row["validation_loss"])


def _last(value: float) -> float:
    return math.inf if math.isnan(value) else value


@dataclass(frozen=True)
class Pairs:
    """For each seed one row of each arm: what stands in a cell of a table.

    Parameters
    ----------
    problem : str
    seeds : list of int
    without, with_neuron : list of dict
        In the order of the seeds.
    trials : int
        Among how many each was chosen.
    """

    problem: str
    seeds: list[int]
    without: list[Row]
    with_neuron: list[Row]
    trials: int

    def __len__(self) -> int:
        return len(self.seeds)

    def subset(self, places: Iterable[int]) -> Pairs:
        """Return the pairs at these places alone."""
        kept = list(places)
        without, with_neuron = ([arm[i] for i in kept] for arm in (self.without, self.with_neuron))
        return Pairs(self.problem, [self.seeds[i] for i in kept], without, with_neuron, self.trials)

    def values(self, column: str) -> tuple[Array, Array]:
        """Return one column of both arms, each of shape (seeds,)."""
        without, with_neuron = (
            np.array([row[column] for row in arm], dtype=float) for arm in (self.without, self.with_neuron)
        )
        return without, with_neuron


def choose(rows: Iterable[Row], problem: str, score: Score, *, by: str = "own") -> Pairs:
    """Choose a trial for each seed and arm of a problem.

    Parameters
    ----------
    rows : iterable of dict
        All runs; see `enlib.replication.read_rows`.
    problem : str
    score : callable
        `quality`, `speed`, `generalization` or another; the smallest is the best.
    by : {"own", "others"}
        ``"own"`` takes the best trial of each seed, as the report does: each number is then the best of as many
        tries. ``"others"`` takes, for each seed, the setting that was best on the other seeds, in the mean of its
        rank: how it goes for someone who has tuned on other data.

    Returns
    -------
    Pairs
        Of the seeds whose trials are there in both arms, the same number for each.

    Raises
    ------
    ValueError
        If there is no such pair.

    Examples
    --------
    >>> runs = [
    ...     {"problem": "p", "seed": 0, "exponential": e, "lr": lr, "schedule": "constant", "lam": 0.0,
    ...      "epochs_to_zero": 10 + 100 * lr + e} for e in (False, True) for lr in (0.1, 0.2)]
    >>> choose(runs, "p", speed).values("epochs_to_zero")
    (array([20.]), array([21.]))
    """
    rows = list(rows)
    arms: dict[tuple[int, bool], list[Row]] = defaultdict(list)
    for row in rows:
        if row["problem"] == problem:
            arms[row["seed"], row["exponential"]].append(row)
    trials = max((len(arm) for arm in arms.values()), default=0)
    seeds = sorted(s for s, e in arms if e and all(len(arms.get((s, arm), [])) == trials for arm in (False, True)))
    if not seeds:
        known = sorted({row["problem"] for row in rows})
        raise ValueError(
            f"expected runs of both arms of {problem}, got none that are complete among {known}: finish "
            "them with python -m enlib replicate"
        )
    if by == "own":
        best = {key: min(arms[key], key=score) for key in arms}
    elif by == "others":
        best = {}
        for arm in (False, True):
            best |= {(s, arm): row for s, row in _tuned_on_others(arms, seeds, arm, score).items()}
    else:
        raise ValueError(f"expected by to be 'own' or 'others', got {by!r}: see the docstring")
    return Pairs(problem, seeds, [best[s, False] for s in seeds], [best[s, True] for s in seeds], trials)


def _tuned_on_others(
    arms: Mapping[tuple[int, bool], list[Row]], seeds: list[int], arm: bool, score: Score
) -> dict[int, Row]:
    """Return for each seed the row of the setting with the best mean rank on the other seeds."""
    settings = [_setting(row) for row in arms[seeds[0], arm]]
    by_setting = {s: {_setting(row): row for row in arms[s, arm]} for s in seeds}
    ranks = np.array([_ranks([score(by_setting[s][setting]) for setting in settings]) for s in seeds])
    chosen = {}
    for place, s in enumerate(seeds):
        others = np.delete(ranks, place, axis=0) if len(seeds) > 1 else ranks
        chosen[s] = by_setting[s][settings[int(others.mean(axis=0).argmin())]]
    return chosen


def _ranks(scores: list[tuple[float, ...]]) -> list[float]:
    """Return ranks from 0, equal scores sharing the mean of theirs."""
    return [sum(s < mine for s in scores) + (scores.count(mine) - 1) / 2 for mine in scores]


def _setting(row: Row) -> tuple[Any, ...]:
    return row["lr"], row["schedule"], row["lam"]
