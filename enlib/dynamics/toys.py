"""Toy losses with known derivatives, with and without an exponential neuron, and gradient descent on them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from enlib import _tools
from enlib.losses import wrong

Array = npt.NDArray[np.float64]
Steps = npt.NDArray[np.int64]
Outputs = Callable[[Array], Array]
Schedule = Callable[[int], npt.ArrayLike]
_CHUNK = 2000  # steps that `first_instability` holds in memory


@dataclass(frozen=True, eq=False)
class ToyDescent:
    """Runs of gradient descent on a toy.

    Parameters
    ----------
    steps : array of int, shape (m,)
        The recorded steps; 0 is the start.
    points : array of shape (d, m, ...)
        The points of the runs, coordinates first; NaN from the step at which a run diverged.
    loss : array of shape (m, ...)
        The loss at these points.
    diverged_at : array of shape (...)
        The first step with a number that is not finite; NaN for a run that did not diverge.
    """

    steps: Steps
    points: Array
    loss: Array
    diverged_at: Array

    @property
    def end(self) -> Array:
        """Return the last recorded points, of shape (d, ...)."""
        return self.points[:, -1]


class _Toy(ABC):
    """A loss of d coordinates with its derivatives, and gradient descent and gradient flow on it.

    Points have shape (d, ...): the coordinates come first, so that ``theta, a, w, b = p`` reads as on paper, then any
    number of runs side by side.
    """

    names: ClassVar[tuple[str, ...]]
    """Names of the d coordinates."""

    @abstractmethod
    def loss(self, p: Array) -> Array:
        """Return the loss, of shape (...)."""

    @abstractmethod
    def gradient(self, p: Array) -> Array:
        """Return the gradient, of shape (d, ...)."""

    @abstractmethod
    def hessian(self, p: Array) -> Array:
        """Return the Hessian, of shape (..., d, d)."""

    def sharpness(self, p: Array) -> Array:
        """Return the largest eigenvalue of the Hessian, of shape (...).

        Examples
        --------
        >>> example_a().sharpness(np.zeros((1, 2)))
        array([3., 3.])
        """
        return np.asarray(np.linalg.eigvalsh(self.hessian(p))[..., -1])

    def descend(
        self,
        start: npt.ArrayLike,
        *,
        eta: npt.ArrayLike | Schedule,
        steps: int,
        at: npt.ArrayLike | None = None,
    ) -> ToyDescent:
        r"""Return gradient descent, :math:`p_{k+1} = p_k - \eta_k \nabla L(p_k)`, for many runs side by side.

        Parameters
        ----------
        start : array_like of shape (d, ...)
            Coordinates first, then the runs.
        eta : array_like or callable
            Step size, positive; an array gives every run its own. A callable maps the number of updates made so far
            to the size of the next one.
        steps : int
            Number of updates.
        at : array_like of int, optional
            The steps to record, ascending; by default, about 20 in each power of ten.

        Raises
        ------
        TypeError, ValueError
            If a step size is not positive, the start does not have one finite number for each coordinate, or a step
            to record does not exist.

        Examples
        --------
        >>> path = example_a().descend([0.3], eta=0.01, steps=1000)
        >>> path.loss[[0, -1]].round(3).tolist()
        [0.394, 0.25]
        >>> path = OneSample(u=0.5, lam=3.0).descend([0.01, 0.0], eta=1.0, steps=5000)  # eta * lam > 2
        >>> path.diverged_at.item()
        1023.0
        """
        steps = _tools.count("steps", steps)
        constant = np.array(np.nan) if callable(eta) else _positive("eta", eta)
        p = self._start(start)
        try:
            np.broadcast_to(constant, p.shape[1:])
        except ValueError:
            raise ValueError(
                f"expected one eta, or one for each run, {p.shape[1:]}, got {constant.shape}: match these shapes"
            ) from None
        record = _log_steps(steps) if at is None else _check_at(at, steps)
        points = np.full((len(record), *p.shape), np.nan)
        diverged_at = np.full(p.shape[1:], np.nan)
        any_diverged = False
        recorded = 0
        with np.errstate(over="ignore", invalid="ignore"):
            for k in range(steps + 1):
                if recorded < len(record) and record[recorded] == k:
                    points[recorded] = p
                    recorded += 1
                if k == steps:
                    break
                update = (_positive("eta", eta(k)) if callable(eta) else constant) * self.gradient(p)
                if any_diverged:
                    update = np.where(np.isnan(diverged_at), update, 0.0)
                new = p - update
                # One sum tells whether every run is finite; only if not is it worth asking which.
                if not math.isfinite(new.sum()):
                    finite = np.isfinite(new).all(axis=0)
                    diverged_at = np.where(finite | ~np.isnan(diverged_at), diverged_at, k + 1.0)
                    new, any_diverged = np.where(finite, new, p), True
                p = new
            if any_diverged:
                points = np.where(record.reshape(-1, *(1,) * p.ndim) >= diverged_at, np.nan, points)
            points = np.moveaxis(points, 0, 1)
            return ToyDescent(record, points, self.loss(points), diverged_at)

    def flow(self, start: npt.ArrayLike, times: npt.ArrayLike) -> Array:
        r"""Return gradient flow, :math:`\dot p = -\nabla L(p)`: descent with infinitely small steps.

        Along an escape to infinity the flow is stiff, so an implicit solver is used, with the Hessian.

        Parameters
        ----------
        start : array_like of shape (d,)
            The point of one run at time 0.
        times : array_like of shape (m,)
            Times to return, ascending and not negative.

        Returns
        -------
        array of shape (d, m)
            The point at each time.

        Raises
        ------
        TypeError, ValueError
            If the start does not have one finite number for each coordinate, or the times do not ascend.
        RuntimeError
            If the solver gives up.

        Examples
        --------
        >>> sample = OneSample(u=0.5, lam=1.0)
        >>> times = np.array([1e2, 1e4, 1e6])
        >>> (times * sample.loss(sample.flow([0.01, 0.0], times))).round(3).tolist()
        [0.341, 0.258, 0.251]
        """
        times = np.atleast_1d(_tools.array("times", times, finite=True))
        if times.ndim != 1 or not len(times) or times[0] < 0 or (np.diff(times) <= 0).any():
            raise ValueError(f"expected ascending times of at least 0, got {times}: sort them")
        solved = solve_ivp(
            lambda _, p: -self.gradient(p),
            (0.0, float(times[-1])),
            self._start(start),
            method="Radau",
            t_eval=times,
            jac=lambda _, p: -self.hessian(p),
            rtol=1e-9,
            atol=1e-13,
        )
        if not solved.success:
            raise RuntimeError(
                f"expected the flow to reach t = {times[-1]:g}, got to {solved.t[-1]:g}: {solved.message}"
            )
        return np.asarray(solved.y)

    def first_instability(self, start: npt.ArrayLike, *, eta: npt.ArrayLike, steps: int) -> tuple[Array, Array]:
        r"""Return when gradient descent first became unstable in each run, by two criteria.

        Every step is evaluated, up to the one at which a run diverges.

        Parameters
        ----------
        start, eta
            As for `descend`; no schedule.
        steps : int
            Number of updates after which the search ends.

        Returns
        -------
        crossed : array of shape (...)
            The first step at which the sharpness is above :math:`2/\eta`; NaN for none.
        rose : array of shape (...)
            The first step after which the loss is higher than before it; NaN for none.

        Examples
        --------
        >>> crossed, rose = OneSample(u=0.5, lam=1.0).first_instability([0.01, 0.0], eta=0.2, steps=1000)
        >>> crossed.item()
        306.0
        """
        steps, eta = _tools.count("steps", steps), _positive("eta", eta)
        p = self._start(start)
        crossed, rose = np.full(p.shape[1:], np.nan), np.full(p.shape[1:], np.nan)
        done = 0
        while done < steps and np.isnan([crossed, rose]).any():
            n = min(_CHUNK, steps - done)
            path = self.descend(p, eta=eta, steps=n, at=np.arange(n + 1))
            _note_first(crossed, self._above(path.points, 2 / eta), done)
            with np.errstate(invalid="ignore"):
                _note_first(rose, np.diff(path.loss, axis=0) > 0, done)
            if np.isnan(path.end).any(axis=0).all():
                break
            p, done = np.where(np.isnan(path.end), path.points[:, 0], path.end), done + n
        return crossed, rose

    def _above(self, points: Array, limit: Array) -> npt.NDArray[np.bool_]:
        """Return where the sharpness is above a limit, computing eigenvalues only where the Hessian's norm is."""
        limit = np.broadcast_to(limit, points.shape[1:])
        above = np.zeros(points.shape[1:], dtype=np.bool_)
        with np.errstate(over="ignore", invalid="ignore"):
            h = self.hessian(points)
            possible = (np.sqrt((h**2).sum(axis=(-2, -1))) > limit) & np.isfinite(h).all(axis=(-2, -1))
        above[possible] = np.linalg.eigvalsh(h[possible])[:, -1] > limit[possible]
        return above

    def _start(self, start: npt.ArrayLike) -> Array:
        p = _tools.array("start", start, finite=True)
        if p.ndim == 0 or len(p) != len(self.names):
            raise ValueError(
                f"expected a start of shape ({len(self.names)}, ...) for {', '.join(self.names)}, "
                f"got {p.shape}: put the coordinates first"
            )
        return np.array(p)


