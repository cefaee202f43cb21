"""Checks of the notebook on the speed of training."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from enlib.exercises.answers import NOT_YET, RIGHT, no_number, unanswered

_N, _BATCH, _EPOCHS = 15_000, 100, 95


def check_updates(answer: float | None) -> str:
    """Check how many updates 95 epochs on 15,000 samples in batches of 100 are.

    Examples
    --------
    >>> check_updates(150)
    'not quite: 150 updates are one epoch'
    """
    if trouble := no_number(answer):
        return trouble
    assert answer is not None
    if answer == _EPOCHS * _N / _BATCH:
        return RIGHT
    if answer == _N / _BATCH:
        return f"not quite: {answer:g} updates are one epoch"
    if answer == _EPOCHS * _N:
        return "not quite: these are samples seen; an update sees a batch of them"
    if answer == _EPOCHS:
        return "not quite: that would be full batch, one update an epoch"
    return f"not {answer:g}: an epoch sees every sample once, and an update sees {_BATCH}"


def check_missing_the_best(answer: float | None) -> str:
    """Check the chance that four random trials of sixteen, all with different times, miss the fastest.

    Examples
    --------
    >>> check_missing_the_best(0.25)
    'not quite: 0.25 is the chance that they find it'
    """
    if trouble := no_number(answer):
        return trouble
    assert answer is not None
    if math.isclose(answer, 0.75, abs_tol=1e-3):
        return RIGHT
    if math.isclose(answer, 0.25, abs_tol=1e-3):
        return "not quite: 0.25 is the chance that they find it"
    if math.isclose(answer, (15 / 16) ** 4, abs_tol=1e-3):
        return "not quite: this draws with replacement; nobody tries one setting twice"
    if math.isclose(answer, 0.75**7, abs_tol=1e-3):
        return "not quite: that is the chance in all seven rows; we ask for one"
    return f"not {answer:.3g}: the fastest is as likely among any four of the sixteen"


def check_censored_median(find: Callable[[Sequence[float]], float | None]) -> str:
    """Check a function that returns the median time of runs, in which NaN stands for a run that never got there.

    Examples
    --------
    >>> import numpy as np
    >>> check_censored_median(np.nanmedian)
    'for [20.0, nan, 30.0, 40.0, nan] the median is 40, got 30: you have dropped the runs that never got there'
    """
    never = math.nan
    for times in ([20.0, never, 30.0, 40.0, never], [9.0, 7.0, 8.0], [12.0, never, 10.0], [never, 12.0, never]):
        answer = find(times)
        if unanswered(answer):
            return NOT_YET
        sorted_times = sorted(math.inf if math.isnan(t) else t for t in times)
        expected = sorted_times[len(times) // 2]
        if isinstance(answer, float) and math.isnan(answer):
            return f"for {times} you return NaN: never is later than any number, so the median may still be one"
        if answer == expected:  # most never got there: later than any number
            continue
        if isinstance(answer, float) and math.isinf(answer):
            return f"for {times} the median is {expected:g}, got inf: most of these runs did get there"
        if trouble := no_number(answer, "the function to return a number"):
            return trouble
        assert answer is not None
        if not math.isclose(answer, expected):
            kept = sorted(t for t in times if not math.isnan(t))
            middle = (kept[(len(kept) - 1) // 2] + kept[len(kept) // 2]) / 2
            why = ": you have dropped the runs that never got there" if math.isclose(answer, middle) else ""
            return f"for {times} the median is {expected:g}, got {answer:g}{why}"
    return RIGHT


def check_pairs_for_holm(answer: float | None) -> str:
    """Check how many pairs, all in one direction, survive Holm's correction over seven rows at the level 0.05.

    Examples
    --------
    >>> check_pairs_for_holm(6)
    'not quite: 6 pairs give 2 / 2**6 = 0.031, enough for one row; the smallest of seven counts seven times'
    """
    if trouble := no_number(answer):
        return trouble
    assert answer is not None
    if answer == 9:
        return RIGHT
    if answer in (6, 7):
        p = 2 / 2**answer
        return (
            f"not quite: {answer:g} pairs give 2 / 2**{answer:g} = {p:.3f}, enough for one row; the smallest of "
            "seven counts seven times"
        )
    if answer == 8:
        return "not quite: 7 x 2 / 2**8 = 0.055"
    if answer > 9:
        return f"not quite: {answer:g} are enough, but fewer are as well"
    return f"not {answer:g}: with n pairs in one direction p is 2 / 2**n; multiply by seven"
