"""The effect of the neuron in each pair of runs, and what a run that did not get there says about it."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def log_ratios(without: npt.ArrayLike, with_neuron: npt.ArrayLike) -> Array:
    r"""Return the log-ratio of the two times of each seed, below zero where the neuron is faster.

    .. math:: d_i = \log \frac{t_i^{\text{with}}}{t_i^{\text{without}}}

    A pair with one censored run has an order, but no size: it is :math:`+\infty` if the run with the neuron did not
    get there, :math:`-\infty` if the run without did not. A pair with two censored runs has not even an order: it is
    NaN, and whoever takes the effects counts it and leaves it out.

    Parameters
    ----------
    without, with_neuron : array_like, shape (n,)
        Times in any unit, above zero; NaN where the run is censored. Entry i of both belongs to seed i.

    Returns
    -------
    array, shape (n,)
        Opposite ratios give opposite numbers, and equal ones of whole numbers, such as epochs, equal numbers, to the
        last bit: ranks see true ties.

    Raises
    ------
    ValueError
        If the arrays are empty, differ in length, or hold infinite values or times that are not positive.

    Examples
    --------
    >>> log_ratios([10, 20, 30, float("nan")], [20, 10, float("nan"), float("nan")]).round(3)
    array([ 0.693, -0.693,    inf,    nan])
    """
    first, second = pairs(without, with_neuron)
    for name, times in (("without", first), ("with_neuron", second)):
        if np.any(times <= 0):
            raise ValueError(f"expected {name} > 0, got {np.nanmin(times):g}: write NaN for a time not reached")
    with np.errstate(invalid="ignore"):
        size = np.log(np.maximum(first, second) / np.minimum(first, second))
    return _censored(first, second, np.copysign(size, second - first))


def log_ratio_bounds(without: npt.ArrayLike, with_neuron: npt.ArrayLike, cap: float) -> tuple[Array, Array]:
    """Return the least and the largest log-ratio that each pair can have, when no run was watched beyond ``cap``.

    A run that did not get there would have taken longer than the cap, but how much longer nobody knows.

    Raises
    ------
    ValueError
        As `log_ratios`; and if a time is above the cap.

    Examples
    --------
    >>> least, largest = log_ratio_bounds([10, 20], [float("nan"), 10], cap=40)
    >>> print(least.round(3), largest.round(3))
    [ 1.386 -0.693] [   inf -0.693]
    """
    first, second = pairs(without, with_neuron)
    if not (math.isfinite(cap) and not np.any(np.append(first, second) > cap)):
        raise ValueError(f"expected cap at or above every time, got {cap:g}: pass the cap that the runs had")
    least = log_ratios(first, np.where(np.isnan(second) & ~np.isnan(first), cap, second))
    largest = log_ratios(np.where(np.isnan(first) & ~np.isnan(second), cap, first), second)
    return least, largest


def differences(without: npt.ArrayLike, with_neuron: npt.ArrayLike) -> Array:
    r"""Return the difference of each seed, below zero where the neuron does better.

    .. math:: d_i = e_i^{\text{with}} - e_i^{\text{without}}

    A run without a value (NaN: it diverged, say) counts as worse than any number, as in `log_ratios`: infinite if it
    is one of the pair, NaN if it is both.

    Parameters
    ----------
    without, with_neuron : array_like, shape (n,)
        Errors, in percent as a rule; NaN where there are none.

    Returns
    -------
    array, shape (n,)
        Rounded to ten decimals, so that 0.3 - 0.2 and 0.2 - 0.1 tie.

    Raises
    ------
    ValueError
        If the arrays are empty, differ in length, or hold infinite values.

    Examples
    --------
    >>> differences([0.2, 0.3, float("nan")], [0.1, 0.2, 1.0])
    array([-0.1, -0.1, -inf])
    """
    first, second = pairs(without, with_neuron)
    return _censored(first, second, np.round(second - first, 10))


def effects(values: npt.ArrayLike) -> Array:
    """Return the effects as an array, after a look at their shape: one row, not empty, infinities and NaN welcome."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not array.size:
        raise ValueError(f"expected effects of shape (n,), one per seed, got shape {array.shape}: pass a flat array")
    return array


def fraction(name: str, value: float) -> float:
    """Return ``value`` if it is strictly between 0 and 1."""
    if not 0 < value < 1:
        raise ValueError(f"expected {name} between 0 and 1, got {value}: 0.95 is 95 percent")
    return float(value)


def column(name: str, values: npt.ArrayLike) -> Array:
    """Return one number per seed, finite or NaN."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not array.size:
        raise ValueError(
            f"expected {name} of shape (n,), one entry per seed, got shape {array.shape}: pass a flat array"
        )
    if np.any(np.isinf(array)):
        raise ValueError(
            f"expected finite numbers in {name}, got an infinite one: write NaN for a run without a value"
        )
    return array


def pairs(without: npt.ArrayLike, with_neuron: npt.ArrayLike) -> tuple[Array, Array]:
    """Return both arms as arrays of one length, finite or NaN."""
    first, second = column("without", without), column("with_neuron", with_neuron)
    if len(first) != len(second):
        raise ValueError(
            f"expected as many runs without as with the neuron, got {len(first)} and {len(second)}: give both one "
            "entry per seed, NaN where a run did not get there"
        )
    return first, second


def _censored(first: Array, second: Array, values: Array) -> Array:
    values = np.where(np.isnan(second) & ~np.isnan(first), np.inf, values)
    return np.where(np.isnan(first) & ~np.isnan(second), -np.inf, values)
