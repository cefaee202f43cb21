"""Checks of the notebook on spikes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from scipy.stats import binomtest

from enlib.exercises.answers import NOT_YET, RIGHT, no_number, unanswered
from enlib.training import adam_limit, first_spike


def check_adam_limit(answer: float | None) -> str:
    """Check the limit of the preconditioned sharpness, in units of 1 / step size, for Adam with beta1 = 0.5.

    Examples
    --------
    >>> check_adam_limit(38)
    'not quite: 38 is the limit for beta1 = 0.9'
    """
    if trouble := no_number(answer):
        return trouble
    assert answer is not None
    if math.isclose(answer, adam_limit(0.5)):
        return RIGHT
    if answer == 38:
        return "not quite: 38 is the limit for beta1 = 0.9"
    if answer == 3:
        return "not quite: 2 (1 + beta1) is for momentum that adds gradients; Adam averages them, with 1 - beta1"
    return f"not {answer:g}: put beta1 = 0.5 into (2 + 2 beta1) / (1 - beta1)"


def check_first_spike(find: Callable[[Sequence[float]], float | None]) -> str:
    """Check a function of the batch losses that returns the first update above 100 times the smallest loss before it.

    Examples
    --------
    >>> check_first_spike(lambda losses: losses.index(max(losses)))
    'for the losses [1.0, 0.2, 30.0, 5.0, 80.0] the first spike is at 2, got 4'
    """
    for losses in ([1.0, 0.2, 30.0, 5.0, 80.0], [0.5, 0.4, 41.0], [2.0, 0.1, 9.0, 0.05, 6.0]):
        answer, expected = find(losses), first_spike(losses)
        if unanswered(answer):
            return NOT_YET
        if trouble := no_number(answer, "the function to return an update"):
            return trouble
        if answer != expected:
            return f"for the losses {losses} the first spike is at {expected:.0f}, got {answer:g}"
    return RIGHT


def check_no_spikes(answer: float | None) -> str:
    """Check the upper end of the 95 % Wilson interval for a rate that was 0 in 20 runs.

    Examples
    --------
    >>> check_no_spikes(0)
    'not quite: none in 20 runs does not make it impossible'
    """
    if trouble := no_number(answer):
        return trouble
    assert answer is not None
    expected = binomtest(0, 20).proportion_ci(method="wilson").high
    if math.isclose(answer, expected, abs_tol=0.005):
        return RIGHT
    if answer == 0:
        return "not quite: none in 20 runs does not make it impossible"
    if math.isclose(answer, 100 * expected, abs_tol=0.5):
        return f"not quite: this is in per cent; as a fraction it is {answer / 100:.3g}"
    wide = "wide" if answer > expected else "narrow"
    return f"not quite: {answer:g} is too {wide}; use scipy.stats.binomtest(0, 20).proportion_ci(method='wilson')"
