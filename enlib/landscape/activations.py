"""How much slope a sigmoid lets through: bounds, intervals and products over depth."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from enlib import _tools

Array = npt.NDArray[np.float64]


def sigmoid_slope(z: npt.ArrayLike) -> Array:
    r"""Return the derivative of the sigmoid.

    .. math:: \sigma'(z) = \sigma(z)\,(1 - \sigma(z)) = \frac{1}{4 \cosh^2(z/2)}

    The second form does not lose digits where :math:`\sigma` is close to 1, and its largest value, 1/4 at 0, can be
    read off it.

    Parameters
    ----------
    z : array_like
        Any shape.

    Examples
    --------
    >>> float(sigmoid_slope(0.0))
    0.25
    """
    # cosh overflows at 710; there the slope is 0 to any precision.
    half = np.clip(np.abs(np.asarray(z, dtype=np.float64)) / 2, None, 350)
    slope: Array = 0.25 / np.cosh(half) ** 2
    return slope


def gain(w: npt.ArrayLike, a: npt.ArrayLike, b: npt.ArrayLike = 0.0) -> Array:
    r"""Return :math:`|w\, \sigma'(w a + b)|`: by how much one sigmoid unit scales a gradient passing through it.

    Parameters
    ----------
    w, a, b : array_like
        Weight, input and bias; they broadcast.

    Examples
    --------
    >>> float(gain(4.0, 0.0))
    1.0
    """
    w, a, b = (np.asarray(v, dtype=np.float64) for v in (w, a, b))
    return np.abs(w) * sigmoid_slope(w * a + b)


def gain_interval(w: float, b: float = 0.0) -> tuple[float, float]:
    r"""Return the inputs at which one sigmoid unit does not shrink a gradient, :math:`|w \sigma'(wa+b)| \ge 1`.

    .. math:: \left| a + \frac{b}{w} \right| \le \frac{2}{|w|} \operatorname{arccosh} \frac{\sqrt{|w|}}{2}

    Parameters
    ----------
    w, b : float
        Weight and bias.

    Returns
    -------
    (float, float)
        The ends of the interval; (nan, nan) for :math:`|w| < 4`, where there is none.

    Raises
    ------
    ValueError
        If a number is not finite.

    Examples
    --------
    >>> low, high = gain_interval(7.0, b=3.0)
    >>> round(float(gain(7.0, low, 3.0)), 12), round(float(gain(7.0, high, 3.0)), 12)
    (1.0, 1.0)
    """
    for name, value in (("w", w), ("b", b)):
        if not math.isfinite(value):
            raise ValueError(f"expected a finite {name}, got {value}: pass a number")
    if abs(w) < 4:
        return math.nan, math.nan
    center, half = -b / w, gain_interval_width(w) / 2
    return center - half, center + half


def gain_interval_width(w: float) -> float:
    r"""Return the width of `gain_interval`, which does not depend on the bias.

    .. math:: \frac{4}{|w|} \operatorname{arccosh} \frac{\sqrt{|w|}}{2}

    Zero at :math:`|w| = 4`, NaN below.

    Examples
    --------
    >>> gain_interval_width(4.0)
    0.0
    """
    return 4 / abs(w) * math.acosh(math.sqrt(abs(w)) / 2) if abs(w) >= 4 else math.nan


def widest_gain_interval() -> tuple[float, float]:
    r"""Return the weight with the widest `gain_interval`, and that width.

    With :math:`|w| = 4 \cosh^2 c` the width is :math:`c / \cosh^2 c`. Its derivative vanishes where
    :math:`c \tanh c = 1/2`.

    Examples
    --------
    >>> w, width = widest_gain_interval()
    >>> round(w, 6), round(width, 6)
    (6.894151, 0.447743)
    """
    c = brentq(lambda c: c * math.tanh(c) - 0.5, 0.5, 1.0, xtol=1e-15)
    return 4 * math.cosh(c) ** 2, c / math.cosh(c) ** 2


def depth_bound(w: float, depth: int) -> float:
    r"""Return the largest factor that a chain of sigmoid units can put on a gradient, :math:`(|w|/4)^L`.

    Parameters
    ----------
    w : float
        Weight of every unit.
    depth : int
        Number L of units in the chain.

    Raises
    ------
    ValueError
        If ``depth`` is not a positive integer.

    Examples
    --------
    >>> depth_bound(2.0, 3)
    0.125
    """
    return (abs(w) / 4) ** _tools.count("depth", depth)
