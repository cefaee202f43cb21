"""Checks of the notebook on non-convex costs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from enlib.exercises.answers import NOT_YET, RIGHT, no_number, unanswered
from enlib.landscape import chord, worst_chord

Array = npt.NDArray[np.float64]


def check_inflection(answer: float | None) -> str:
    r"""Check the z up to which the squared loss of a sigmoid, :math:`\sigma(z)^2`, bends upward.

    Examples
    --------
    >>> check_inflection(2 / 3)
    'not quite: 2/3 is the probability sigma(z) there; which z has it?'
    """
    if trouble := no_number(answer):
        return trouble
    assert answer is not None
    if math.isclose(answer, 2 / 3, abs_tol=0.005):
        return "not quite: 2/3 is the probability sigma(z) there; which z has it?"
    if math.isclose(answer, math.log(2), abs_tol=0.005):
        return RIGHT
    s = 1 / (1 + math.exp(-min(max(answer, -50), 50)))
    second = 2 * s**2 * (1 - s) * (2 - 3 * s)
    bends = "zero" if second == 0 else "positive" if second > 0 else "negative"
    return f"at z = {answer:g} the second derivative is {second:.3g}, {bends}; it changes sign elsewhere"


def check_chord_without_symmetry(answer: Any) -> str:
    r"""Check a chord, in the quadrant x > 0, y > 0, that breaks the convexity of :math:`(xy - 1)^2 / 2`.

    Examples
    --------
    >>> check_chord_without_symmetry([(1, 1), (-1, -1)])
    'not in the quadrant: expected x > 0 and y > 0 at both ends, got (-1, -1)'
    >>> check_chord_without_symmetry([(1, 1), (2, 2)])
    'half way the loss is 0.7812, the mean of the ends is 2.25: the chord is above; try ends with less loss'
    """
    if unanswered(answer):
        return NOT_YET
    expected = "expected two points, such as [(1, 1), (2, 1)]"
    try:
        ends = np.asarray(answer, dtype=np.float64)
    except (TypeError, ValueError):
        return f"{expected}, got {answer!r}"
    if ends.shape != (2, 2) or not np.isfinite(ends).all():
        return f"{expected}, got {answer!r}"
    for x, y in ends:
        if not (x > 0 and y > 0):
            return f"not in the quadrant: expected x > 0 and y > 0 at both ends, got ({x:g}, {y:g})"
    line = chord(lambda w: (w[0] * w[1] - 1) ** 2 / 2, *torch.as_tensor(ends))
    if line.breaks_convexity:
        return RIGHT
    mean = (line.at_start + line.at_end) / 2
    where = "above; try ends with less loss" if mean > line.at_middle else "no lower; the two ends must differ"
    return f"half way the loss is {line.at_middle:.4g}, the mean of the ends is {mean:.4g}: the chord is {where}"


def check_one_minimum(cost: Callable[[float], float]) -> str:
    """Check a function of one number that has a single local minimum between -5 and 5 and yet is not convex.

    Examples
    --------
    >>> check_one_minimum(lambda w: w**2)
    'no chord of 1000 runs below it: as far as they can tell, it is convex'
    >>> check_one_minimum(lambda w: np.cos(w))
    'expected one local minimum between -5 and 5, found 2, near -3.14, 3.14'
    """
    grid = np.linspace(-5, 5, 2001)
    if trouble := _trouble(cost, grid):
        return trouble
    values = np.array([float(cost(w)) for w in grid.tolist()])
    valleys = _valleys(grid, values)
    if len(valleys) != 1:
        near = f", near {', '.join(f'{w:.3g}' for w in valleys)}" if valleys else ""
        return f"expected one local minimum between -5 and 5, found {len(valleys)}{near}"
    if not worst_chord(lambda w: cost(w.item()), 1, low=-5, high=5, seed=0).breaks_convexity:
        return "no chord of 1000 runs below it: as far as they can tell, it is convex"
    return RIGHT


def check_no_minimum(cost: Callable[[float], float]) -> str:
    """Check a function of one number that is convex and never negative, and has no minimum.

    Examples
    --------
    >>> check_no_minimum(lambda w: w**2)
    'it has a minimum, near w = 0: it must go on falling in one direction'
    >>> check_no_minimum(lambda w: -w)
    'expected a function that is nowhere negative, got -30 at w = 30'
    """
    grid = np.linspace(-30, 30, 1201)
    if trouble := _trouble(cost, grid):
        return trouble
    values = np.array([float(cost(w)) for w in grid.tolist()])
    if values.min() < 0:
        return f"expected a function that is nowhere negative, got {values.min():g} at w = {grid[values.argmin()]:g}"
    line = worst_chord(lambda w: cost(w.item()), 1, low=-30, high=30, seed=0)
    if line.breaks_convexity:
        return f"not convex: it is above its chord from {line.start.item():.3g} to {line.end.item():.3g}"
    steps = np.diff(values)
    if not ((steps < 0).all() or (steps > 0).all()):
        return f"it has a minimum, near w = {grid[values.argmin()]:.3g}: it must go on falling in one direction"
    return RIGHT


def _valleys(grid: Array, values: Array) -> list[float]:
    """Places where a function stops falling and rises; a flat bottom counts once."""
    signs = [(w, s) for w, s in zip(grid, np.sign(np.diff(values)), strict=False) if s]
    return [float(w) for (_, before), (w, after) in itertools.pairwise(signs) if before < 0 < after]


def _trouble(cost: Any, grid: Array) -> str:
    """Say what keeps a reader's function from being a finite function of one number; nothing if it is one."""
    if not callable(cost):
        return NOT_YET if unanswered(cost) else f"expected a function of one number, got {cost!r}"
    for w in grid.tolist():
        try:
            value = cost(w)
        except Exception as error:  # whatever a reader's function raises is an answer to report on
            return f"expected a function of one number, at w = {w:g} it raised {type(error).__name__}: {error}"
        if trouble := no_number(value, f"the function to return a finite number at w = {w:g}"):
            return trouble
    return ""
