"""Checks of what a reader invents: a cost with one minimum, and a convex cost without a minimum."""

import math

from enlib.exercises.answers import Remark, call, show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]


def one_minimum(cost: "Any") -> str:
    """Return what is wrong with a cost of one number that should have a single local minimum and not be convex.

    Examples
    --------
    >>> one_minimum(lambda w: w**2)
    'it is convex, as far as thousands of chords can tell: none of them is below it'
    """
    import numpy as np

    grid = np.linspace(-5, 5, 1001)
    values = _values(cost, grid)
    if np.allclose(values, grid**2 / (1 + grid**2), rtol=0, atol=1e-9):
        return "w^2 / (1 + w^2) is the one that the exercise excludes: find another one"
    steps = np.diff(values)
    for i in np.nonzero((steps[1:] == 0) & (steps[:-1] == 0))[0]:
        if not _fades(np.abs(values - values[i])):
            return f"it is flat near w = {grid[i + 1]:.3g}: every point there is a local minimum, not only one"
    moves = np.nonzero(steps)[0]
    valleys = grid[moves[1:]][(steps[moves[:-1]] < 0) & (steps[moves[1:]] > 0)]
    if len(valleys) != 1:
        found = f"{len(valleys)}, near {show(valleys.tolist())}" if len(valleys) else "none"
        return f"expected one local minimum between -5 and 5, found {found}"
    if _above_chords(values)[0] < 1e-6:
        return "it is convex, as far as thousands of chords can tell: none of them is below it"
    return ""


def no_minimum(cost: "Any") -> str:
    """Return what is wrong with a cost of one number that should be convex, never negative and without a minimum.

    Examples
    --------
    >>> no_minimum(lambda w: w**2)
    'it has a minimum, near w = 0: it must fall without end on one side'
    >>> no_minimum(lambda w: 100 - w)
    'expected a function that is nowhere negative, got -1 at w = 101'
    """
    import numpy as np

    near, far = np.linspace(-30, 30, 601), np.append(np.arange(31.0, 1001.0, 10), [1e4, 1e6, 1e9])
    values = _values(cost, near)
    if np.allclose(values, np.exp(-near), rtol=1e-9, atol=0):
        return "e^-w is the one that the exercise excludes: find another one"
    sides = {sign: _values(cost, sign * far, finite=False) for sign in (1, -1)}
    for points, found in ((near, values), (far, sides[1]), (-far, sides[-1])):
        if (negative := found < -1e-9 * (1 + np.abs(points))).any():
            w, value = points[negative][0], found[negative][0]
            return f"expected a function that is nowhere negative, got {show(value)} at w = {show(w)}"
    above, start, end = _above_chords(values)
    if above > 1e-6:
        return f"not convex: it is above its chord from w = {near[start]:.3g} to {near[end]:.3g}"
    side = 1 if values[-1] < values[0] else -1  # where it has to keep falling
    points, values = np.append(near[::side], side * far), np.append(values[::side], sides[side])
    rounding = 1e-13 * (1 + np.abs(points) + abs(values.min()))
    lowest, last = values.argmin(), len(points) - 4  # beyond it the points are far apart, and rounding hides too much
    rises = values[-1] > values[lowest] + rounding[-1]
    stops = values[last - 1] - values[last] <= rounding[last] and not _fades(values - values[last])
    if rises or stops:
        return f"it has a minimum, near w = {points[lowest]:.3g}: it must fall without end on one side"
    return ""


def _values(cost: object, grid: "Array", *, finite: bool = True) -> "Array":
    """Return the values of a reader's function of one number at many points."""
    import numpy as np

    values: list[float] = []
    for w in grid.tolist():
        value = call(cost, "w", (w,))
        if isinstance(value, list) or (finite and not abs(value) < math.inf):
            raise Remark(f"expected the function to return one finite number at w = {show(w)}, got {show(value)}")
        values.append(math.inf if math.isnan(value) else value)  # far out, an overflow can make it NaN
    return np.array(values)


def _fades(heights: "Array") -> bool:
    """Return whether a curve approaches its level so slowly that only rounding makes it flat."""
    return bool(((heights > 1e-12) & (heights < 1e-6)).sum() >= 5)


def _above_chords(values: "Array") -> "tuple[float, int, int]":
    """Return how far a function is above the middle of its worst chord, relative to the ends, and that chord."""
    import numpy as np

    worst, scale = (-math.inf, 0, 0), min(1.0, float(np.ptp(values)))
    for half in (1, 7, 50, len(values) // 5, len(values) // 2 - 1):
        low, high = values[: -2 * half], values[2 * half :]
        gaps = (values[half:-half] - (low + high) / 2) / (scale + abs(low) + abs(high) + 1e-300)
        i = int(gaps.argmax())
        worst = max(worst, (float(gaps[i]), i, i + 2 * half))
    return worst
