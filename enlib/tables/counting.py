"""Runs that explode: when they do, how many, and how many more in one arm of a pair than in the other."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from enlib import _tools
from enlib.statistics import Share, signed_rank, wilson
from enlib.tables.selection import Row

Pair = tuple[Row, Row]

EVENTS = ("spikes", "diverges")
_RECIPE = (
    "data", "inner", "outer", "shift", "train", "standardize", "model", "exponential", "optimizer", "lr", "schedule",
    "lam", "epochs", "batch_size", "seed",
)  # fmt: skip


def moment(row: Row, event: str) -> float:
    """Return when a run first spiked, or diverged, as a fraction of its training; NaN if it never did.

    A run that diverges has spiked at the latest then: where `happened` is true, there is a moment, and only there.

    Parameters
    ----------
    row : dict
        See `enlib.replication.read_rows`.
    event : {"spikes", "diverges"}

    Raises
    ------
    ValueError
        If the event is another one.

    Examples
    --------
    >>> row = {"epochs": 10, "train_size": 250, "batch_size": 100, "first_spike": 6.0, "diverged_at": 15.0}
    >>> moment(row, "spikes"), moment(row, "diverges")
    (0.2, 0.5)
    """
    _tools.known("event", event, EVENTS)
    end = row["diverged_at"]
    at = np.fmin(row["first_spike"], end) if event == "spikes" else end
    return float(at / (row["epochs"] * math.ceil(row["train_size"] / row["batch_size"])))


def happened(row: Row, event: str) -> bool:
    """Return whether a run spiked, or diverged.

    A run that diverges has spiked at the latest then, even if no batch loss was seen to jump: its training loss may
    overflow after an epoch of calm batches.

    Parameters
    ----------
    row : dict
        With ``first_spike`` and ``status``: a run of the replication, or one of `enlib.replication.studies`.
    event : {"spikes", "diverges"}

    Raises
    ------
    ValueError
        If the event is another one.

    Examples
    --------
    >>> run = {"first_spike": float("nan"), "status": "diverged"}
    >>> happened(run, "spikes"), happened(run | {"status": "converged"}, "spikes")
    (True, False)
    """
    _tools.known("event", event, EVENTS)
    diverged = bool(row["status"] == "diverged")
    return diverged or (event == "spikes" and not math.isnan(row["first_spike"]))


def tuned(rows: Iterable[Row]) -> list[Row]:
    """Return the runs behind Tables 1 to 3."""
    return [row for row in rows if row["measure"] != "noise" and row["optimizer"] == "adam"]


def share(rows: Sequence[Row], event: str) -> Share:
    """Return the share of runs in which it happened, with Wilson's interval, which takes them for independent.

    Raises
    ------
    ValueError
        If there are no runs.
    """
    return wilson(sum(happened(row, event) for row in rows), len(rows))


def percent(part: Share) -> str:
    """Return a share and its interval in per cent, as text.

    Examples
    --------
    >>> percent(wilson(1, 3))
    '33 [6, 79]'
    """
    return f"{100 * part.share:.0f} [{100 * part.low:.0f}, {100 * part.high:.0f}]"


def twins(rows: Iterable[Row], column: str, first: object, second: object) -> list[Pair]:
    """Return the pairs of runs that share everything but one setting.

    Runs without the neuron have no lambda: one of them is the twin of several with it.

    Parameters
    ----------
    rows : iterable of dict
    column : str
        The setting, such as ``"exponential"``, ``"schedule"`` or ``"standardize"``.
    first, second
        Its two values.

    Raises
    ------
    ValueError
        If no run has such a setting.
    """
    _tools.known("setting", column, _RECIPE)
    changed = {column, "lam"} if column == "exponential" else {column}
    fixed = [name for name in _RECIPE if name not in changed]
    listed = list(rows)
    firsts = {tuple(row[name] for name in fixed): row for row in listed if row[column] == first}
    pairs = [(firsts.get(tuple(row[name] for name in fixed)), row) for row in listed if row[column] == second]
    return [(before, after) for before, after in pairs if before is not None]


def discordant(pairs: Iterable[Pair], event: str) -> tuple[int, int]:
    """Return in how many pairs it happened in the first run alone, and in how many in the second alone."""
    both = [(happened(first, event), happened(second, event)) for first, second in pairs]
    return both.count((True, False)), both.count((False, True))


def by_seed(pairs: Iterable[Pair], event: str) -> list[int]:
    """Return for each seed in how many more of the second runs it happened than in the first."""
    more: dict[int, int] = {}
    for first, second in pairs:
        more[first["seed"]] = more.get(first["seed"], 0) + happened(second, event) - happened(first, event)
    return [more[seed] for seed in sorted(more)]


@dataclass(frozen=True)
class Change:
    """What a setting changes: shares before and after, discordant pairs, and the signed-rank test of the seeds."""

    before: Share
    after: Share
    prevented: int
    new: int
    p: float
    direction: int

    @property
    def verdict(self) -> str:
        """The change in a word; "undecided" is a p of 0.05 or more, and nothing else."""
        if not self.p < 0.05:
            return "undecided"
        return "fewer" if self.direction < 0 else "more"


def change(pairs: Sequence[Pair], event: str) -> Change:
    """Return what the second setting of the pairs changes.

    Runs of one seed share their data, so the seeds are what is tested: for each, the difference of `by_seed`.

    Raises
    ------
    ValueError
        If there are no pairs.
    """
    before, after = (share([pair[i] for pair in pairs], event) for i in (0, 1))
    test = signed_rank(by_seed(pairs, event))
    return Change(before, after, *discordant(pairs, event), test.p, test.direction)
