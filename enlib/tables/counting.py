"""Runs that spike or diverge: when they do, how many do, and how many more in one arm of a pair than in the other."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from enlib import _tools
from enlib.statistics import Share, signed_rank, wilson
from enlib.tables.selection import Row, order_of

Pair = tuple[Row, Row]

EVENTS = ("spikes", "diverges")
_SETTINGS = (
    "data", "inner", "outer", "shift", "train", "standardize", "model", "exponential", "optimizer", "lr", "schedule",
    "lam", "epochs", "batch_size", "seed", "order",
)  # fmt: skip


def moment(row: Row, event: str) -> float:
    """Return when a run first spiked, or diverged, as a fraction of its training; NaN if it never did.

    A run that diverges without an earlier spike counts as spiking when it diverges, so a run has a moment exactly
    if `happened` is true of it.

    Parameters
    ----------
    row : dict
        See `enlib.replication.read_rows`.
    event : {"spikes", "diverges"}

    Raises
    ------
    ValueError
        If the event is unknown.

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

    A run that diverges counts as spiking even if no batch loss was seen to jump: its training loss may overflow after
    an epoch of calm batches.

    Parameters
    ----------
    row : dict
        With ``first_spike`` and ``status``: a run of the replication, or of one of its studies.
    event : {"spikes", "diverges"}

    Raises
    ------
    ValueError
        If the event is unknown.

    Examples
    --------
    >>> run = {"first_spike": float("nan"), "status": "diverged"}
    >>> happened(run, "spikes"), happened(run | {"status": "converged"}, "spikes")
    (True, False)
    """
    _tools.known("event", event, EVENTS)
    diverged = bool(row["status"] == "diverged")
    return diverged or (event == "spikes" and not math.isnan(row["first_spike"]))


def share(rows: Sequence[Row], event: str) -> Share:
    """Return the share of runs in which the event happened, with Wilson's interval, which takes runs as independent.

    Raises
    ------
    ValueError
        If there are no runs.
    """
    return wilson(sum(happened(row, event) for row in rows), len(rows))


def twins(rows: Iterable[Row], setting: str, first: object, second: object) -> list[Pair]:
    """Return the pairs of runs that have everything in common but one setting.

    Runs without the neuron have no lambda: one of them may be the twin of several with it.

    Parameters
    ----------
    rows : iterable of dict
        See `enlib.replication.read_rows`.
    setting : str
        Column that differs, such as ``"exponential"``, ``"schedule"`` or ``"standardize"``.
    first, second
        Its two values.

    Raises
    ------
    ValueError
        If ``setting`` is not a setting of a run, or runs differ in a setting that tables do not know.
    """
    _tools.known("setting", setting, _SETTINGS)
    changed = {setting, "lam"} if setting == "exponential" else {setting}
    fixed = [name for name in _SETTINGS if name not in changed]
    listed = list(rows)

    def others(row: Row) -> tuple[object, ...]:
        return tuple(order_of(row) if name == "order" else row[name] for name in fixed)

    firsts = {others(row): row for row in listed if row[setting] == first}
    if len(firsts) < sum(row[setting] == first for row in listed):
        raise ValueError(f"expected one run with {setting}={first!r} of each kind, got more: pass runs of one study")
    pairs = [(firsts.get(others(row)), row) for row in listed if row[setting] == second]
    return [(before, after) for before, after in pairs if before is not None]


def sides(pairs: Iterable[Pair]) -> tuple[list[Row], list[Row]]:
    """Return the first runs of the pairs and the second ones, each run once, however many pairs it is in."""
    listed = list(pairs)
    first, second = (list({id(pair[i]): pair[i] for pair in listed}.values()) for i in (0, 1))
    return first, second


def discordant(pairs: Iterable[Pair], event: str) -> tuple[int, int]:
    """Return in how many pairs the event happened in the first run alone, and in how many in the second alone."""
    both = [(happened(first, event), happened(second, event)) for first, second in pairs]
    return both.count((True, False)), both.count((False, True))


def surplus(pairs: Iterable[Pair], event: str) -> list[int]:
    """Return, for each seed in order, how many more of the second runs than of the first have the event."""
    more: Counter[int] = Counter()
    for first, second in pairs:
        more[first["seed"]] += happened(second, event) - happened(first, event)
    return [more[seed] for seed in sorted(more)]


@dataclass(frozen=True)
class Change:
    """What a setting changes: shares before and after, discordant pairs, and the signed-rank test on the seeds."""

    before: Share
    after: Share
    prevented: int
    new: int
    p: float
    direction: int

    @property
    def verdict(self) -> str:
        """The change in a word; "undecided" means only that p is 0.05 or more."""
        if not self.p < 0.05:
            return "undecided"
        return "fewer" if self.direction < 0 else "more"


def change(pairs: Sequence[Pair], event: str) -> Change:
    """Return what the second setting of the pairs changes.

    Runs of one seed share their data, so the test is on the seeds: for each, how many more of the second runs than of
    the first have the event.

    Parameters
    ----------
    pairs : sequence of pairs of dict
        From `twins`.
    event : {"spikes", "diverges"}

    Raises
    ------
    ValueError
        If there are no pairs.
    """
    before, after = (share(side, event) for side in sides(pairs))
    test = signed_rank(surplus(pairs, event))
    return Change(before, after, *discordant(pairs, event), test.p, test.direction)
