"""All minima of a loss of one parameter, on an interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from enlib import _tools
from enlib.dynamics.escape.toys import Array, Toy


@dataclass(frozen=True, eq=False)
class Minima:
    """Strict local minima, from left to right.

    Parameters
    ----------
    theta, loss, curvature : array, shape (m,)
        Where they are, the loss there and its second derivative.
    errors : array of int, shape (m,)
        Samples classified wrongly there.
    """

    theta: Array
    loss: Array
    curvature: Array
    errors: npt.NDArray[np.int64]


def minima(toy: Toy, low: float, high: float, *, grid: int = 20_001) -> Minima:
    """Find where the slope of a toy's loss changes from falling to rising.

    Valleys with a flat floor, where the loss is zero on an interval, are no strict minima and are left out.

    Parameters
    ----------
    toy : Toy
    low, high : float
        Ends of the interval.
    grid : int
        Points at which the slope is looked at. Two zeros of it between neighbours are overlooked.

    Raises
    ------
    ValueError
        If the interval is empty.

    Examples
    --------
    >>> from enlib.dynamics.escape.toys import example_a
    >>> found = minima(example_a(), -1.0, 1.1)
    >>> found.theta.round(9).tolist(), found.loss.tolist(), found.errors.tolist()
    ([0.0], [0.25], [0])
    """
    if not low < high:
        raise ValueError(f"expected low < high, got {low} and {high}: pass the smaller number first")
    theta = np.linspace(low, high, _tools.count("grid", grid, least=2))

    def slope(t: float) -> float:
        return float(toy.gradient(np.array([t]))[0])

    at = toy.gradient(theta[None])[0]
    exact = np.flatnonzero((at[1:-1] == 0) & (at[:-2] < 0) & (at[2:] > 0)) + 1
    between = np.flatnonzero((at[:-1] < 0) & (at[1:] > 0))
    roots = [brentq(slope, theta[i], theta[i + 1], xtol=1e-14) for i in between]
    found = np.sort(np.array([*theta[exact], *roots], dtype=np.float64))
    return Minima(found, toy.loss(found[None]), toy.hessian(found[None])[:, 0, 0], toy.errors(found))
