"""Gradient descent on plain functions, with and without momentum, and the effect of its step size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from enlib import _tools

Array = npt.NDArray[np.float64]
Gradient = Callable[[Array], npt.ArrayLike]
Regime = Literal["monotone", "one step", "oscillating", "never settles", "diverges"]


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


def regime(eta: float, curvature: float) -> Regime:
    r"""Return the name of what gradient descent does on the parabola :math:`E = \tfrac12 \lambda w^2`.

    Each step multiplies w by :math:`1 - \eta/\eta_\text{opt}`, with :math:`\eta_\text{opt} = 1/\lambda`. Below
    :math:`\eta_\text{opt}`, w shrinks without changing sign. At :math:`\eta_\text{opt}`, it reaches the minimum in
    one step. From there to :math:`2\eta_\text{opt}`, w changes sign and shrinks. At exactly :math:`2\eta_\text{opt}`
    it jumps between two points forever, and above that it grows.

    Parameters
    ----------
    eta : float
        Step size, positive.
    curvature : float
        The second derivative :math:`\lambda`, positive.

    Examples
    --------
    >>> [regime(eta, curvature=2.0) for eta in (0.25, 0.5, 0.75, 1.0, 1.25)]
    ['monotone', 'one step', 'oscillating', 'never settles', 'diverges']
    """
    ratio = _tools.positive("eta", eta) * _tools.positive("curvature", curvature)
    if ratio < 1:
        return "monotone"
    if ratio == 1:
        return "one step"
    return "oscillating" if ratio < 2 else "never settles" if ratio == 2 else "diverges"


def contraction(eta: npt.ArrayLike, curvature: npt.ArrayLike, momentum: npt.ArrayLike = 0.0) -> Array:
    r"""Return the factor by which each step of descent on a parabola eventually shrinks the distance to the minimum.

    It is the spectral radius of the matrix that takes :math:`(w_k, w_{k-1})` to :math:`(w_{k+1}, w_k)`, whose
    eigenvalues solve :math:`z^2 - (1 + \mu - \eta\lambda) z + \mu = 0`. It is below 1, and descent converges, exactly
    if :math:`|\mu| < 1` and :math:`0 < \eta\lambda < 2 (1 + \mu)`.

    Parameters
    ----------
    eta, curvature, momentum : array_like
        Step size, second derivative and momentum; they broadcast. A negative curvature is that of a saddle.

    Examples
    --------
    >>> float(contraction(0.5, 1.0))
    0.5
    >>> float(contraction(2.0, 1.0, momentum=0.0))
    1.0
    """
    eta, curvature, momentum = (
        _tools.array(name, value) for name, value in (("eta", eta), ("curvature", curvature), ("momentum", momentum))
    )
    trace = 1 + momentum - eta * curvature
    root = np.sqrt(trace**2 - 4 * momentum + 0j)
    radius: Array = np.maximum(np.abs(trace + root), np.abs(trace - root)) / 2
    return radius


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
