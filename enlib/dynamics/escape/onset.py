"""When the escape makes gradient descent unstable: the laws, and the measurement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from enlib import _tools
from enlib.dynamics.escape.landscapes import Landscape
from enlib.dynamics.escape.path import descend
from enlib.dynamics.escape.toys import Array


def escape_loss(t: npt.ArrayLike, u: npt.ArrayLike) -> Array:
    r"""Return the loss of one sample and an exponential neuron at time t of gradient flow, for large t.

    .. math:: \tilde L \approx \frac{1}{4t} + \frac{4}{(6u\,t)^{3/2}}

    The penalty's weight is not in it: a weaker penalty makes a larger amplitude, at the same price.

    Parameters
    ----------
    t : array_like
        Step size times number of steps.
    u : array_like
        What the sample's margin lacks without the neuron.

    Examples
    --------
    >>> t = 1e4
    >>> round(t * float(escape_loss(t, 0.5)), 4)
    0.2577
    """
    t, u = np.asarray(t, dtype=np.float64), np.asarray(u, dtype=np.float64)
    return np.asarray(1 / (4 * t) + 4 / (6 * u * t) ** 1.5)


def onset_step(
    eta: npt.ArrayLike, lam: npt.ArrayLike, u: npt.ArrayLike, *, x: float = 0.0, corrected: bool = False
) -> Array:
    r"""Predict the step at which one sample's sharpness reaches :math:`2/\eta`.

    .. math:: k^* = \frac{1}{6\, (1 + x^2)\, \eta^3 \lambda^2 u^3}, \qquad
              \text{corrected:}\quad k^* (1 + 4 \eta \lambda)

    The law holds for small :math:`\eta\lambda`; the correction is its next order.

    Parameters
    ----------
    eta, lam, u : array_like
        Step size, weight of the penalty, and what the sample's margin lacks; they broadcast.
    x : float
        The sample's input, or its length: the weights help the bias to grow.
    corrected : bool
        Include the next order.

    Examples
    --------
    >>> onset_step([0.2, 0.1], 1.0, 0.5).round().tolist()
    [167.0, 1333.0]
    >>> onset_step([0.2, 0.1], 1.0, 0.5, corrected=True).round().tolist()
    [300.0, 1867.0]
    """
    eta, lam, u = (np.asarray(v, dtype=np.float64) for v in (eta, lam, u))
    law = 1 / (6 * (1 + x**2) * eta**3 * lam**2 * u**3)
    return np.asarray(law * (1 + 4 * eta * lam) if corrected else law)


def arrest_bias(eta: npt.ArrayLike, lam: npt.ArrayLike, minimum: npt.ArrayLike) -> Array:
    r"""Predict the bias at which gradient descent on `Multiplied` stops escaping from a bad minimum.

    .. math:: b = \frac{1}{2} \ln \frac{1/\eta - \lambda}{L^*}

    There the curvature by a, :math:`2 L^* e^{2b} + 2\lambda`, is :math:`2/\eta`.

    Parameters
    ----------
    eta, lam, minimum : array_like
        Step size, weight of the penalty, and the loss :math:`L^*` at the bad minimum; they broadcast.

    Examples
    --------
    >>> round(float(arrest_bias(0.05, 0.1, 0.599575)), 3)
    1.751
    """
    eta, lam, minimum = (np.asarray(v, dtype=np.float64) for v in (eta, lam, minimum))
    return np.asarray(np.log((1 / eta - lam) / minimum) / 2)


def sharpness(landscape: Landscape, p: Array) -> Array:
    """Return the largest eigenvalue of the Hessian at points of shape (d, ...).

    Examples
    --------
    >>> from enlib.dynamics.escape.toys import example_a
    >>> sharpness(example_a(), np.zeros((1, 2)))
    array([3., 3.])
    """
    return np.asarray(np.linalg.eigvalsh(landscape.hessian(p))[..., -1])


@dataclass(frozen=True, eq=False)
class Onset:
    r"""When a descent became unstable; NaN for what did not happen.

    Parameters
    ----------
    sharpness : array, shape (...)
        The first step at which the largest eigenvalue of the Hessian is above :math:`2/\eta`.
    rise : array, shape (...)
        The first step after which the loss is higher than before it.
    """

    sharpness: Array
    rise: Array


def first_instability(
    landscape: Landscape, start: npt.ArrayLike, *, eta: npt.ArrayLike, steps: int, chunk: int = 2000
) -> Onset:
    """Follow gradient descent until the sharpness has passed its limit and the loss has risen, in every run.

    Every step is looked at. Once a run diverges, nothing more is found in it.

    Parameters
    ----------
    landscape, start, eta
        See `descend`.
    steps : int
        Give up after this many.
    chunk : int
        How many steps are kept in memory.

    Examples
    --------
    >>> from enlib.dynamics.escape.landscapes import OneSample
    >>> seen = first_instability(OneSample(u=0.5, lam=1.0), [0.01, 0.0], eta=0.2, steps=1000)
    >>> seen.sharpness.item(), onset_step(0.2, 1.0, 0.5).round().item()
    (306.0, 167.0)
    """
    _tools.count("chunk", chunk)
    eta = np.asarray(eta, dtype=np.float64)
    p = np.asarray(start, dtype=np.float64)
    onset = Onset(np.full(p.shape[1:], np.nan), np.full(p.shape[1:], np.nan))
    done = 0
    while done < steps and np.isnan([onset.sharpness, onset.rise]).any():
        n = min(chunk, steps - done)
        path = descend(landscape, p, eta=eta, steps=n, at=np.arange(n + 1))
        _first(onset.sharpness, _too_sharp(landscape, path.points, 2 / eta), done)
        with np.errstate(invalid="ignore"):
            _first(onset.rise, np.diff(path.loss, axis=0) > 0, done)
        if np.isnan(path.end).any(axis=0).all():
            break
        p, done = np.where(np.isnan(path.end), path.points[:, 0], path.end), done + n
    return onset


def _too_sharp(landscape: Landscape, points: Array, limit: Array) -> npt.NDArray[np.bool_]:
    """Say where the largest eigenvalue is above a limit; eigenvalues are computed only where they can be."""
    limit = np.broadcast_to(limit, points.shape[1:])
    above = np.zeros(points.shape[1:], dtype=np.bool_)
    with np.errstate(over="ignore", invalid="ignore"):
        h = landscape.hessian(points)
        possible = (np.sqrt((h**2).sum(axis=(-2, -1))) > limit) & np.isfinite(h).all(axis=(-2, -1))
    above[possible] = np.linalg.eigvalsh(h[possible])[:, -1] > limit[possible]
    return above


def _first(found: Array, happens: npt.NDArray[np.bool_], offset: int) -> None:
    """Write down, for each run that has none yet, the first step at which something happens."""
    new = happens.any(axis=0) & np.isnan(found)
    found[new] = offset + happens.argmax(axis=0)[new]
