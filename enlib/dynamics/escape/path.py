"""Gradient descent for many runs side by side, recorded where one looks: a run that overflows has a status."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.integrate import solve_ivp

from enlib import _tools
from enlib.dynamics.escape.landscapes import Landscape
from enlib.dynamics.escape.toys import Array

Steps = npt.NDArray[np.int64]
Schedule = Callable[[int], npt.ArrayLike]


@dataclass(frozen=True, eq=False)
class Path:
    """What a descent left behind.

    Parameters
    ----------
    steps : array of int, shape (m,)
        The recorded steps; 0 is the start.
    points : array, shape (d, m, ...)
        Where the runs were, coordinates first; NaN from the step on at which a run diverged.
    loss : array, shape (m, ...)
    diverged_at : array, shape (...)
        The first step with a number that is not finite; NaN where there was none.
    """

    steps: Steps
    points: Array
    loss: Array
    diverged_at: Array

    @property
    def status(self) -> npt.NDArray[np.str_]:
        """For each run, "capped" (all its steps were made) or "diverged"."""
        return np.where(np.isnan(self.diverged_at), "capped", "diverged")

    @property
    def end(self) -> Array:
        """The last points, of shape (d, ...)."""
        return self.points[:, -1]


def log_steps(steps: int, per_decade: int = 20) -> Steps:
    """Return step numbers from 0 to ``steps``, evenly spaced on the logarithmic scale.

    Examples
    --------
    >>> log_steps(1000, per_decade=2).tolist()
    [0, 1, 3, 10, 32, 100, 316, 1000]
    """
    _tools.count("steps", steps)
    count = 1 + math.ceil(_tools.count("per_decade", per_decade) * math.log10(steps))
    return np.unique(np.concatenate([[0], np.geomspace(1, steps, max(count, 2)).round()])).astype(np.int64)


def descend(
    landscape: Landscape,
    start: npt.ArrayLike,
    *,
    eta: npt.ArrayLike | Schedule,
    steps: int,
    at: npt.ArrayLike | None = None,
) -> Path:
    r"""Follow gradient descent, :math:`p_{k+1} = p_k - \eta_k \nabla \tilde L(p_k)`.

    Parameters
    ----------
    landscape : Landscape
    start : array_like, shape (d, ...)
        Coordinates first, then the runs.
    eta : array_like or callable
        Step size, positive; an array gives every run its own. A callable maps the number of updates made so far, from
        0, to the size of the next.
    steps : int
        Number of updates.
    at : array_like of int, optional
        The steps to record, ascending; by default `log_steps`.

    Raises
    ------
    ValueError
        If a step size is not positive, or the start does not have one number for each coordinate.

    Examples
    --------
    >>> from enlib.dynamics.escape.toys import example_a
    >>> path = descend(example_a(), [0.3], eta=0.01, steps=1000)
    >>> path.status.item(), path.loss[[0, -1]].round(3).tolist()
    ('capped', [0.394, 0.25])
    >>> from enlib.dynamics.escape.landscapes import OneSample
    >>> path = descend(OneSample(u=0.5, lam=3.0), [0.01, 0.0], eta=1.0, steps=5000)  # eta * lam > 2
    >>> path.status.item(), path.diverged_at.item()
    ('diverged', 1023.0)
    """
    _tools.count("steps", steps)
    constant = np.array(np.nan) if callable(eta) else _positive(eta)
    p = np.array(start, dtype=np.float64)
    if p.ndim == 0 or len(p) != len(landscape.names):
        raise ValueError(
            f"expected a start of shape ({len(landscape.names)}, ...) for {', '.join(landscape.names)}, "
            f"got {p.shape}: put the coordinates first"
        )
    record = log_steps(steps) if at is None else np.asarray(at, dtype=np.int64)
    points = np.full((len(record), *p.shape), np.nan)
    diverged_at = np.full(p.shape[1:], np.nan)
    dead = False
    slot = 0
    with np.errstate(over="ignore", invalid="ignore"):
        for k in range(steps + 1):
            if slot < len(record) and record[slot] == k:
                points[slot] = p
                slot += 1
            if k == steps:
                break
            size = _positive(eta(k)) if callable(eta) else constant
            move = size * landscape.gradient(p)
            if dead:
                move = np.where(np.isnan(diverged_at), move, 0.0)
            there = p - move
            # One sum tells whether all is well; only if not is it worth asking where.
            if not math.isfinite(there.sum()):
                fine = np.isfinite(there).all(axis=0)
                diverged_at = np.where(fine | ~np.isnan(diverged_at), diverged_at, k + 1.0)
                there, dead = np.where(fine, there, p), True
            p = there
        points = np.where((record.reshape(-1, *(1,) * p.ndim) >= diverged_at), np.nan, points) if dead else points
        points = np.moveaxis(points, 0, 1)
        return Path(record, points, landscape.loss(points), diverged_at)


def flow(landscape: Landscape, start: npt.ArrayLike, times: npt.ArrayLike) -> Array:
    r"""Follow gradient flow, :math:`\dot p = -\nabla \tilde L(p)`: descent with infinitely small steps.

    Along an escape the flow is stiff, so the solver is an implicit one; it is given the Hessian.

    Parameters
    ----------
    landscape : Landscape
    start : array_like, shape (d,)
        One run.
    times : array_like, shape (m,)
        Ascending, not negative.

    Returns
    -------
    array, shape (d, m)

    Raises
    ------
    RuntimeError
        If the solver gives up.

    Examples
    --------
    >>> from enlib.dynamics.escape.landscapes import OneSample
    >>> landscape = OneSample(u=0.5, lam=1.0)
    >>> times = np.array([1e2, 1e4, 1e6])
    >>> (times * landscape.loss(flow(landscape, [0.01, 0.0], times))).round(3).tolist()
    [0.341, 0.258, 0.251]
    """
    times = np.asarray(times, dtype=np.float64)
    solved = solve_ivp(
        lambda _, p: -landscape.gradient(p),
        (0.0, float(times[-1])),
        np.asarray(start, dtype=np.float64),
        method="Radau",
        t_eval=times,
        jac=lambda _, p: -landscape.hessian(p),
        rtol=1e-9,
        atol=1e-13,
    )
    if not solved.success:
        raise RuntimeError(f"expected the flow to reach t = {times[-1]:g}, got to {solved.t[-1]:g}: {solved.message}")
    return np.asarray(solved.y)


def _positive(eta: npt.ArrayLike) -> Array:
    sizes = np.asarray(eta, dtype=np.float64)
    if not ((sizes > 0) & np.isfinite(sizes)).all():
        raise ValueError(f"expected eta > 0, got {eta!r}: pass a positive, finite number")
    return sizes
