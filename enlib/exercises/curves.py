"""Checks of what a reader invents: a cost with one minimum, and a convex cost without a minimum."""

import math

from enlib.exercises.answers import Remark, call, show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def one_minimum(cost: "Any") -> str:
    """Return what is wrong with a cost of one number that should have a single local minimum and not be convex.

    Examples
    --------
    >>> one_minimum(lambda w: w**2)
    'it is convex, as far as thousands of chords can tell: none of them is below it'
    """
    grid = [(k - 500) / 100 for k in range(1001)]
    values = _values(cost, grid)
    if _is_excluded_bowl(grid, values):
        return "w^2 / (1 + w^2) is the one that the exercise excludes, also stretched: find another one"
    steps = [values[i + 1] - values[i] for i in range(len(values) - 1)]
    faded = math.nan  # a level that the curve approaches, and does not reach but for rounding
    for i in range(len(steps) - 1):
        if steps[i] == steps[i + 1] == 0 and values[i] != faded:
            if not _fades([abs(value - values[i]) for value in values]):
                return f"it is flat near w = {grid[i + 1]:.3g}: every point there is a local minimum, not only one"
            faded = values[i]
    moves = [i for i in range(len(steps)) if steps[i] != 0]
    turns = [(moves[k], moves[k + 1]) for k in range(len(moves) - 1)]
    valleys: list[Any] = [grid[up] for down, up in turns if steps[down] < 0 < steps[up]]
    if len(valleys) != 1:
        found = f"{len(valleys)}, near {show(valleys)}" if valleys else "none"
        return f"expected one local minimum strictly between -5 and 5, found {found}"
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
    near, far = [(k - 300) / 10 for k in range(601)], [float(k) for k in range(31, 1001, 10)] + [1e4, 1e6, 1e9]
    values = _values(cost, near)
    if _is_exponential(near, values):
        return "e^-w is the one that the exercise excludes, also stretched or mirrored: find another one"
    outer = {sign: [sign * w for w in far] for sign in (1, -1)}
    sides = {sign: _values(cost, outer[sign], finite=False) for sign in (1, -1)}
    for points, found in ((near, values), (outer[1], sides[1]), (outer[-1], sides[-1])):
        for w, value in zip(points, found, strict=True):
            if value < -1e-9 * (1 + abs(w)):
                return f"expected a function that is nowhere negative, got {show(value)} at w = {show(w)}"
    above, start, end = _above_chords(values)
    if above > 1e-6:
        return f"not convex: it is above its chord from w = {near[start]:.3g} to {near[end]:.3g}"
    side = 1 if values[-1] < values[0] else -1  # where it has to keep falling
    points, values = near[::side] + outer[side], values[::side] + sides[side]
    least = min(values)
    rounding = [1e-13 * (1 + abs(w) + abs(least)) for w in points]
    last = len(points) - 4  # beyond it the points are far apart, and rounding hides too much
    rises = values[-1] > least + rounding[-1]
    falls = values[last - 1] - values[last] > rounding[last] or _fades([value - values[last] for value in values])
    if rises or not falls:
        lowest = points[values.index(least)]
        return f"it has a minimum, near w = {lowest:.3g}: it must fall without end on one side"
    return ""


def _values(cost: object, points: "list[float]", *, finite: bool = True) -> "list[float]":
    """Return the values of a reader's function of one number at many points."""
    values: list[float] = []
    for w in points:
        value = call(cost, "w", (w,))
        if isinstance(value, list) or (finite and not abs(value) < math.inf):
            raise Remark(f"expected the function to return one finite number at w = {show(w)}, got {show(value)}")
        values.append(math.inf if math.isnan(value) else value)  # far out, an overflow can make it NaN
    return values


def _is_excluded_bowl(grid: "list[float]", values: "list[float]") -> bool:
    """Return whether all values are those of w^2 / (p w^2 + q), with p and q above zero."""
    (one, low), (two, high) = [(1 / grid[k] ** 2, values[k]) for k in (600, 1000)]  # at 1 and at 5
    if low <= 0 or high <= 0:
        return False
    q = (1 / low - 1 / high) / (one - two)
    p = 1 / low - q * one
    if not p > 1e-6 * q > 0:
        return False
    return all(abs(f * (p * w * w + q) - w * w) <= 1e-9 * w * w for w, f in zip(grid, values, strict=True))


def _is_exponential(grid: "list[float]", values: "list[float]") -> bool:
    """Return whether all values are those of a e^(b w)."""
    if min(values) <= 0:
        return False
    logs = [math.log(value) for value in values]
    slope = (logs[-1] - logs[0]) / (grid[-1] - grid[0])
    line = [logs[0] + slope * (w - grid[0]) for w in grid]
    within = 1e-9 * abs(logs[-1] - logs[0])
    return slope != 0 and all(abs(x - y) <= within for x, y in zip(logs, line, strict=True))


def _fades(heights: "list[float]") -> bool:
    """Return whether a curve approaches its level so slowly that only rounding makes it flat."""
    return sum([1e-12 < height < 1e-6 for height in heights]) >= 5


def _above_chords(values: "list[float]") -> "tuple[float, int, int]":
    """Return how far a function is above the middle of its worst chord, relative to the ends, and that chord."""
    worst, scale = (-math.inf, 0, 0), min(1.0, max(values) - min(values))
    for half in (1, 7, 50, len(values) // 5, len(values) // 2 - 1):
        for i in range(len(values) - 2 * half):
            low, middle, high = values[i], values[i + half], values[i + 2 * half]
            gap = (middle - (low + high) / 2) / (scale + abs(low) + abs(high) + 1e-300)
            if gap > worst[0]:
                worst = (gap, i, i + 2 * half)
    return worst
