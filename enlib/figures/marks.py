"""Marks, what a figure draws: curves, points, bars, intervals and heat maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from enlib import _tools

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Mark:
    """Numbers that are drawn together: arrays x and y of one length.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Finite numbers; they are copied.
    """

    x: Any
    y: Any
    kind: ClassVar[str] = ""
    quantities: ClassVar[tuple[str, ...]] = ("x", "y")

    def __post_init__(self) -> None:
        for name in self.quantities:
            numbers = _tools.array(f"{name} of a {self.kind}", getattr(self, name), finite=True)
            object.__setattr__(self, name, numbers.copy())
        self._check_shapes()

    def extent(self, axis: str, log: bool) -> Array:
        """Return the numbers that the range of axis ``"x"`` or ``"y"`` must include."""
        return np.asarray(getattr(self, axis))

    def _check_shapes(self) -> None:
        shapes = [getattr(self, name).shape for name in self.quantities]
        if len(set(shapes)) > 1 or len(shapes[0]) != 1 or shapes[0] == (0,):
            raise ValueError(
                f"expected {' and '.join(self.quantities)} of one length for a {self.kind}, got shapes "
                f"{' and '.join(map(str, shapes))}: pass lists of equally many numbers"
            )


class Curve(Mark):
    """A line through the points (x, y).

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Lists, NumPy arrays or tensors of finite numbers; they are copied.

    Raises
    ------
    TypeError
        If one is not made of real numbers.
    ValueError
        If the lengths differ, there are no numbers, or one is not finite.

    Examples
    --------
    >>> Curve([0, 1, 2], [0, 1, 4]).y
    array([0., 1., 4.])
    """

    kind = "curve"


class Points(Mark):
    """A dot at each (x, y); parameters and errors are those of `Curve`."""

    kind = "points"


class Bars(Mark):
    """A bar from zero to y at each x, evenly spaced; parameters and errors are those of `Curve`."""

    kind = "bars"

    def edges(self, log: bool) -> tuple[Array, Array]:
        """Return the left and the right edges of the bars: 80 % of the distance from one to the next."""
        at = np.log10(self.x) if log else self.x
        half = 0.4 * (at[1] - at[0] if len(at) > 1 else 1.0)
        return (10 ** (at - half), 10 ** (at + half)) if log else (at - half, at + half)

    def extent(self, axis: str, log: bool) -> Array:
        """Return the edges of the bars, or their ends and, on a linear axis, zero."""
        if axis == "x":
            return self.x if log and self.x.min() <= 0 else np.concatenate(self.edges(log))
        return self.y if log else np.append(self.y, 0.0)


@dataclass(frozen=True, eq=False)
class Intervals(Mark):
    """An error bar with caps, from y to high, at each x.

    Parameters
    ----------
    x, y, high : array_like, shape (n,)
        Places, and the lower and upper ends there.

    Raises
    ------
    TypeError, ValueError
        As those of `Curve`.

    Examples
    --------
    >>> Intervals([1, 2], [0.1, 0.2], [0.5, 0.4]).high
    array([0.5, 0.4])
    """

    high: Any = None
    kind = "intervals"
    quantities = ("x", "y", "high")

    def extent(self, axis: str, log: bool) -> Array:
        """Return both ends of the bars."""
        return self.x if axis == "x" else np.concatenate([self.y, self.high])


@dataclass(frozen=True, eq=False)
class HeatMap(Mark):
    """A height for each point of a grid, drawn as a pale map with contours.

    Parameters
    ----------
    x, y : array_like, shape (columns,) and (rows,)
        Centers of the columns and of the rows, ascending and evenly spaced.
    z : array_like, shape (rows, columns)
        The values, finite. Low ones are drawn darker.
    center : float, optional
        The value that is drawn white, where blue (above) and vermilion (below) meet: for two classes.

    Raises
    ------
    TypeError
        If one is not made of real numbers.
    ValueError
        If the shapes do not fit, the centers are not ascending and evenly spaced, or a number is not finite.

    Examples
    --------
    >>> HeatMap([0, 1, 2], [0, 1], [[1, 2, 3], [4, 5, 6]]).z.shape
    (2, 3)
    """

    z: Any = None
    center: float | None = None
    kind = "heat map"
    quantities = ("x", "y", "z")

    def extent(self, axis: str, log: bool = False) -> Array:
        """Return the outer edges of the cells: half a cell beyond the first and the last center."""
        centers = getattr(self, axis)
        half = (centers[1] - centers[0]) / 2 if len(centers) > 1 else 0.5
        return np.array([centers[0] - half, centers[-1] + half])

    def _check_shapes(self) -> None:
        if self.x.ndim != 1 or self.y.ndim != 1 or self.z.shape != (len(self.y), len(self.x)) or self.z.size == 0:
            raise ValueError(
                f"expected z of shape (len(y), len(x)) = ({self.y.size}, {self.x.size}) for a heat map, "
                f"got {self.z.shape}: transpose it, or pass the centers of its columns and rows"
            )
        for name in ("x", "y"):
            steps = np.diff(getattr(self, name))
            if len(steps) and not (steps[0] > 0 and np.ptp(steps) < 1e-3 * steps[0]):
                raise ValueError(
                    f"expected ascending, evenly spaced {name} for a heat map, got steps from {steps.min():g} to "
                    f"{steps.max():g}: sort the cells, or evaluate them on np.linspace"
                )
