"""The effect of the neuron in each pair of runs, what a censored run says about it, and the checks of arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import CensoredData

from enlib import _tools

Array = npt.NDArray[np.float64]


def log_ratios(without: npt.ArrayLike, with_neuron: npt.ArrayLike) -> Array:
    r"""Return the log-ratio of the two times of each seed; it is negative where the neuron is faster.

    .. math:: d_i = \log \frac{t_i^{\text{with}}}{t_i^{\text{without}}}

    A pair with one censored run has an order but no size: it is :math:`+\infty` if the run with the neuron is
    censored, :math:`-\infty` if the run without it is. A pair with two censored runs does not even have an order: it
    is NaN, and functions that take effects count it and leave it out.

    Parameters
    ----------
    without, with_neuron : array_like of shape (n,)
        Times in any unit, above zero; NaN where the run is censored. Entry i of both belongs to seed i.

    Returns
    -------
    array of shape (n,)
        Opposite ratios give opposite numbers, and equal ratios of whole numbers (such as epochs) give equal numbers,
        to the last bit, so that ranks see true ties.

    Raises
    ------
    ValueError
        If the arrays are empty, differ in length, or hold infinite values or times that are not positive.
    TypeError
        If they do not hold numbers.

    Examples
    --------
    >>> log_ratios([10, 20, 30, float("nan")], [20, 10, float("nan"), float("nan")]).round(3)
    array([ 0.693, -0.693,    inf,    nan])
    """
    return _log_ratios(*_times(without, with_neuron))


def log_ratio_bounds(without: npt.ArrayLike, with_neuron: npt.ArrayLike, cap: float) -> tuple[Array, Array]:
    """Return the smallest and the largest log-ratio that each pair can have if no run was watched beyond ``cap``.

    A censored run would have taken longer than the cap; how much longer is unknown.

    Parameters
    ----------
    without, with_neuron : array_like of shape (n,)
        As in `log_ratios`.
    cap : float
        Time at which all runs were stopped, above zero.

    Raises
    ------
    ValueError
        As `log_ratios`; and if a time is above the cap.

    Examples
    --------
    >>> smallest, largest = log_ratio_bounds([10, 20], [float("nan"), 10], cap=40)
    >>> print(smallest.round(3), largest.round(3))
    [ 1.386 -0.693] [   inf -0.693]
    """
    first, second = _times(without, with_neuron)
    cap = _tools.positive("cap", cap, advice="pass the cap that the runs had")
    if any(np.any(np.isfinite(times) & (times > cap)) for times in (first, second)):
        raise ValueError(f"expected cap at or above every time, got {cap:g}: pass the cap that the runs had")
    smallest = _log_ratios(first, np.where(np.isfinite(first), np.minimum(second, cap), second))
    largest = _log_ratios(np.where(np.isfinite(second), np.minimum(first, cap), first), second)
    return smallest, largest


def differences(without: npt.ArrayLike, with_neuron: npt.ArrayLike) -> Array:
    r"""Return the difference of the two values of each seed; it is negative where the neuron is better.

    .. math:: d_i = e_i^{\text{with}} - e_i^{\text{without}}

    A run without a value (NaN, for example because it diverged) counts as worse than any number, as in `log_ratios`:
    the difference is infinite if one run of the pair has none, and NaN if both have none.

    Parameters
    ----------
    without, with_neuron : array_like of shape (n,)
        Errors, usually in percent; NaN where there are none. Entry i of both belongs to seed i.

    Returns
    -------
    array of shape (n,)
        Rounded to twelve digits of the larger value of the pair, so that 0.3 - 0.2 and 0.2 - 0.1 tie.

    Raises
    ------
    ValueError
        If the arrays are empty, differ in length, or hold infinite values.
    TypeError
        If they do not hold numbers.

    Examples
    --------
    >>> differences([0.2, 0.3, float("nan")], [0.1, 0.2, 1.0])
    array([-0.1, -0.1, -inf])
    """
    first, second = _pairs(without, with_neuron)
    with np.errstate(invalid="ignore"):
        effects = second - first
    size = np.maximum(np.abs(first), np.abs(second))
    finite = np.isfinite(effects) & (size > 0)
    # Beyond 300 decimals a power of ten overflows.
    decimals = np.minimum(11 - np.floor(np.log10(size[finite])), 300)
    effects[finite] = [np.round(d, int(k)) for d, k in zip(effects[finite], decimals, strict=True)]
    return effects


def column(name: str, values: npt.ArrayLike, *, finite: bool = True) -> Array:
    """Return one number per seed; NaN passes, and infinity only if ``finite`` is False."""
    array = _tools.array(name, values)
    if array.ndim != 1 or not array.size:
        raise ValueError(
            f"expected {name} of shape (n,), one entry per seed, got shape {array.shape}: pass a flat array"
        )
    if finite and np.any(np.isinf(array)):
        raise ValueError(
            f"expected finite numbers in {name}, got an infinite one: write NaN for a run without a value"
        )
    return array


def censored_times(name: str, times: npt.ArrayLike, cap: npt.ArrayLike) -> CensoredData:
    """Return times in SciPy's form; NaN is censored at its cap."""
    values, ends = column(name, times), _tools.array("cap", cap)
    if ends.shape not in ((), values.shape):
        raise ValueError(
            f"expected one cap, or {len(values)}, got shape {ends.shape}: pass one for all or one per seed"
        )
    if np.any(values < 0):
        raise ValueError(f"expected {name} >= 0, got {np.nanmin(values):g}: write NaN for a time not reached")
    if not np.all(np.isfinite(ends) & (ends > 0)):
        raise ValueError(f"expected cap > 0, got {ends.min():g}: pass the time at which watching ended")
    if np.any(values > ends):
        late = values[values > ends][0]
        raise ValueError(f"expected {name} at or below the cap, got {late:g}: write NaN for it, or pass a later cap")
    censored = np.isnan(values)
    return CensoredData.right_censored(np.where(censored, ends, values), censored)


def fraction(name: str, value: float) -> float:
    """Return ``value`` as a float if it is strictly between 0 and 1."""
    number = _tools.positive(name, value, advice="pass a number between 0 and 1; 0.95 is 95 percent")
    if number >= 1:
        raise ValueError(f"expected {name} < 1, got {value}: pass a number between 0 and 1; 0.95 is 95 percent")
    return number


def _pairs(without: npt.ArrayLike, with_neuron: npt.ArrayLike) -> tuple[Array, Array]:
    """Return both arms as arrays of one length; a run without a value is infinite, and so is worse than any other."""
    first, second = column("without", without), column("with_neuron", with_neuron)
    if len(first) != len(second):
        raise ValueError(
            f"expected as many runs without as with the neuron, got {len(first)} and {len(second)}: give both one "
            "entry per seed, NaN for a run without a value"
        )
    return np.where(np.isnan(first), np.inf, first), np.where(np.isnan(second), np.inf, second)


def _times(without: npt.ArrayLike, with_neuron: npt.ArrayLike) -> tuple[Array, Array]:
    """Return the pairs after checking that their times are positive."""
    first, second = _pairs(without, with_neuron)
    for name, times in (("without", first), ("with_neuron", second)):
        if np.any(times <= 0):
            raise ValueError(f"expected {name} > 0, got {times.min():g}: write NaN for a time not reached")
    return first, second


def _log_ratios(first: Array, second: Array) -> Array:
    with np.errstate(invalid="ignore"):
        size = np.log(np.maximum(first, second) / np.minimum(first, second))
        signed: Array = np.copysign(size, second - first)
        return signed
