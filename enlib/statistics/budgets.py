"""What fewer trials would have found: the best of k of the n trials that were made."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from enlib import _check
from enlib.statistics.pairs import Array, column


def best_of(times: npt.ArrayLike, tries: int) -> tuple[Array, Array]:
    r"""Return what the best of a few random trials can be, and with which chance.

    Of n trials, sorted, all subsets of size k are equally likely. The i-th is the best of its subset if the other
    k - 1 come from the n - i behind it:

    .. math:: P(\min = t_{(i)}) = \binom{n-i}{k-1} \Big/ \binom{n}{k}

    Nothing is drawn: this counts all subsets.

    Parameters
    ----------
    times : array_like, shape (n,)
        Of all trials; NaN for one that did not get there, which is worse than any that did.
    tries : int
        k, from 1 to n.

    Returns
    -------
    best : array, shape (n,)
        The times in ascending order; infinite for trials that did not get there.
    chances : array, shape (n,)
        Of each to be the best; they sum to 1.

    Raises
    ------
    ValueError
        If there are no times, or fewer than ``tries``.

    Examples
    --------
    >>> best, chances = best_of([30, 20, float("nan")], tries=2)
    >>> print(best, chances.round(3))
    [20. 30. inf] [0.667 0.333 0.   ]
    """
    values = column("times", times)
    n, k = len(values), _check.count("tries", tries)
    if k > n:
        raise ValueError(f"expected at most {n} tries, one for each trial, got {k}: nothing is drawn twice")
    # P(min > t_(i)) = C(n-i, k) / C(n, k) = prod_j (n-i-j) / (n-j), which stays between 0 and 1.
    behind = np.arange(n, -1, -1)[:, None]
    later = np.prod(np.clip(behind - np.arange(k), 0, None) / (n - np.arange(k)), axis=1)
    return np.sort(np.where(np.isnan(values), np.inf, values)), later[:-1] - later[1:]


def typical_best(times: npt.ArrayLike, tries: int, *, cap: float) -> float:
    r"""Return the geometric mean of the best of a few random trials.

    .. math:: \exp \sum_i P(\min = t_{(i)}) \log t_{(i)}

    A subset in which no trial gets there counts as the cap, the least that it can be.

    Parameters
    ----------
    times, tries
        As in `best_of`; the times are positive.
    cap : float
        When watching ended.

    Raises
    ------
    ValueError
        If a time is not positive or above the cap, or as `best_of`.

    Examples
    --------
    >>> round(typical_best([40, 10], tries=1, cap=100), 3), round(typical_best([40, 10], tries=2, cap=100), 3)
    (20.0, 10.0)
    """
    best, chances = best_of(times, tries)
    if best[0] <= 0:
        raise ValueError(f"expected times > 0, got {best[0]:g}: times are positive, or NaN if not reached")
    finite = best[np.isfinite(best)]
    if not np.all(finite <= cap):
        raise ValueError(f"expected cap at or above every time, got {cap:g}: pass the cap that the runs had")
    return float(np.exp(chances @ np.log(np.minimum(best, cap))))


def chance_slower(without: npt.ArrayLike, tries_without: int, with_neuron: npt.ArrayLike, tries_with: int) -> float:
    """Return the chance that the arm with the neuron looks slower, each arm with its own number of random trials.

    Ties are not slower; nor is a pair in which neither gets there.

    Parameters
    ----------
    without, with_neuron : array_like
        Times of all trials of each arm, NaN where one did not get there.
    tries_without, tries_with : int
        How many of them each arm may look at.

    Raises
    ------
    ValueError
        As `best_of`.

    Examples
    --------
    One trial of three against all three: it is slower unless it is the best.

    >>> round(chance_slower([10, 20, 30], 3, [10, 20, 30], 1), 3)
    0.667
    """
    first, chances_first = best_of(without, tries_without)
    second, chances_second = best_of(with_neuron, tries_with)
    return float(chances_first @ (second[None, :] > first[:, None]) @ chances_second)
