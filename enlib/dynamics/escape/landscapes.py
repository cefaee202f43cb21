"""Two ways to put an exponential beside a loss, with gradients and Hessians written out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from enlib.dynamics.escape.toys import Array, Toy


class Landscape(Protocol):
    """A function of d coordinates that knows its derivatives.

    Points have shape (d, ...): the coordinates first, so that ``theta, a, w, b = p`` reads as on paper, and then any
    number of runs side by side.
    """

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the d coordinates."""

    def loss(self, p: Array) -> Array:
        """Return the loss, of shape (...)."""

    def gradient(self, p: Array) -> Array:
        """Return the gradient, of shape (d, ...)."""

    def hessian(self, p: Array) -> Array:
        """Return the Hessian, of shape (..., d, d)."""


@dataclass(frozen=True, eq=False)
class WithNeuron:
    r"""The loss of a toy classifier with an exponential neuron beside it.

    .. math:: \tilde L(\theta, a, w, b) = \sum_i \max\!\left(0, 1 - y_i (f(x_i; \theta) + a e^{w x_i + b})\right)^3
              + \frac{\lambda}{2} a^2

    Parameters
    ----------
    toy : Toy
    lam : array_like
        The penalty's weight, not negative; an array gives every run its own.

    Raises
    ------
    ValueError
        If a weight is negative.

    Notes
    -----
    The neuron and its penalty are those of S. Liang, R. Sun, J. D. Lee, R. Srikant, arXiv:1805.08671.

    Examples
    --------
    >>> from enlib.dynamics.escape.toys import example_a
    >>> landscape = WithNeuron(example_a(), lam=1.0)
    >>> np.linalg.eigvalsh(landscape.hessian(np.zeros(4))).round(6)
    array([-0.307887,  0.      ,  3.      ,  7.307887])
    """

    toy: Toy
    lam: npt.ArrayLike
    names: ClassVar[tuple[str, ...]] = ("theta", "a", "w", "b")

    def __post_init__(self) -> None:
        _not_negative(self.lam)

    def margins(self, p: Array) -> Array:
        """Return the margins with the neuron, of shape (n, ...)."""
        theta, a, w, b = p
        f = self.toy.output(theta) + a * np.exp(np.multiply.outer(self.toy.x, w) + b)
        return np.asarray(self.toy.per_sample(self.toy.y, f) * f)

    def errors(self, p: Array) -> npt.NDArray[np.int64]:
        """Count the samples whose margin, with the neuron, is not positive."""
        return np.asarray((self.margins(p) <= 0).sum(axis=0))

    def loss(self, p: Array) -> Array:
        """Return the loss, the penalty included."""
        data = (np.maximum(1 - self.margins(p), 0) ** 3).sum(axis=0)
        return np.asarray(data + np.asarray(self.lam) * p[1] ** 2 / 2)

    def gradient(self, p: Array) -> Array:
        """Return the derivatives by theta, a, w and b."""
        theta, a, w, b = p
        toy = self.toy
        e = np.exp(np.multiply.outer(toy.x, w) + b)
        f = toy.output(theta) + a * e
        y = toy.per_sample(toy.y, f)
        pull = -3 * y * np.maximum(1 - y * f, 0) ** 2  # of each sample's loss, by its output
        by_a = pull * e
        in_a = by_a.sum(axis=0)
        by = np.empty((4, *f.shape[1:]))
        by[0] = (pull * toy.slope(theta)).sum(axis=0)
        by[1] = in_a + self.lam * a
        by[2] = a * (toy.per_sample(toy.x, f) * by_a).sum(axis=0)
        by[3] = a * in_a
        return by

    def hessian(self, p: Array) -> Array:
        """Return the second derivatives."""
        theta, a, w, b = p
        toy = self.toy
        e = np.exp(np.multiply.outer(toy.x, w) + b)
        f = toy.output(theta) + a * e
        x, y = toy.per_sample(toy.x, f), toy.per_sample(toy.y, f)
        hinge = np.maximum(1 - y * f, 0)
        pull = -3 * y * hinge**2
        zero = np.zeros_like(f)
        first = np.stack(np.broadcast_arrays(toy.slope(theta), e, a * x * e, a * e))
        second = [
            [toy.curvature(theta) + zero, zero, zero, zero],
            [zero, zero, x * e, e],
            [zero, x * e, a * x**2 * e, a * x * e],
            [zero, e, a * x * e, a * e],
        ]
        h = np.einsum("n...,in...,jn...->...ij", 6 * hinge, first, first)
        h += np.einsum("n...,ijn...->...ij", pull, np.array(second))
        h[..., 1, 1] += self.lam
        return np.asarray(h)


