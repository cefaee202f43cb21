"""What a figure can show: curves, points, bars and heat maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Mark:
    """Numbers that are drawn together: arrays x and y of one length.

    Parameters
    ----------
    x, y : array_like
        NumPy arrays, tensors or lists.

    Raises
    ------
    ValueError
        If the lengths differ, there are no numbers, or one is not finite.
    """

    x: Any
    y: Any
    kind: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for name in self.quantities:
            object.__setattr__(self, name, _array(getattr(self, name)))
            _check_finite(self.kind, name, getattr(self, name))
        self._check_shapes()

    @property
    def quantities(self) -> tuple[str, ...]:
        """Names of the arrays."""
        return ("x", "y")

    @property
    def arrays(self) -> tuple[Array, ...]:
        """The arrays, flat."""
        return tuple(getattr(self, name).ravel() for name in self.quantities)

    def _check_shapes(self) -> None:
        if self.x.ndim != 1 or self.x.shape != self.y.shape or len(self.x) == 0:
            raise ValueError(
                f"expected x and y of one length for a {self.kind}, got shapes {self.x.shape} and {self.y.shape}: "
                "pass two lists of equally many numbers"
            )


class Curve(Mark):
    """A line through the points (x, y)."""

    kind = "curve"


class Points(Mark):
    """A dot at each (x, y)."""

    kind = "points"


class Bars(Mark):
    """A bar from zero to y at each x, which are evenly spaced."""

    kind = "bars"


@dataclass(frozen=True, eq=False)
class HeatMap(Mark):
    """A colour for each cell of a grid.

    Parameters
    ----------
    x, y : array_like
        Centres of the columns and of the rows, evenly spaced, ascending.
    z : array_like, shape (len(y), len(x))
        The values.

    Raises
    ------
    ValueError
        If the shapes do not fit, or a number is not finite.
    """

    z: Any = None
    kind = "heat map"

    @property
    def quantities(self) -> tuple[str, ...]:
        """Names of the arrays."""
        return ("x", "y", "z")

    def edges(self, axis: str) -> tuple[float, float]:
        """Outer edges of the cells along ``"x"`` or ``"y"``: half a cell beyond the first and last centre."""
        centers = getattr(self, axis)
        half = (centers[1] - centers[0]) / 2 if len(centers) > 1 else 0.5
        return float(centers[0] - half), float(centers[-1] + half)

    def _check_shapes(self) -> None:
        if self.x.ndim != 1 or self.y.ndim != 1 or self.z.shape != (len(self.y), len(self.x)):
            raise ValueError(
                f"expected z of shape (len(y), len(x)) = ({len(self.y)}, {len(self.x)}) for a heat map, "
                f"got {self.z.shape}: transpose it, or pass the centres of its columns and rows"
            )


def _array(values: Any) -> Array:
    values = values.detach().cpu() if hasattr(values, "detach") else values
    return np.asarray(values, dtype=np.float64)


def _check_finite(kind: str, name: str, values: Array) -> None:
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise ValueError(
            f"expected finite numbers, got {bad} NaN or infinite {name} in a {kind}: cut the range where the "
            "function leaves it, or clip the values"
        )
