"""The gain of a sigmoid unit, by which it scales a gradient, and the inputs at which it is at least 1."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

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
    r"""Return the interval of inputs at which one sigmoid unit does not shrink a gradient.

    There the gain :math:`|w \sigma'(wa+b)|` is at least 1:

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
    center, half = -b / w, 2 / abs(w) * math.acosh(math.sqrt(abs(w)) / 2)
    return center - half, center + half