@dataclass(frozen=True, eq=False)
class OneSample:
    r"""One sample, an exponential neuron, and nothing else: the escape in two coordinates.

    .. math:: \tilde L(a, b) = \max(0, u - a e^b)^3 + \frac{\lambda}{2} a^2

    The same as `WithNeuron` over `one_sample` with input 0, and faster.

    Parameters
    ----------
    u : array_like
        What the sample's margin lacks without the neuron; an array gives every run its own.
    lam : array_like
        The penalty's weight, not negative; likewise.

    Raises
    ------
    ValueError
        If a weight is negative.

    Examples
    --------
    >>> OneSample(u=0.5, lam=1.0).gradient(np.zeros(2))
    array([-0.75, -0.  ])
    """

    u: npt.ArrayLike
    lam: npt.ArrayLike
    names: ClassVar[tuple[str, ...]] = ("a", "b")

    def __post_init__(self) -> None:
        _not_negative(self.lam)

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
        lacks = np.maximum(self.u - a * e, 0)
        in_aa = 6 * lacks * e**2
        in_ab = a * in_aa - 3 * lacks**2 * e
        rows = [[in_aa + self.lam, in_ab], [in_ab, a * in_ab]]
        return np.moveaxis(np.array(rows), (0, 1), (-2, -1))


@dataclass(frozen=True, eq=False)
class Multiplied:
    r"""A loss of one parameter, multiplied as Sohl-Dickstein and Kawaguchi do, without any data set in sight.

    .. math:: \tilde L(\theta, a, b) = L(\theta) \left(1 + (a e^b - 1)^2\right) + \lambda a^2

    Parameters
    ----------
    value, slope, curvature : callable
        The loss :math:`L \ge 0` and its first two derivatives.
    lam : array_like
        The penalty's weight, not negative; an array gives every run its own.

    Raises
    ------
    ValueError
        If a weight is negative.

    Notes
    -----
    J. Sohl-Dickstein, K. Kawaguchi, arXiv:1901.03909.

    Examples
    --------
    >>> Multiplied(lambda t: t**2 + 1, lambda t: 2 * t, lambda t: 2 + 0 * t, lam=0.1).loss(np.zeros(3))
    array(2.)
    """

    value: Callable[[Array], Array]
    slope: Callable[[Array], Array]
    curvature: Callable[[Array], Array]
    lam: npt.ArrayLike
    names: ClassVar[tuple[str, ...]] = ("theta", "a", "b")

    def __post_init__(self) -> None:
        _not_negative(self.lam)

    def loss(self, p: Array) -> Array:
        """Return the loss, the penalty included."""
        theta, a, b = p
        return np.asarray(self.value(theta) * (1 + (a * np.exp(b) - 1) ** 2) + self.lam * a**2)

    def gradient(self, p: Array) -> Array:
        """Return the derivatives by theta, a and b."""
        theta, a, b = p
        e = np.exp(b)
        gap = a * e - 1
        in_a = 2 * self.value(theta) * gap * e
        return np.stack([self.slope(theta) * (1 + gap**2), in_a + 2 * np.asarray(self.lam) * a, a * in_a])

    def hessian(self, p: Array) -> Array:
        """Return the second derivatives."""
        theta, a, b = p
        e = np.exp(b)
        s, gap, value = a * e, a * e - 1, self.value(theta)
        mixed = 2 * self.slope(theta) * gap
        in_ab = 2 * value * e * (s + gap)
        rows = [
            [self.curvature(theta) * (1 + gap**2), mixed * e, mixed * s],
            [mixed * e, 2 * value * e**2 + 2 * np.asarray(self.lam), in_ab],
            [mixed * s, in_ab, 2 * value * s * (s + gap)],
        ]
        return np.moveaxis(np.array(rows), (0, 1), (-2, -1))


def double_well(lam: npt.ArrayLike) -> Multiplied:
    r"""Return `Multiplied` over :math:`L(\theta) = (\theta^2 - 1)^2 + 0.3\, \theta + 0.305428`.

    Its left minimum has L = 0, to six digits. The right one, near :math:`\theta = 0.96`, is bad.
    """
    return Multiplied(
        lambda t: (t**2 - 1) ** 2 + 0.3 * t + 0.305428,
        lambda t: 4 * t * (t**2 - 1) + 0.3,
        lambda t: 12 * t**2 - 4,
        lam,
    )


def _not_negative(lam: npt.ArrayLike) -> None:
    if not (np.asarray(lam, dtype=np.float64) >= 0).all():
        raise ValueError(f"expected lam >= 0, got {lam!r}: a negative penalty has no minimum at all")
