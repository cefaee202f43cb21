"""Checks of the notebook on the exponential neuron: the steps of the proof."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from enlib.exercises.answers import NOT_YET, RIGHT, no_number, unanswered

CORNERS = ((0, 0), (1, 0), (0, 1), (1, 1))


def check_separating_direction(answer: Any) -> str:
    """Check a direction u along which the four corners of a square lie at four different places.

    Examples
    --------
    >>> check_separating_direction((1, 1))
    'not quite: u = (1, 1) puts (1, 0) and (0, 1) at one place, u . x = 1'
    """
    if unanswered(answer):
        return NOT_YET
    expected = "expected two numbers, such as (1, 1)"
    try:
        u = np.asarray(answer, dtype=np.float64)
    except (TypeError, ValueError):
        return f"{expected}, got {answer!r}"
    if u.shape != (2,) or not np.isfinite(u).all():
        return f"{expected}, got {answer!r}"
    for one, other in itertools.combinations(CORNERS, 2):
        places = float(u @ one), float(u @ other)
        if math.isclose(*places, rel_tol=1e-9, abs_tol=1e-9 * float(np.abs(u).max())):
            return f"not quite: u = ({u[0]:g}, {u[1]:g}) puts {one} and {other} at one place, u . x = {places[0]:g}"
    return RIGHT


def check_most_zeros(answer: float | None) -> str:
    """Check at how many w, at most, the slope in a can vanish for five inputs on a line that are not all at rest.

    Examples
    --------
    >>> check_most_zeros(5)
    'not 5: count for one exponential, then for two; each further one adds how many?'
    """
    if trouble := no_number(answer):
        return trouble
    if answer == 4:
        return RIGHT
    if answer == 1:
        return "not 1: e^w - e^-w vanishes once, and it has only two of the five"
    return f"not {answer:g}: count for one exponential, then for two; each further one adds how many?"


def check_pooled_output(answer: float | None) -> str:
    """Check the best output at an input that is four times labelled +1 and once -1, under the cubed hinge.

    Examples
    --------
    >>> check_pooled_output(0.6)
    'at f = 0.6 the pooled slope is 5.76: the loss is lower at a smaller f'
    """
    if trouble := no_number(answer):
        return trouble
    assert answer is not None
    if math.isclose(answer, 1 / 3, abs_tol=0.005):
        return RIGHT
    slope = 3 * max(0.0, 1 + answer) ** 2 - 12 * max(0.0, 1 - answer) ** 2
    side = "smaller" if slope > 0 else "larger"
    past = "; the four have no loss from f = 1 on, nothing pulls up there" if answer >= 1 else ""
    return f"at f = {answer:g} the pooled slope is {slope:.3g}: the loss is lower at a {side} f{past}"
