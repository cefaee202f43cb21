"""Checks of the notebook on learning rates."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from enlib.dynamics import contraction
from enlib.exercises.answers import RIGHT, no_number


def check_largest_step(answer: float | None) -> str:
    """Check the step size below which gradient descent converges for the curvatures 100 and 1.

    Examples
    --------
    >>> check_largest_step(2)
    'not quite: this is the limit of the flat direction; the steep one is stricter'
    """
    if trouble := no_number(answer):
        return trouble
    assert answer is not None
    if answer == 0.01:
        return "not quite: this is 1/100, where the steep direction is done in one step; it may be larger"
    if answer == 2:
        return "not quite: this is the limit of the flat direction; the steep one is stricter"
    return RIGHT if answer == 2 / 100 else f"not {answer}: each curvature allows up to 2 / curvature"


def check_best_factor(factor: Callable[[float], float]) -> str:
    """Check a function of the condition number that returns the best factor per step of gradient descent.

    Examples
    --------
    >>> check_best_factor(lambda kappa: 1 - 1 / kappa)
    'for kappa = 3 the best factor is 0.5, got 0.6667: which step size makes both ends shrink alike?'
    """
    for kappa in (3.0, 100.0):
        answer = factor(kappa)
        if trouble := no_number(answer, "the function to return a number"):
            return trouble
        # The oracle is a search over step sizes, not the formula.
        expected = min(
            max(contraction(eta, 1.0), contraction(eta, kappa)) for eta in np.linspace(0, 2 / kappa, 20001)[1:]
        )
        if not math.isclose(answer, expected, abs_tol=1e-3):
            return (
                f"for kappa = {kappa:g} the best factor is {expected:.4g}, got {answer:.4g}: "
                "which step size makes both ends shrink alike?"
            )
    return RIGHT


def check_momentum_limit(answer: float | None) -> str:
    """Check how large eta * lambda may be with momentum 0.9.

    Examples
    --------
    >>> check_momentum_limit(2)
    'not quite: 2 is the limit without momentum'
    """
    if trouble := no_number(answer):
        return trouble
    assert answer is not None
    if answer == 2:
        return "not quite: 2 is the limit without momentum"
    if math.isclose(answer, 3.8):
        return RIGHT
    factor = float(contraction(answer, 1.0, 0.9))
    return f"with eta * lambda = {answer:g} the factor per step is {factor:.3g}; it is 1 at the limit"
