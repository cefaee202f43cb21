"""A complete table of what every setting gives after every budget, and searches replayed on it."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from enlib import _tools
from enlib.search.searchers import Searcher
from enlib.search.space import Setting, Space

Array = npt.NDArray[np.float64]


class Table:
    """The value of every setting of a grid, after every budget, for some seeds.

    Parameters
    ----------
    space : Space
        Its axes, in this order, are those of the grid; each is evenly spaced in the unit cube, from 0 to 1.
    budgets : sequence of int
        Ascending.
    values : array of shape (seeds, points of axis 1, points of axis 2, ..., budgets)
        Smaller is better.

    Raises
    ------
    ValueError
        If the shape does not fit, there are fewer than two seeds, or a value is not finite.

    Examples
    --------
    >>> table = Table(Space(lr=("log", 0.01, 1.0)), (1, 3), [[[0.5, 0.2], [0.4, 0.1], [0.6, 0.9]]] * 2)
    >>> table.value({"lr": 0.12}, 3, seed=0)
    0.1
    >>> round(table.regret({"lr": 0.02}, seed=0), 3)
    0.1
    """

    def __init__(self, space: Space, budgets: Sequence[int], values: npt.ArrayLike) -> None:
        self.space, self.budgets = space, list(budgets)
        self.values = _tools.array("values", values, finite=True)
        if self.values.ndim != len(space) + 2 or self.values.shape[-1] != len(budgets) or len(self.values) < 2:
            raise ValueError(
                f"expected values of two or more seeds, {len(space)} axes and {len(budgets)} budgets, got shape "
                f"{self.values.shape}: see Table"
            )
        final = self.values[..., -1]
        # Without the seed that a search has seen, so that nothing is judged by the luck that chose it.
        self._others = (final.sum(axis=0) - final) / (len(final) - 1)
        self._best = self._others.reshape(len(final), -1).min(axis=1)

    @classmethod
    def read(cls, path: str | os.PathLike[str], space: Space, *, of: float = 1.0) -> Table:
        """Return the table of a CSV file: columns ``seed``, the axes, and one for each budget, named by it.

        Parameters
        ----------
        path : path
            An empty cell is a run that diverged; it gets the value 1.
        space : Space
        of : float
            What values are divided by, such as the number of samples where the file has counts.

        Raises
        ------
        ValueError
            If a column or a line is missing, or a value of an axis is not where the space has it.
        """
        with Path(path).open(encoding="utf-8", newline="") as file:
            header, *lines = csv.reader(file)
        names = ["seed", *space]
        if header[: len(names)] != names:
            raise ValueError(f"expected the columns {', '.join(names)}, got {', '.join(header)}: name the axes so")
        keys = np.array([line[: len(names)] for line in lines], dtype=float)
        points = [np.unique(column) for column in keys.T]
        shape = tuple(map(len, points))
        if len(lines) != math.prod(shape):
            raise ValueError(f"expected {math.prod(shape)} lines, all combinations, got {len(lines)}: complete it")
        order = np.lexsort(keys.T[::-1])
        found = np.array([[float(cell or of) / of for cell in line[len(names) :]] for line in lines])
        table = cls(space, [int(name) for name in header[len(names) :]], found[order].reshape((*shape, -1)))
        ends = np.array([column[[0, -1]] for column in points[1:]])
        for end, corner in enumerate(ends.T.tolist()):
            if not np.allclose(space.unit(dict(zip(space, corner, strict=True))), end, atol=1e-3):
                raise ValueError(f"expected axes that end where the space does, got {corner}: change the space")
        return table

    def index(self, setting: Mapping[str, Any]) -> tuple[int, ...]:
        """Return the indices of the point of the grid that is nearest to a setting."""
        counts = self.values.shape[1:-1]
        return tuple(round(u * (n - 1)) for u, n in zip(self.space.unit(setting), counts, strict=True))

    def value(self, setting: Mapping[str, Any], budget: int, seed: int) -> float:
        """Return what one seed gave after a budget, at the point of the grid that is nearest to a setting."""
        if budget not in self.budgets:
            raise ValueError(f"expected a budget among {list(self.budgets)}, got {budget}: the table has no other")
        return float(self.values[seed][self.index(setting)][self.budgets.index(budget)])

    def regret(self, setting: Mapping[str, Any], seed: int) -> float:
        """Return how much worse a setting is than the best one after the full budget, on all seeds but this one."""
        return float(self._others[seed][self.index(setting)] - self._best[seed])


@dataclass(frozen=True, eq=False)
class Replay:
    """A search on a table, one entry of each array for each time it was told a value.

    Parameters
    ----------
    settings : list of dict
    budgets, values : array of shape (n,)
        What was asked for, and what came of it.
    resumed, restarted : array of shape (n,)
        Epochs spent so far, if a setting that was trained before continues from there, or starts again.
    regret : array of shape (n,)
        That of the setting that one would choose: of those with the largest budget so far, the one of the smallest
        value.
    """

    settings: list[Setting]
    budgets: Array
    values: Array
    resumed: Array
    restarted: Array
    regret: Array

    def at(self, costs: npt.ArrayLike, *, resume: bool = True) -> Array:
        """Return the regret once so many epochs are spent; NaN before the first value."""
        spent = self.resumed if resume else self.restarted
        known = np.searchsorted(spent, costs, side="right")
        return np.concatenate([[math.nan], self.regret])[known]


def replay(searcher: Searcher, table: Table, cost: float, *, seed: int) -> Replay:
    """Return what a searcher does on one seed of a table, until it has spent an amount of epochs or ends.

    Parameters
    ----------
    searcher : Searcher
        A fresh one: it is asked and told.
    table : Table
    cost : float
        Epochs, counted as resumed; the last run may not exceed it.
    seed : int
        Which seed of the table the searcher sees. Its choice is judged by all others.

    Examples
    --------
    >>> from enlib.search import GridSearch
    >>> table = Table(Space(lr=("log", 0.01, 1.0)), (1, 3), [[[0.5, 0.2], [0.4, 0.1], [0.6, 0.9]]] * 2)
    >>> made = replay(GridSearch(table.space, budget=3, seed=0, levels=3), table, cost=100, seed=0)
    >>> made.values.tolist(), made.resumed.tolist()
    ([0.9, 0.2, 0.1], [3.0, 6.0, 9.0])
    """
    settings: list[Setting] = []
    told: list[tuple[float, ...]] = []
    trained: dict[tuple[Any, ...], int] = {}
    resumed, restarted, best, regret = 0, 0, (0, -math.inf), math.nan
    while (asked := searcher.ask()) is not None:
        setting, budget = asked
        key = tuple(setting.values())
        before = trained.get(key, 0)
        resumed += budget - before if budget > before else budget
        restarted += budget
        if resumed > cost:
            break
        trained[key] = max(budget, before)
        value = table.value(setting, budget, seed)
        searcher.tell(setting, budget, value)
        if (budget, -value) > best:
            best, regret = (budget, -value), table.regret(setting, seed)
        settings.append(setting)
        told.append((budget, value, resumed, restarted, regret))
    return Replay(settings, *np.array(told, dtype=float).reshape(-1, 5).T)