@dataclass(frozen=True, eq=False)
class ToyClassifier(_Toy):
    r"""A classifier :math:`f(x; \theta)` of one number with one parameter, and the samples to classify.

    .. math:: L(\theta) = \sum_i \max(0, 1 - y_i f(x_i; \theta))^3

    Arrays over the samples have the samples first, (n, ...).

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Inputs, and labels -1 or +1.
    output, slope, curvature : callable
        Map :math:`\theta`, of any shape, to f and its first and second derivative by :math:`\theta` at every sample,
        of shape (n, ...).

    Raises
    ------
    TypeError, ValueError
        If x and y are not finite vectors of one length, or a label is neither -1 nor +1.

    Examples
    --------
    >>> toy = example_a()
    >>> toy.loss(np.array([0.0])), toy.gradient(np.array([0.0])), toy.hessian(np.array([0.0]))
    (array(0.25), array([0.]), array([[3.]]))
    """

    x: Array
    y: Array
    output: Outputs
    slope: Outputs
    curvature: Outputs
    names: ClassVar[tuple[str, ...]] = ("theta",)

    def __post_init__(self) -> None:
        x, y = _tools.array("x", self.x, finite=True), _tools.array("y", self.y)
        if x.ndim != 1 or x.shape != y.shape:
            raise ValueError(
                f"expected x and y of one shape (n,), got {x.shape} and {y.shape}: pass one label for each sample"
            )
        if not np.isin(y, (-1.0, 1.0)).all():
            raise ValueError(f"expected labels in {{-1, +1}}, got {sorted(set(y))}: map them, as in 2 * y - 1")
        if not all(map(callable, (self.output, self.slope, self.curvature))):
            raise TypeError("expected output, slope and curvature to be functions, got other types: pass functions")
        object.__setattr__(self, "x", x)
        object.__setattr__(self, "y", y)

    @classmethod
    def one_sample(cls, u: npt.ArrayLike, x: float = 0.0) -> ToyClassifier:
        """Return a constant classifier and one sample with label +1 and margin 1 - u.

        The classifier's parameter has no effect, so only an exponential neuron beside it moves.

        Parameters
        ----------
        u : array_like
            How far the margin is below 1; an array gives every run its own.
        x : float
            The input.

        Examples
        --------
        >>> ToyClassifier.one_sample(0.5).loss(np.zeros(1))
        array(0.125)
        """
        margin = 1 - _tools.array("u", u, finite=True)
        return cls(
            np.array([_tools.number("x", x)]), np.array([1.0]),
            lambda t: (margin + np.zeros_like(t))[None],
            lambda t: np.zeros_like(t + margin)[None],
            lambda t: np.zeros_like(t + margin)[None],
        )  # fmt: skip

    @classmethod
    def sine(cls, x: npt.ArrayLike, y: npt.ArrayLike) -> ToyClassifier:
        r"""Return the classifier :math:`f = 2 \sin(\theta x)` of given samples; its loss has several minima.

        Parameters
        ----------
        x, y : array_like of shape (n,)
            Inputs, and labels -1 or +1.

        Examples
        --------
        >>> toy = ToyClassifier.sine([-0.4, 0.3], [-1, 1])
        >>> toy.errors(np.array([4.0, -4.0]))
        array([0, 2])
        """
        x, y = _tools.array("x", x), _tools.array("y", y)
        return cls(
            x, y,
            lambda t: 2 * np.sin(np.multiply.outer(x, t)),
            lambda t: 2 * x.reshape(-1, *(1,) * t.ndim) * np.cos(np.multiply.outer(x, t)),
            lambda t: -2 * x.reshape(-1, *(1,) * t.ndim) ** 2 * np.sin(np.multiply.outer(x, t)),
        )  # fmt: skip

    def _margins(self, theta: npt.ArrayLike) -> Array:
        f = self.output(_tools.array("theta", theta))
        return _per_sample(self.y, f) * f

    def errors(self, theta: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Return the number of samples without a positive margin; all of them where theta is NaN."""
        return _errors(self._margins(theta))

    def loss(self, p: Array) -> Array:
        """Return L at points of shape (1, ...)."""
        return np.asarray((np.maximum(1 - self._margins(p[0]), 0) ** 3).sum(axis=0))

    def gradient(self, p: Array) -> Array:
        """Return the derivative of L, of shape (1, ...)."""
        m = self._margins(p[0])
        pull = -3 * np.maximum(1 - m, 0) ** 2 * _per_sample(self.y, m)
        return np.asarray((pull * self.slope(p[0])).sum(axis=0))[None]

    def hessian(self, p: Array) -> Array:
        """Return the second derivative of L, of shape (..., 1, 1)."""
        m = self._margins(p[0])
        hinge = np.maximum(1 - m, 0)
        pull = -3 * hinge**2 * _per_sample(self.y, m)
        second = (6 * hinge * self.slope(p[0]) ** 2 + pull * self.curvature(p[0])).sum(axis=0)
        return np.asarray(second)[..., None, None]

    def minima(self, low: float, high: float) -> Array:
        """Return the strict local minima of L on an interval, ascending.

        The slope is evaluated at 20,001 points; two zeros between neighboring points are missed. Valleys with a flat
        floor, where the loss is zero on an interval, are no strict minima and are left out.

        Parameters
        ----------
        low, high : float
            Ends of the interval.

        Raises
        ------
        TypeError, ValueError
            If the ends are not finite numbers, or the interval is empty.

        Examples
        --------
        >>> example_a().minima(-1.0, 1.1).round(9)
        array([0.])
        """
        low, high = _tools.number("low", low), _tools.number("high", high)
        if not low < high:
            raise ValueError(f"expected low < high, got {low} and {high}: pass the smaller number first")
        theta = np.linspace(low, high, 20_001, dtype=np.float64)
        at = self.gradient(theta[None])[0]
        exact = np.flatnonzero((at[1:-1] == 0) & (at[:-2] < 0) & (at[2:] > 0)) + 1
        between = np.flatnonzero((at[:-1] < 0) & (at[1:] > 0))
        roots = [
            brentq(lambda t: float(self.gradient(np.array([t]))[0]), theta[i], theta[i + 1], xtol=1e-14)
            for i in between
        ]
        return np.sort(np.array([*theta[exact], *roots], dtype=np.float64))


@dataclass(frozen=True, eq=False)
class ToyWithNeuron(_Toy):
    r"""The loss of a toy classifier with an exponential neuron added to its output.

    .. math:: \tilde L(\theta, a, w, b) = \sum_i \max\!\left(0, 1 - y_i (f(x_i; \theta) + a e^{w x_i + b})\right)^3
              + \frac{\lambda}{2} a^2

    Parameters
    ----------
    toy : ToyClassifier
        The classifier.
    lam : array_like
        The weight :math:`\lambda` of the penalty, not negative; an array gives every run its own.

    Raises
    ------
    TypeError, ValueError
        If a weight is negative or not a finite number.

    Notes
    -----
    The neuron and its penalty are those of S. Liang, R. Sun, J. D. Lee, R. Srikant, arXiv:1805.08671.

    Examples
    --------
    >>> with_neuron = ToyWithNeuron(example_a(), lam=1.0)
    >>> np.linalg.eigvalsh(with_neuron.hessian(np.zeros(4))).round(6)
    array([-0.307887,  0.      ,  3.      ,  7.307887])
    """

    toy: ToyClassifier
    lam: npt.ArrayLike
    names: ClassVar[tuple[str, ...]] = ("theta", "a", "w", "b")

    def __post_init__(self) -> None:
        if not isinstance(self.toy, ToyClassifier):
            raise TypeError(f"expected a toy classifier, got {type(self.toy).__name__}: pass example_a(), say")
        _positive("lam", self.lam, or_zero=True)

    def _margins(self, p: Array) -> Array:
        _, f, y = self._outputs(p)
        return np.asarray(y * f)

    def errors(self, p: Array) -> npt.NDArray[np.int64]:
        """Return the number of samples without a positive margin; all of them where p is NaN."""
        return _errors(self._margins(p))

    def loss(self, p: Array) -> Array:
        """Return the loss, the penalty included."""
        data = (np.maximum(1 - self._margins(p), 0) ** 3).sum(axis=0)
        return np.asarray(data + np.asarray(self.lam) * p[1] ** 2 / 2)

    def gradient(self, p: Array) -> Array:
        """Return the derivatives by theta, a, w and b."""
        theta, a, _, _ = p
        e, f, y = self._outputs(p)
        pull = -3 * y * np.maximum(1 - y * f, 0) ** 2  # of each sample's loss, by its output
        by_a = pull * e
        in_a = by_a.sum(axis=0)
        by = np.empty((4, *f.shape[1:]))
        by[0] = (pull * self.toy.slope(theta)).sum(axis=0)
        by[1] = in_a + self.lam * a
        by[2] = a * (_per_sample(self.toy.x, f) * by_a).sum(axis=0)
        by[3] = a * in_a
        return by

    def hessian(self, p: Array) -> Array:
        """Return the second derivatives."""
        theta, a, _, _ = p
        e, f, y = self._outputs(p)
        x = _per_sample(self.toy.x, f)
        hinge = np.maximum(1 - y * f, 0)
        pull = -3 * y * hinge**2
        zero = np.zeros_like(f)
        first = np.stack(np.broadcast_arrays(self.toy.slope(theta), e, a * x * e, a * e))
        second = [
            [self.toy.curvature(theta) + zero, zero, zero, zero],
            [zero, zero, x * e, e],
            [zero, x * e, a * x**2 * e, a * x * e],
            [zero, e, a * x * e, a * e],
        ]
        h = np.einsum("n...,in...,jn...->...ij", 6 * hinge, first, first)
        h += np.einsum("n...,ijn...->...ij", pull, np.array(second))
        h[..., 1, 1] += self.lam
        return np.asarray(h)

    def _outputs(self, p: Array) -> tuple[Array, Array, Array]:
        """Return the neuron's exponential, the outputs with the neuron, and the labels, of shape (n, ...)."""
        theta, a, w, b = p
        e = np.exp(np.multiply.outer(self.toy.x, w) + b)
        f = self.toy.output(theta) + a * e
        return e, f, _per_sample(self.toy.y, f)


@dataclass(frozen=True, eq=False)
class OneSample(_Toy):
    r"""One sample, an exponential neuron, and nothing else: the escape in two coordinates.

    .. math:: \tilde L(a, b) = \max(0, u - a e^b)^3 + \frac{\lambda}{2} a^2

    This equals `ToyWithNeuron` of `ToyClassifier.one_sample` with input 0, and it is faster.

    Parameters
    ----------
    u : array_like
        How far the margin is below 1 without the neuron, positive; an array gives every run its own.
    lam : array_like
        The weight :math:`\lambda` of the penalty, not negative; an array gives every run its own.

    Raises
    ------
    TypeError, ValueError
        If a number is out of range.

    Examples
    --------
    >>> OneSample(u=0.5, lam=1.0).gradient(np.zeros(2))
    array([-0.75, -0.  ])
    """

    u: npt.ArrayLike
    lam: npt.ArrayLike
    names: ClassVar[tuple[str, ...]] = ("a", "b")

    def __post_init__(self) -> None:
        _positive("u", self.u)
        _positive("lam", self.lam, or_zero=True)

    def loss(self, p: Array) -> Array:
        """Return the loss, the penalty included."""
        a, b = p
        return np.asarray(np.maximum(self.u - a * np.exp(b), 0) ** 3 + np.asarray(self.lam) * a**2 / 2)

    def gradient(self, p: Array) -> Array:
        """Return the derivatives by a and b."""
        a, b = p
        e = np.exp(b)
        pull = -3 * np.maximum(self.u - a * e, 0) ** 2 * e
        return np.array([pull + self.lam * a, pull * a])

    def hessian(self, p: Array) -> Array:
        """Return the second derivatives."""
        a, b = p
        e = np.exp(b)
        missing = np.maximum(self.u - a * e, 0)
        in_aa = 6 * missing * e**2
        in_ab = a * in_aa - 3 * missing**2 * e
        rows = [[in_aa + self.lam, in_ab], [in_ab, a * in_ab]]
        return np.moveaxis(np.array(rows), (0, 1), (-2, -1))


def example_a(c: npt.ArrayLike = 0.5) -> ToyClassifier:
    r"""Return a toy classifier of two samples whose bad minimum is known exactly.

    .. math:: f(x; \theta) = x\,(c - \theta^2 + \theta^4), \qquad (x, y) = (1, 1),\ (-1, -1)

    The minimum at 0 has :math:`L = 2 (1 - c)^3` and :math:`L'' = 12 (1 - c)^2`, for :math:`c < 1`. The loss is zero
    for large :math:`|\theta|`.

    Parameters
    ----------
    c : array_like
        Margin of both samples at the bad minimum; an array gives every run its own.
    """
    x = np.array([1.0, -1.0])
    c = _tools.array("c", c, finite=True)
    return ToyClassifier(
        x, x,
        lambda t: np.multiply.outer(x, c - t**2 + t**4),
        lambda t: np.multiply.outer(x, 4 * t**3 - 2 * t),
        lambda t: np.multiply.outer(x, 12 * t**2 - 2),
    )  # fmt: skip


def example_b() -> ToyClassifier:
    r"""Return a toy classifier of five samples whose loss has several bad minima.

    .. math:: f(x; \theta) = 2 \sin(\theta x), \qquad x = -1, -.4, .3, .7, 1, \qquad y = \operatorname{sign} \sin 3.7x

    Examples
    --------
    >>> toy = example_b()
    >>> toy.errors(np.array([3.7, -9.0]))  # the parameter that made the labels, and another one
    array([0, 2])
    """
    x = np.array([-1.0, -0.4, 0.3, 0.7, 1.0])
    return ToyClassifier.sine(x, np.sign(np.sin(3.7 * x)))


def _log_steps(steps: int) -> Steps:
    """Return step numbers from 0 to ``steps``, about 20 in each power of ten."""
    count = 1 + math.ceil(20 * math.log10(steps))
    numbers: Steps = np.unique(np.concatenate([[0], np.geomspace(1, steps, max(count, 2)).round()])).astype(np.int64)
    return numbers


def _check_at(at: npt.ArrayLike, steps: int) -> Steps:
    record = np.atleast_1d(_tools.array("at", at, finite=True))
    if (record % 1 != 0).any() or record.ndim != 1 or (np.diff(record) <= 0).any():
        raise ValueError(f"expected the steps in at to be ascending integers, got {at!r}: sort them")
    if len(record) and not 0 <= record[0] <= record[-1] <= steps:
        raise ValueError(
            f"expected the steps in at from 0 to {steps}, got {record[0]:g} to {record[-1]:g}: record only these"
        )
    return record.astype(np.int64)


def _note_first(found: Array, happens: npt.NDArray[np.bool_], offset: int) -> None:
    """Record the first step at which something happens, for each run that has no record yet."""
    new = happens.any(axis=0) & np.isnan(found)
    found[new] = offset + happens.argmax(axis=0)[new]


def _per_sample(values: Array, like: Array) -> Array:
    """Return n numbers in a shape that broadcasts against an array of shape (n, ...)."""
    return values.reshape(-1, *(1,) * (like.ndim - 1))


def _errors(margins: Array) -> npt.NDArray[np.int64]:
    return np.asarray(wrong(margins, np.asarray(1.0)).sum(axis=0))


def _positive(name: str, value: npt.ArrayLike, *, or_zero: bool = False) -> Array:
    numbers = _tools.array(name, value)
    valid = numbers >= 0 if or_zero else numbers > 0
    if not (valid & np.isfinite(numbers)).all():
        raise ValueError(f"expected {name} {'>=' if or_zero else '>'} 0, got {value!r}: pass finite numbers")
    return numbers
