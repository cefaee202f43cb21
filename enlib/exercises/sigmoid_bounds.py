"""Checks of the notebook on the gradient of a sigmoid."""

from __future__ import annotations

import math
from collections.abc import Callable

from enlib.exercises.answers import NOT_YET, RIGHT, no_number, unanswered
from enlib.landscape import gain, gain_interval_width


def check_smallest_weight(answer: float | None) -> str:
    """Check the smallest ``|w|`` with which one sigmoid unit can pass a gradient on without shrinking it.

    Examples
    --------
    >>> check_smallest_weight(1)
    'not quite: with |w| = 1 the largest gain is 0.25; it should be 1'
    """
    if trouble := no_number(answer):
        return trouble
    assert answer is not None
    largest = float(gain(answer, 0.0))
    return (
        RIGHT if largest == 1 else f"not quite: with |w| = {answer:g} the largest gain is {largest:g}; it should be 1"
    )


def check_interval_width(width: Callable[[float], float]) -> str:
    """Check a function of w > 4 that returns the width of the interval of inputs with a gain of at least 1.

    Examples
    --------
    >>> check_interval_width(lambda w: gain_interval_width(w) / 2)
    'not quite: this is half the width; the interval has two ends'
    """
    for w in (5.0, 7.0, 20.0):
        answer = width(w)
        if trouble := no_number(answer, "the function to return a number"):
            return trouble
        expected = gain_interval_width(w)
        if math.isclose(answer, expected / 2, rel_tol=1e-6):
            return "not quite: this is half the width; the interval has two ends"
        if math.isclose(answer, expected * w, rel_tol=1e-6):
            return "not quite: this is the width in z = w a + b; divide by |w| to have it in a"
        if not math.isclose(answer, expected, rel_tol=1e-6):
            return f"for w = {w:g} the ends are {expected:.4g} apart, got {answer:.4g}"
    return RIGHT


def check_depth(answer: int | None) -> str:
    """Check after how many sigmoid units with w = 1 the bound on a gradient is below one millionth.

    Examples
    --------
    >>> check_depth(9)
    'not yet: after 9 units the bound is 3.81e-06'
    """
    if answer is None or unanswered(answer):
        return NOT_YET
    if not isinstance(answer, int) or answer < 1:
        return f"expected a whole number of units, got {answer!r}"
    if 0.25**answer >= 1e-6:
        return f"not yet: after {answer} units the bound is {0.25**answer:.3g}"
    earlier = answer > 1 and 0.25 ** (answer - 1) < 1e-6
    return f"fewer will do: after {answer - 1} units the bound is already below 1e-6" if earlier else RIGHT
