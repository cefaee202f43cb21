"""Checks of the notebook on the quality of minima: what tries buy, and what few pairs cannot show."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np

from enlib.exercises.answers import NOT_YET, RIGHT, no_number, unanswered
from enlib.statistics import signed_rank


def check_more_tries(answer: float | None, *, tries: tuple[int, int] = (16, 4)) -> str:
    r"""Check the chance that the arm with more tries has the best trial, between two arms that are alike.

    All trials together are equally likely to hold the best one: :math:`m / (m + k)`.

    Examples
    --------
    >>> check_more_tries(0.5)
    'not quite: a half would be right for equal numbers of tries; the best of all 20 trials is in one arm more often'
    """
    if trouble := no_number(answer):
        return trouble
    assert answer is not None
    more, fewer = tries
    expected = more / (more + fewer)
    if math.isclose(answer, expected, abs_tol=0.005):
        return RIGHT
    if math.isclose(answer, 100 * expected, abs_tol=0.5):
        return f"not quite: this is in per cent; as a chance it is {answer / 100:.3g}"
    if math.isclose(answer, 0.5):
        return (
            "not quite: a half would be right for equal numbers of tries; "
            f"the best of all {more + fewer} trials is in one arm more often"
        )
    if math.isclose(answer, fewer / (more + fewer), abs_tol=0.005):
        return f"not quite: {answer:g} is the chance of the arm with fewer tries"
    return (
        f"not {answer:g}: throw all {more + fewer} trials together; how likely is it that the best is one of {more}?"
    )


def check_fewest_pairs(answer: float | None, rows: int, *, level: float = 0.05) -> str:
    """Check the fewest pairs with which one row of a table can have a p-value of at most ``level`` after Holm.

    The smallest p-value of the signed-rank test is 2 / 2^n, all pairs pointing the same way; Holm multiplies the
    smallest of ``rows`` p-values by their number.

    Examples
    --------
    >>> check_fewest_pairs(6, rows=7)
    'not quite: 6 pairs can give p = 0.031, which Holm multiplies by 7 rows; that is above 0.05'
    """
    if trouble := no_number(answer):
        return trouble
    assert answer is not None
    if answer != int(answer) or answer < 1:
        return f"expected a number of pairs, got {answer:g}"
    pairs = int(answer)
    smallest = [rows * signed_rank(np.arange(1, n + 1)).p for n in range(1, 40)]
    expected = 1 + next(i for i, p in enumerate(smallest) if p <= level)
    if pairs == expected:
        return RIGHT
    if pairs > expected:
        return f"enough, but not the fewest: {pairs - 1} pairs would do as well"
    p = smallest[pairs - 1] / rows
    much = f"which Holm multiplies by {rows} rows; that is above {level:g}"
    return f"not quite: {pairs} pairs can give p = {p:.2g}, {much}"


def check_best_of(best_of: Callable[[list[float], int], Any]) -> str:
    """Check a function of trials and k that returns the mean, over all ways to draw k of them, of the smallest.

    Examples
    --------
    >>> check_best_of(lambda trials, k: sorted(trials)[0])
    'for the trials [4.0, 1.0, 7.0] and k = 1 expected 4, got 1: this is the smallest of all, whatever k'
    """
    for trials, k in (([4.0, 1.0, 7.0], 1), ([4.0, 1.0, 7.0], 2), ([5.0, 0.0, 0.0, 8.0, 2.0], 3)):
        answer = best_of(list(trials), k)
        if unanswered(answer):
            return NOT_YET
        if trouble := no_number(answer, "the function to return a number"):
            return trouble
        expected = float(np.mean([min(drawn) for drawn in combinations(trials, k)]))
        if not math.isclose(answer, expected, abs_tol=1e-6):
            hint = ": this is the smallest of all, whatever k" if answer == min(trials) else ""
            return f"for the trials {trials} and k = {k} expected {expected:.4g}, got {answer:.4g}{hint}"
    return RIGHT
