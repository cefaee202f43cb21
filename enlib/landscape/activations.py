"""How a sigmoid unit scales the gradient that passes through it: its gain, and where that is at least 1."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from enlib import _tools

Array = npt.NDArray[np.float64]


def gain(w: npt.ArrayLike, a: npt.ArrayLike, b: npt.ArrayLike = 0.0) -> Array:
    r"""Return :math:`|w\, \sigma'(w a + b)|`, by which one sigmoid unit scales a gradient that passes through it.

    .. math:: \sigma'(z) = \sigma(z)\,(1 - \sigma(z)) = \frac{1}{4 \cosh^2(z/2)}

    The second form does not lose digits where :math:`\sigma` is close to 1.

    Parameters
    ----------
    w, a, b : array_like
        Weight, input and bias; they broadcast.

    Examples
    --------
    >>> float(gain(4.0, 0.0))
    1.0
    """
    w, a, b = (_tools.array(name, value) for name, value in (("w", w), ("a", a), ("b", b)))
    # cosh overflows at 710; there the slope is 0 to any precision.
    half = np.clip(np.abs(w * a + b) / 2, None, 350)
    slope: Array = 0.25 / np.cosh(half) ** 2
    return np.abs(w) * slope


def gain_interval(w: float, b: float = 0.0) -> tuple[float, float]:
    r"""Return the inputs at which one sigmoid unit does not shrink a gradient, :math:`|w \sigma'(wa+b)| \ge 1`.

    .. math:: \left| a + \frac{b}{w} \right| \le \frac{2}{|w|} \operatorname{arccosh} \frac{\sqrt{|w|}}{2}

    Parameters
    ----------
    w, b : float
        Weight and bias, finite.

    Returns
    -------
    (float, float)
        The ends of the interval; (nan, nan) for :math:`|w| < 4`, where there is none.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a finite number.

    Examples
    --------
    >>> low, high = gain_interval(7.0, b=3.0)
    >>> round(float(gain(7.0, low, 3.0)), 12), round(float(gain(7.0, high, 3.0)), 12)
    (1.0, 1.0)
    """
    w, b = _tools.number("w", w), _tools.number("b", b)
    if abs(w) < 4:
        return math.nan, math.nan
    center, half = -b / w, gain_interval_width(w) / 2
    return center - half, center + half


def gain_interval_width(w: float) -> float:
    r"""Return the width of `gain_interval`, which does not depend on the bias.

    .. math:: \frac{4}{|w|} \operatorname{arccosh} \frac{\sqrt{|w|}}{2}

    It is zero at :math:`|w| = 4`, and NaN below.

    Parameters
    ----------
    w : float
        Weight, finite.

    Examples
    --------
    >>> gain_interval_width(4.0)
    0.0
    """
    w = _tools.number("w", w)
    return 4 / abs(w) * math.acosh(math.sqrt(abs(w)) / 2) if abs(w) >= 4 else math.nan


def widest_gain_interval() -> tuple[float, float]:
    r"""Return the weight with the widest `gain_interval`, and that width.

    With :math:`|w| = 4 \cosh^2 c` the width is :math:`c / \cosh^2 c`. Its derivative vanishes where
    :math:`c \tanh c = 1/2`.

    Returns
    -------
    (float, float)
        The weight and the width.

    Examples
    --------
    >>> w, width = widest_gain_interval()
    >>> round(w, 6), round(width, 6)
    (6.894151, 0.447743)
    """
    c = brentq(lambda c: c * math.tanh(c) - 0.5, 0.5, 1.0, xtol=1e-15)
    return 4 * math.cosh(c) ** 2, c / math.cosh(c) ** 2
