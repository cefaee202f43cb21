"""Classifiers with one input and one parameter, small enough to know everything about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

Outputs = Callable[[Array], Array]


@dataclass(frozen=True, eq=False)
class Toy:
    r"""A classifier :math:`f(x; \theta)` of one number with one parameter, and the samples it is to classify.

    .. math:: L(\theta) = \sum_i \max(0, 1 - y_i f(x_i; \theta))^3

    It is itself a landscape over points of shape (1, ...): coordinates first, then as many runs side by side as one
    likes. What the samples see comes with the samples first, (n, ...).

    Parameters
    ----------
    x, y : array, shape (n,)
        Inputs and labels, -1 or +1.
    output, slope, curvature : callable
        Map :math:`\theta`, of any shape, to f and its first and second derivative by :math:`\theta` at every sample,
        of shape (n, ...).

    Raises
    ------
    ValueError
        If x and y are not vectors of one length, or a label is neither -1 nor +1.

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
        if self.x.ndim != 1 or self.x.shape != self.y.shape:
            raise ValueError(
                f"expected x and y of one shape (n,), got {self.x.shape} and {self.y.shape}: pass one label a sample"
            )
        if not np.isin(self.y, (-1.0, 1.0)).all():
            raise ValueError(f"expected labels in {{-1, +1}}, got {sorted(set(self.y))}: map them, as in 2 * y - 1")

    def per_sample(self, values: Array, like: Array) -> Array:
        """Stand n numbers up so that they broadcast against an array of shape (n, ...)."""
        return values.reshape(-1, *(1,) * (like.ndim - 1))

    def margins(self, theta: npt.ArrayLike) -> Array:
        """Return y f(x; theta), of shape (n, ...)."""
        f = self.output(np.asarray(theta, dtype=np.float64))
        return self.per_sample(self.y, f) * f

    def errors(self, theta: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Count the samples whose margin is not positive."""
        return np.asarray((self.margins(theta) <= 0).sum(axis=0))

    def loss(self, p: Array) -> Array:
        """Return L at points of shape (1, ...)."""
        return np.asarray((np.maximum(1 - self.margins(p[0]), 0) ** 3).sum(axis=0))

    def gradient(self, p: Array) -> Array:
        """Return the derivative of L, of shape (1, ...)."""
        m = self.margins(p[0])
        pull = -3 * np.maximum(1 - m, 0) ** 2 * self.per_sample(self.y, m)
        return np.asarray((pull * self.slope(p[0])).sum(axis=0))[None]

    def hessian(self, p: Array) -> Array:
        """Return the second derivative of L, of shape (..., 1, 1)."""
        m = self.margins(p[0])
        hinge = np.maximum(1 - m, 0)
        pull = -3 * hinge**2 * self.per_sample(self.y, m)
        second = (6 * hinge * self.slope(p[0]) ** 2 + pull * self.curvature(p[0])).sum(axis=0)
        return np.asarray(second)[..., None, None]


def example_a(c: npt.ArrayLike = 0.5) -> Toy:
    r"""Return two samples and a bad minimum that is known exactly.

    .. math:: f(x; \theta) = x\,(c - \theta^2 + \theta^4), \qquad (x, y) = (1, 1),\ (-1, -1)

    The minimum at 0 has :math:`L = 2 (1 - c)^3` and :math:`L'' = 12 (1 - c)^2`, for :math:`c < 1`. The loss is zero
    for large :math:`|\theta|`.

    Parameters
    ----------
    c : array_like
        Margin of both samples at the bad minimum; an array gives every run its own.
    """
    x = np.array([1.0, -1.0])
    c = np.asarray(c, dtype=np.float64)
    return Toy(
        x, x,
        lambda t: np.multiply.outer(x, c - t**2 + t**4),
        lambda t: np.multiply.outer(x, 4 * t**3 - 2 * t),
        lambda t: np.multiply.outer(x, 12 * t**2 - 2),
    )  # fmt: skip


def example_b() -> Toy:
    r"""Return five samples and a loss with several bad minima.

    .. math:: f(x; \theta) = 2 \sin(\theta x), \qquad x = -1, -.4, .3, .7, 1, \qquad y = \operatorname{sign} \sin 3.7x

    Examples
    --------
    >>> toy = example_b()
    >>> toy.errors(np.array([3.7, -9.0]))  # the parameter that made the labels, and another one
    array([0, 2])
    """
    x = np.array([-1.0, -0.4, 0.3, 0.7, 1.0])
    return Toy(
        x, np.sign(np.sin(3.7 * x)),
        lambda t: 2 * np.sin(np.multiply.outer(x, t)),
        lambda t: 2 * x.reshape(-1, *(1,) * t.ndim) * np.cos(np.multiply.outer(x, t)),
        lambda t: -2 * x.reshape(-1, *(1,) * t.ndim) ** 2 * np.sin(np.multiply.outer(x, t)),
    )  # fmt: skip


def one_sample(u: npt.ArrayLike, x: float = 0.0) -> Toy:
    """Return one sample with label +1 that a constant classifier leaves at margin 1 - u.

    Its parameter does nothing. So all that moves is an exponential neuron beside it.

    Parameters
    ----------
    u : array_like
        What the margin lacks; an array gives every run its own.
    x : float
        The input.

    Examples
    --------
    >>> one_sample(0.5).loss(np.zeros(1))
    array(0.125)
    """
    margin = 1 - np.asarray(u, dtype=np.float64)
    return Toy(
        np.array([float(x)]), np.array([1.0]),
        lambda t: (margin + np.zeros_like(t))[None],
        lambda t: np.zeros_like(t + margin)[None],
        lambda t: np.zeros_like(t + margin)[None],
    )  # fmt: skip
