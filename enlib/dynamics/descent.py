"""Gradient descent on plain functions, with and without momentum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from enlib import _tools

Array = npt.NDArray[np.float64]
Gradient = Callable[[Array], npt.ArrayLike]


def descend(gradient: Gradient, start: npt.ArrayLike, *, eta: float, steps: int, momentum: float = 0.0) -> Array:
    r"""Return the path of gradient descent with momentum.

    .. math:: v_{k+1} = \mu v_k - \eta \nabla E(w_k), \qquad w_{k+1} = w_k + v_{k+1}

    Parameters
    ----------
    gradient : callable
        Maps w, an array of shape (d,), to the gradient at w.
    start : array_like of shape (d,)
        The first w; a number counts as d = 1.
    eta : float
        Step size, positive.
    steps : int
        Number of updates.
    momentum : float
        The factor :math:`\mu`: any finite number, even one with which nothing converges.

    Returns
    -------
    array of shape (steps + 1, d)
        Every w from the first to the last. Where the descent diverges, its numbers grow to inf and NaN.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, a number is out of range or not finite, or the gradient's shape is not
        that of w.

    Examples
    --------
    >>> descend(lambda w: w, 1.0, eta=0.5, steps=3)[:, 0].tolist()
    [1.0, 0.5, 0.25, 0.125]
    """
    eta, steps = _tools.positive("eta", eta), _tools.count("steps", steps)
    momentum = _tools.number("momentum", momentum)
    w = np.atleast_1d(_tools.array("start", start, finite=True))
    v = np.zeros_like(w)
    path = [w]
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(steps):
            v = momentum * v - eta * _slope(gradient, w)
            w = w + v
            path.append(w)
    return np.stack(path)


def _slope(gradient: Any, w: Array) -> Array:
    if not callable(gradient):
        raise TypeError(f"expected the gradient to be a function, got {type(gradient).__name__}: pass lambda w: ...")
    got = gradient(w)
    # The check costs as much as a small gradient, so arrays of floats skip it.
    slope: Array = got if isinstance(got, np.ndarray) and got.dtype == np.float64 else _tools.array("gradient", got)
    if slope.shape != w.shape:
        raise ValueError(
            f"expected a gradient of shape {w.shape}, got {slope.shape}: return one derivative for each w"
        )
    return slope
