"""What more tries buy: the best of k of the n trials of a grid, drawn at random. All subsets are counted exactly."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from enlib import _tools
from enlib.statistics.effects import Array, column


def typical_best(times: npt.ArrayLike, tries: int, *, cap: float) -> float:
    r"""Return the geometric mean of the best of k random trials.

    .. math:: \exp \sum_i P(\min = t_{(i)}) \log t_{(i)}, \qquad
              P(\min = t_{(i)}) = \binom{n-i}{k-1} \Big/ \binom{n}{k}

    All subsets of size k of the n trials are equally likely; the i-th fastest is the best of its subset if the other
    k - 1 come from the n - i behind it. A subset in which every trial is censored counts as the cap, the smallest
    time it can have.

    Parameters
    ----------
    times : array_like of shape (n,)
        Times of all trials, above zero; NaN for a censored one, which is worse than any other.
    tries : int
        k, from 1 to n.
    cap : float
        Time at which watching ended.

    Raises
    ------
    ValueError
        If there are no times or fewer than ``tries``, a time is not positive or above the cap, or the cap is not
        positive and finite.
    TypeError
        If the times are not numbers.

    Examples
    --------
    >>> round(typical_best([40, 10], tries=1, cap=100), 3), round(typical_best([40, 10], tries=2, cap=100), 3)
    (20.0, 10.0)
    """
    cap = _tools.positive("cap", cap, advice="pass the cap that the runs had")
    best, chances = _best_of(times, tries)
    if best[0] <= 0:
        raise ValueError(f"expected times > 0, got {best[0]:g}: write NaN for a time not reached")
    if not np.all(best[np.isfinite(best)] <= cap):
        raise ValueError(f"expected cap at or above every time, got {cap:g}: pass the cap that the runs had")
    return float(np.exp(chances @ np.log(np.minimum(best, cap))))


def expected_best(values: npt.ArrayLike, *, by: npt.ArrayLike | None = None) -> Array:
    r"""Return the expected value of the best of k random trials, for k = 1, ..., n.

    .. math:: E_k = \sum_{i=1}^{n} P(\text{the } i\text{-th is the best})\, x_i

    with the trials in order, the best first, and the chances of `typical_best`.

    It is exact, and unbiased for the expectation over all settings that the grid stands for. Drawing *with*
    replacement, which is also common, is too pessimistic, because one trial may be drawn twice; the error is largest
    for k near n.

    Parameters
    ----------
    values : array_like of shape (..., n)
        Values to minimize, such as errors; one for each trial along the last axis.
    by : array_like of shape (..., n), optional
        Values by which the best trial is chosen, such as errors on another split; by default ``values`` themselves.
        The smallest is the best, and the first among equals.

    Returns
    -------
    array of shape (..., n)
        Entry k - 1 is for k trials: the first is the mean, the last the value of the best of all.

    Raises
    ------
    ValueError
        If there are no values, one is not finite, or ``by`` has another shape or a NaN.
    TypeError
        If they are not numbers.

    References
    ----------
    J. Dodge et al., Show your work: improved reporting of experimental results, EMNLP 2019.
    R. Tang et al., Showing your work doesn't always work, ACL 2020.

    Examples
    --------
    >>> expected_best([3.0, 0.0, 9.0])
    array([4., 1., 0.])
    >>> expected_best([3.0, 0.0, 9.0], by=[1, 2, 3])
    array([4., 2., 3.])
    """
    array = _tools.array("values", values, finite=True)
    if not array.ndim or not array.shape[-1]:
        raise ValueError(f"expected values of shape (..., n), got shape {array.shape}: pass one for each trial")
    keys = array if by is None else _tools.array("by", by)
    if keys.shape != array.shape:
        raise ValueError(
            f"expected by of shape {array.shape}, as the values, got {keys.shape}: pass one for each trial"
        )
    if np.isnan(keys).any():
        raise ValueError(f"expected by without NaN, got {keys}: NaN is neither better nor worse")
    ordered = np.take_along_axis(array, np.argsort(keys, axis=-1, kind="stable"), axis=-1)
    chances = np.array([_chances(ordered.shape[-1], k) for k in range(1, ordered.shape[-1] + 1)])
    best: Array = ordered @ chances.T
    return best


def chance_of_lower(
    first: npt.ArrayLike, second: npt.ArrayLike, *, tries: Sequence[int]
) -> tuple[float, float, float]:
    r"""Return the chances that the best of the first arm is lower than that of the second, equal to it, or higher.

    Each arm draws its tries from its own trials, without replacement and independently of the other.

    Parameters
    ----------
    first, second : array_like of shape (n,) and (m,)
        Values to minimize, one for each trial; NaN for a censored one, which is worse than any other.
    tries : (int, int)
        Number of trials that the first and the second arm draw.

    Returns
    -------
    (float, float, float)
        Lower, equal, higher.

    Raises
    ------
    ValueError
        If an arm has no values, or fewer than its tries.
    TypeError
        If the values are not numbers.

    Examples
    --------
    >>> chance_of_lower([0.0, 2.0], [1.0, 3.0], tries=(1, 1))
    (0.75, 0.0, 0.25)
    >>> chance_of_lower([0.0, 2.0], [1.0, 3.0], tries=(2, 1))
    (1.0, 0.0, 0.0)
    """
    if not hasattr(tries, "__len__") or len(tries) != 2:
        raise ValueError(f"expected tries for both arms, got {tries!r}: pass two numbers, such as (16, 4)")
    (one, chances_one), (other, chances_other) = _best_of(first, tries[0]), _best_of(second, tries[1])
    joint = np.outer(chances_one, chances_other)
    lower, equal = (compare.outer(one, other) for compare in (np.less, np.equal))
    return float(joint[lower].sum()), float(joint[equal].sum()), float(joint[~lower & ~equal].sum())


def _best_of(times: npt.ArrayLike, tries: int) -> tuple[Array, Array]:
    """Return the times in ascending order, infinite if censored, and the chance of each to be the best of k."""
    values = column("times", times)
    n, k = len(values), _tools.count("tries", tries)
    if k > n:
        raise ValueError(f"expected at most {n} tries, one for each trial, got {k}: no trial is drawn twice")
    return np.sort(np.where(np.isnan(values), np.inf, values)), _chances(n, k)


def _chances(n: int, k: int) -> Array:
    """Return the chance that the i-th smallest of n is the smallest of k, for i = 1, ..., n."""
    return np.array([math.comb(n - i, k - 1) / math.comb(n, k) for i in range(1, n + 1)])
