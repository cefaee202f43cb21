"""Gradient descent on any smooth function, with and without momentum, and what its step size does."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt

from enlib import _tools

Array = npt.NDArray[np.float64]
Gradient = Callable[[Array], npt.ArrayLike]
Regime = Literal["monotone", "one step", "oscillating", "never settles", "diverges"]


def gradient_descent(
    gradient: Gradient, start: npt.ArrayLike, *, eta: float, steps: int, momentum: float = 0.0
) -> Array:
    r"""Follow gradient descent with momentum.

    .. math:: v_{k+1} = \mu v_k - \eta \nabla E(w_k), \qquad w_{k+1} = w_k + v_{k+1}

    Parameters
    ----------
    gradient : callable
        Maps w, of shape (d,), to the gradient there.
    start : array_like, shape (d,)
        The first w; a number counts as d = 1.
    eta : float
        Step size, positive.
    steps : int
        Number of updates.
    momentum : float
        The factor :math:`\mu`; any finite number, also those with which nothing converges.

    Returns
    -------
    array, shape (steps + 1, d)
        Every w from the first to the last. Where the descent diverges its numbers grow to inf and NaN.

    Raises
    ------
    ValueError
        If the step size is not positive, the momentum not finite, or the gradient's shape not that of w.

    Examples
    --------
    >>> gradient_descent(lambda w: w, 1.0, eta=0.5, steps=3)[:, 0].tolist()
    [1.0, 0.5, 0.25, 0.125]
    """
    _tools.positive("eta", eta)
    _tools.count("steps", steps)
    if not math.isfinite(momentum):
        raise ValueError(f"expected a finite momentum, got {momentum}: 0.9 is usual")
    w = np.atleast_1d(np.asarray(start, dtype=np.float64))
    v = np.zeros_like(w)
    path = [w]
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(steps):
            slope = np.asarray(gradient(w), dtype=np.float64)
            if slope.shape != w.shape:
                raise ValueError(f"expected a gradient of shape {w.shape}, got {slope.shape}: return one slope per w")
            v = momentum * v - eta * slope
            w = w + v
            path.append(w)
    return np.stack(path)


def regime(eta: float, curvature: float) -> Regime:
    r"""Name what gradient descent does on the parabola :math:`E = \tfrac12 \lambda w^2`.

    With :math:`\eta_\text{opt} = 1/\lambda` each step multiplies w by :math:`1 - \eta/\eta_\text{opt}`. So w shrinks
    without changing sign below :math:`\eta_\text{opt}`, is at the minimum after one step at it, changes sign and
    shrinks up to :math:`2\eta_\text{opt}`, jumps between two points forever at exactly :math:`2\eta_\text{opt}`, and
    grows above.

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
    r"""Return the factor by which descent on a parabola shrinks the distance to the minimum, in the long run.

    The spectral radius of the matrix that takes :math:`(w_k, w_{k-1})` to :math:`(w_{k+1}, w_k)`: its eigenvalues
    solve :math:`z^2 - (1 + \mu - \eta\lambda) z + \mu = 0`. It is below 1, and descent converges, exactly if
    :math:`|\mu| < 1` and :math:`0 < \eta\lambda < 2 (1 + \mu)`.

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
    eta, curvature, momentum = (np.asarray(v, dtype=np.float64) for v in (eta, curvature, momentum))
    trace = 1 + momentum - eta * curvature
    root = np.sqrt(trace**2 - 4 * momentum + 0j)
    radius: Array = np.maximum(np.abs(trace + root), np.abs(trace - root)) / 2
    return radius


def hypergradient(gradient: Gradient, w: npt.ArrayLike, eta: float) -> float:
    r"""Return how the loss after one step changes with the step size.

    .. math:: \frac{d}{d\eta} E(w') = -\nabla E(w') \cdot \nabla E(w), \qquad w' = w - \eta \nabla E(w)

    Negative where a larger step would have been better: the two gradients still point the same way.

    Parameters
    ----------
    gradient : callable
        As in `gradient_descent`.
    w : array_like, shape (d,)
        Where the step begins.
    eta : float
        Its size, positive.

    Examples
    --------
    >>> hypergradient(lambda w: w, 2.0, eta=1.0)  # one step to the minimum of w^2 / 2: no better size
    -0.0
    """
    _tools.positive("eta", eta)
    w = np.atleast_1d(np.asarray(w, dtype=np.float64))
    here = np.asarray(gradient(w), dtype=np.float64)
    there = np.asarray(gradient(w - eta * here), dtype=np.float64)
    return -float(there @ here)
