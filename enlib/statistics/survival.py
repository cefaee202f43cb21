"""Times of which some were not reached: curves and the log-rank test."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import CensoredData, ecdf, logrank

from enlib.statistics.pairs import Array, column
from enlib.statistics.randomization import HypothesisTest


@dataclass(frozen=True)
class KaplanMeier:
    """A falling staircase: just after ``times[k]``, the share ``survival[k]`` of the runs is not there yet.

    Both arrays have the same length. The first time is 0, with share 1 if no run is there at the start; the last is
    the latest that was watched.
    """

    times: Array
    survival: Array


def kaplan_meier(times: npt.ArrayLike, cap: npt.ArrayLike) -> KaplanMeier:
    r"""Return the Kaplan-Meier estimate of the share of runs that are not there yet.

    .. math:: S(t) = \prod_{t_j \le t} \Big(1 - \frac{d_j}{n_j}\Big)

    with :math:`d_j` runs that get there at :math:`t_j`, of :math:`n_j` still under way. With one cap for all it is
    just the share counted.

    Parameters
    ----------
    times : array_like, shape (n,)
        Not negative; NaN where the run was censored.
    cap : float or array_like, shape (n,)
        When watching ended, for all runs or for each.

    Raises
    ------
    ValueError
        If a time is negative, infinite or above its cap.

    References
    ----------
    E. L. Kaplan and P. Meier, Nonparametric estimation from incomplete observations, JASA 53 (1958).

    Examples
    --------
    >>> curve = kaplan_meier([5, 8, 8, float("nan")], cap=20)
    >>> print(curve.times, curve.survival)
    [ 0.  5.  8. 20.] [1.   0.75 0.25 0.25]
    """
    found = ecdf(_sample("times", times, cap)).sf
    if found.quantiles[0] == 0:  # some were there at the start
        return KaplanMeier(found.quantiles, found.probabilities)
    return KaplanMeier(np.append(0.0, found.quantiles), np.append(1.0, found.probabilities))


def log_rank(without: npt.ArrayLike, with_neuron: npt.ArrayLike, cap: npt.ArrayLike) -> HypothesisTest:
    r"""Return the log-rank test of whether the runs of both arms get there equally fast.

    .. math:: Z = \frac{\sum_j (d_j^{\text{with}} - n_j^{\text{with}} d_j / n_j)}{\sqrt{\sum_j V_j}}

    with the hypergeometric variance :math:`V_j`; Z is compared with the standard normal. It takes censored runs as
    what they are, but **ignores that the runs are paired**: where pairs resemble each other it is too cautious, and
    `signed_rank` sees more. Its p-value is an approximation for many runs.

    Parameters
    ----------
    without, with_neuron : array_like, shape (n,) and (m,)
        Times, not negative; NaN where the run was censored.
    cap : float or array_like, shape (n,)
        When watching ended, for all runs, or, where both arms have as many, for both runs of each seed.

    Returns
    -------
    HypothesisTest
        The statistic is Z, above zero where the runs with the neuron get there faster. Where nobody gets there, or
        all at once, p is 1.

    Raises
    ------
    ValueError
        If a time is negative, infinite or above its cap.

    References
    ----------
    N. Mantel, Evaluation of survival data and two new rank order statistics arising in its consideration, Cancer
    Chemotherapy Reports 50 (1966).

    Examples
    --------
    >>> test = log_rank([11, 12, 13, float("nan")], [1, 2, 3, 4], cap=20)
    >>> print(round(test.statistic, 2), round(test.p, 4))
    2.71 0.0067
    """
    first, second = _sample("without", without, cap), _sample("with_neuron", with_neuron, cap)
    runs = np.size(without) + np.size(with_neuron)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        found = logrank(second, first)
    if np.isnan(found.pvalue):
        return HypothesisTest(1.0, 0.0, "log-rank", runs, "no time tells the arms apart")
    return HypothesisTest(float(found.pvalue), float(found.statistic), "log-rank", runs)


def _sample(name: str, times: npt.ArrayLike, cap: npt.ArrayLike) -> CensoredData:
    values, ends = column(name, times), np.asarray(cap, dtype=np.float64)
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
