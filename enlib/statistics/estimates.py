"""Estimates with intervals: the effect over all pairs, the share of runs, and the share not finished by a time."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest, ecdf
from scipy.stats import t as student_t

from enlib import _tools
from enlib.statistics.effects import Array, censored_times, differences, fraction, log_ratio_bounds, log_ratios
from enlib.statistics.significance import signed_rank_distribution


@dataclass(frozen=True)
class PairedEstimate:
    """An effect over all pairs, its interval, and the pairs that it rests on.

    Attributes
    ----------
    estimate, low, high : float
        The interval covers at least the confidence asked for if the effects are symmetric. Infinite where the runs do
        not bound them; NaN where no pair has an order, or where censored runs of both arms leave even the sign open.
    median : float
        Median of the effects; infinite once half of them are.
    pairs, used : int
        Number of all pairs, and of those with an order: all but ``neither``.
    only_without, only_with, neither : int
        Pairs in which only the run without the neuron has a value, only the run with it, and neither of them.
    note : str
        Usually empty; otherwise what to know before quoting the interval.
    """

    estimate: float
    low: float
    high: float
    median: float
    pairs: int
    used: int
    only_without: int
    only_with: int
    neither: int
    note: str = ""


def paired_ratio(
    without: npt.ArrayLike, with_neuron: npt.ArrayLike, *, cap: float | None = None, confidence: float = 0.95
) -> PairedEstimate:
    r"""Return the typical ratio of the times with the neuron to those without it, with its interval.

    The estimate is :math:`\exp` of Hodges and Lehmann's estimate on the log-ratios :math:`d_i` of `log_ratios`, the
    median of the means of all pairs of effects,

    .. math:: \hat\theta = \operatorname{median}_{i \le j} \frac{d_i + d_j}{2},

    with the interval that inverts the signed-rank test: all values that the test does not reject. For effects that
    are symmetric about their median the coverage is exact at any n, and the interval agrees with the p-value of
    `signed_rank` up to ties. For skewed effects it is about the median of :math:`(d_i + d_j)/2`, not that of
    :math:`d_i`.

    Other intervals cover less than they promise, or are wider. Coverage of 95 % intervals, measured on 10,000 sets of
    normal log-ratios with standard deviation 0.3 (standard error 0.2 %; 1999 resamples):

    ==============================  ========  ========
    interval                        n = 10    n = 20
    ==============================  ========  ========
    signed rank, this one           94.9 %    95.3 %
    BCa, median                     93.7 %    94.0 %
    order statistics, median        97.8 %    95.7 %
    BCa, mean                       89.3 %    92.5 %
    t, mean                         95.0 %    95.2 %
    bootstrap t, mean               94.7 %    95.1 %
    ==============================  ========  ========

    The bootstrap draws from the n values alone, so it underestimates the spread of their mean by
    :math:`\sqrt{(n-1)/n}`, and its normal quantiles ignore that the spread itself is estimated. The t intervals need
    every effect to be finite. On such log-ratios the signed-rank test detects a ratio of 1.33 at the 5 % level in
    75 % of the cases with ten pairs, in 81 % with twelve, and in 97 % with twenty.

    **Censored pairs.** A pair in which only one run has a time has an infinite effect: it counts as the largest (or
    smallest) effect. Estimates and intervals stay finite as long as such pairs are few: the median up to half of
    the pairs, Hodges and Lehmann's estimate up to 29 %. A pair in which neither run has a time has no order: it is
    counted in ``neither`` and left out, so the result is about seeds that at least one arm can solve. With ``cap``,
    the interval allows for a censored run that would have finished just after its cap: each end is computed from the
    smallest, or the largest, ratio that a pair can have. Without it, a run that did not finish within the cap counts
    as one that never would, and if most pairs are censored even the low end is infinite.

    Parameters
    ----------
    without, with_neuron : array_like of shape (n,)
        Times above zero, entry i from seed i; NaN where the run is censored.
    cap : float, optional
        Time at which all runs were stopped, in the unit of the times.
    confidence : float
        In (0, 1).

    Returns
    -------
    PairedEstimate
        Ratios; below 1 the neuron is faster. Fewer than six pairs bound nothing at 95 %: then the interval is from 0
        to infinity, and ``note`` says so.

    Raises
    ------
    ValueError
        If ``confidence`` is not in (0, 1), a time is above the cap, or as `log_ratios`.
    TypeError
        As `log_ratios`.

    References
    ----------
    J. L. Hodges and E. L. Lehmann, Estimates of location based on rank tests, Ann. Math. Statist. 34 (1963).

    Examples
    --------
    >>> found = paired_ratio([20, 24, 30, 22, 28, 26], [15, 18, 20, 19, 21, float("nan")])
    >>> print(round(found.estimate, 3), round(found.low, 3), found.high, found.only_without)
    0.759 0.667 inf 1
    """
    logs = log_ratios(without, with_neuron)
    bounds = (logs, logs) if cap is None else log_ratio_bounds(without, with_neuron, cap)
    found = _estimate(logs, bounds, confidence)
    estimate, low, high, median = (
        float(np.exp(value)) for value in (found.estimate, found.low, found.high, found.median)
    )
    return replace(found, estimate=estimate, low=low, high=high, median=median)


def paired_difference(
    without: npt.ArrayLike, with_neuron: npt.ArrayLike, *, confidence: float = 0.95
) -> PairedEstimate:
    """Return the typical difference of the errors with the neuron and without it, with its interval.

    Like `paired_ratio`, on the effects of `differences`. The estimate is again Hodges and Lehmann's, not the mean: it
    agrees with the signed-rank test, ties included, and one failed run (an error of 50 % among errors of 1 %) moves
    it little, where it would move the mean by 50 / n points. The mean is in `difference_equivalence`.

    Parameters
    ----------
    without, with_neuron : array_like of shape (n,)
        Errors in percent, entry i from seed i; NaN for a run that has none, which counts as worse than any number.
    confidence : float
        In (0, 1).

    Returns
    -------
    PairedEstimate
        Percentage points; below 0 the neuron is better.

    Raises
    ------
    ValueError
        If ``confidence`` is not in (0, 1), or as `differences`.
    TypeError
        As `differences`.

    Examples
    --------
    >>> found = paired_difference([1.0, 1.2, 0.9, 1.1, 1.0, 1.3], [0.9, 1.0, 0.9, 0.8, 0.9, 1.0])
    >>> print(round(found.estimate, 3), round(found.low, 3), round(found.high, 3))
    -0.15 -0.3 0.0
    """
    values = differences(without, with_neuron)
    return _estimate(values, (values, values), confidence)


@dataclass(frozen=True)
class Share:
    """A share of runs with its interval: ``share``, ``low`` and ``high`` in [0, 1]; ``successes`` of ``trials``."""

    share: float
    low: float
    high: float
    successes: int
    trials: int


def wilson(successes: int, trials: int, *, confidence: float = 0.95) -> Share:
    r"""Return a share with Wilson's interval, which remains sensible for none or all of a few runs.

    .. math:: \frac{\hat p + z^2/2n \pm z \sqrt{\hat p (1 - \hat p)/n + z^2/4n^2}}{1 + z^2/n}

    Parameters
    ----------
    successes, trials : int
        For example the runs that diverged, and all runs; at least one trial.
    confidence : float
        In (0, 1).

    Raises
    ------
    ValueError
        If there are no trials, more successes than trials, or counts that are not whole numbers.

    References
    ----------
    E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).

    Examples
    --------
    >>> share = wilson(0, 20)
    >>> print(round(share.low, 3), round(share.high, 3))
    0.0 0.161
    """
    trials, successes = _tools.count("trials", trials), _tools.count("successes", successes, least=0)
    confidence = fraction("confidence", confidence)
    if successes > trials:
        raise ValueError(f"expected successes <= trials, got {successes} of {trials}: pass all runs as trials")
    interval = binomtest(successes, trials).proportion_ci(confidence_level=confidence, method="wilson")
    return Share(successes / trials, float(interval.low), float(interval.high), successes, trials)


def paired_shares(both: int, only_first: int, only_second: int, pairs: int) -> tuple[float, float, float]:
    """Return the difference of two paired shares, second minus first, and its 95 % interval by Newcombe's method 10.

    Parameters
    ----------
    both, only_first, only_second : int
        Pairs in which it happened in both runs, in the first alone, and in the second alone.
    pairs : int
        Number of pairs; without any, all three numbers are NaN.

    References
    ----------
    R. G. Newcombe, Improved confidence intervals for the difference between binomial proportions based on paired
    data, Statistics in Medicine 17 (1998).

    Examples
    --------
    >>> [round(x, 2) for x in paired_shares(10, 9, 1, 30)]
    [-0.27, -0.43, -0.07]
    """
    if not pairs:
        return math.nan, math.nan, math.nan
    neither = pairs - both - only_first - only_second
    first, second = wilson(both + only_first, pairs), wilson(both + only_second, pairs)
    margins = (both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither)
    cross = both * neither - only_first * only_second
    # Corrected for continuity where it is positive.
    phi = max(cross - pairs / 2, 0) if cross > 0 else cross
    phi = phi / math.sqrt(margins) if margins else 0.0
    difference = second.share - first.share

    def reach(up: float, down: float) -> float:
        return math.sqrt(max(up**2 - 2 * phi * up * down + down**2, 0.0))

    low = difference - reach(second.share - second.low, first.high - first.share)
    high = difference + reach(second.high - second.share, first.share - first.low)
    return difference, low, high


def kaplan_meier(times: npt.ArrayLike, cap: npt.ArrayLike) -> tuple[Array, Array]:
    r"""Return the Kaplan-Meier estimate of the share of runs that are not finished by a time.

    .. math:: S(t) = \prod_{t_j \le t} \Big(1 - \frac{d_j}{n_j}\Big)

    where :math:`d_j` of the :math:`n_j` runs still watched finish at :math:`t_j`. With one cap for all runs it is
    simply the share counted.

    Parameters
    ----------
    times : array_like of shape (n,)
        Not negative; NaN where the run is censored.
    cap : float, or array_like of shape (n,)
        Time at which watching ended, for all runs or for each.

    Returns
    -------
    (array of shape (k,), array of shape (k,))
        Times, and the share of runs that is not finished just after each. The first time is 0, with share 1 unless
        some runs finish at once; the last is the latest time that was watched.

    Raises
    ------
    ValueError
        If a time is negative, infinite or above its cap.
    TypeError
        If times or caps are not numbers.

    References
    ----------
    E. L. Kaplan and P. Meier, Nonparametric estimation from incomplete observations, JASA 53 (1958).

    Examples
    --------
    >>> print(*kaplan_meier([5, 8, 8, float("nan")], cap=20))
    [ 0.  5.  8. 20.] [1.   0.75 0.25 0.25]
    """
    found = ecdf(censored_times("times", times, cap)).sf
    if found.quantiles[0] == 0:  # some runs finish at once
        return found.quantiles, found.probabilities
    return np.append(0.0, found.quantiles), np.append(1.0, found.probabilities)


@dataclass(frozen=True)
class PooledRatio:
    """One ratio over the rows of a table: ``estimate`` with its 95 % interval ``low`` to ``high``, and its p-value.

    The interval is NaN where a row has fewer than two seeds.
    """

    estimate: float
    low: float
    high: float
    p: float
    rows: int
    seeds: int


def pooled_ratio(log_ratios: npt.ArrayLike) -> PooledRatio:
    r"""Return the geometric mean ratio over the rows of a table, with an interval whose unit is the seed.

    Every row counts the same, however many seeds it has. Rows may share data, initial weights and batches seed by
    seed, so that their effects are dependent; different seeds are independent. Therefore the deviations of one seed
    are added up over the rows before they are squared:

    .. math:: \hat\theta = \frac1R \sum_r \bar d_r, \qquad
              V = \sum_s \Big( \sum_r \frac{d_{rs} - \bar d_r}{R \sqrt{n_r (n_r - 1)}} \Big)^2

    over the :math:`n_r` seeds of row r. The interval is :math:`\hat\theta \pm t \sqrt V` with the t quantile of
    :math:`\min_r n_r - 1` degrees of freedom. If all rows have the same seeds, it is exactly the t interval of the
    seeds' means over the rows; with other seeds, the quantile is that of the row with the fewest, which is cautious.

    Parameters
    ----------
    log_ratios : array_like of shape (rows, seeds)
        Log-ratios of two arms; NaN where a row does not have the seed. At least one per row.

    Returns
    -------
    PooledRatio
        On the scale of ratios. The p-value is that of the two-sided t test of a ratio of 1; if all seeds agree, that
        of the sign test.

    Raises
    ------
    ValueError
        If the array is not two-dimensional, a row has no value, or one is infinite.
    TypeError
        If they are not numbers.

    References
    ----------
    K.-Y. Liang and S. L. Zeger, Longitudinal data analysis using generalized linear models, Biometrika 73 (1986).

    Examples
    --------
    >>> found = pooled_ratio([[0.1, 0.2, 0.3, 0.2], [0.0, 0.2, 0.1, 0.1]])
    >>> print(round(found.estimate, 3), round(found.low, 3), round(found.high, 3))
    1.162 1.038 1.3
    """
    values = _tools.array("log_ratios", log_ratios)
    present = ~np.isnan(values)
    if values.ndim != 2 or not values.size or not present.any(axis=1).all() or np.isinf(values).any():
        raise ValueError(
            f"expected log_ratios of shape (rows, seeds), finite, with a value in every row, got {values}: write NaN "
            "for a seed that a row does not have"
        )
    counts = present.sum(axis=1)
    means = np.nansum(values, axis=1) / counts
    estimate, degrees = float(means.mean()), int(counts.min()) - 1
    half = p = math.nan
    if degrees:
        weights = 1 / (len(values) * np.sqrt(counts * (counts - 1)))
        deviations = np.where(present, values - means[:, None], 0.0)
        error = math.sqrt(float(np.square(weights @ deviations).sum()))
        half = float(student_t.ppf(0.975, degrees)) * error
        # Without any spread, up to rounding, the t test divides by zero, and the sign test takes its place.
        alike = 0.5**degrees if abs(estimate) > 1e-12 else 1.0
        p = 2 * float(student_t.sf(abs(estimate) / error, degrees)) if error > 1e-12 else alike
    ratio, low, high = (math.exp(value) for value in (estimate, estimate - half, estimate + half))
    return PooledRatio(ratio, low, high, p, len(values), int(present.any(axis=0).sum()))


def _estimate(values: Array, bounds: tuple[Array, Array], confidence: float) -> PairedEstimate:
    confidence = fraction("confidence", confidence)
    ordered = ~np.isnan(values)
    used, smallest, largest = values[ordered], bounds[0][ordered], bounds[1][ordered]
    estimate, needed = _hodges_lehmann(used), math.ceil(math.log2(2 / (1 - confidence)) - 1e-9)
    notes = []
    if len(used) < needed:
        notes.append(f"{len(used)} pairs bound nothing at {100 * confidence:.4g} %: it takes {needed}")
    elif np.isfinite(used).all() and np.ptp(used) == 0:
        notes.append("all effects are equal")
    if len(used) and math.isnan(estimate):
        notes.append("censored runs of both arms balance: the estimate is undefined")
    return PairedEstimate(
        estimate,
        _signed_rank_interval(smallest, confidence)[0],
        _signed_rank_interval(largest, confidence)[1],
        _median(used),
        pairs=len(values),
        used=len(used),
        only_without=int(np.sum(values == np.inf)),
        only_with=int(np.sum(values == -np.inf)),
        neither=int(np.sum(~ordered)),
        note="; ".join(notes),
    )


def _median(values: Array) -> float:
    """Return the median; NaN if there are no values, or if it lies between opposite infinities."""
    if not len(values):
        return math.nan
    with np.errstate(invalid="ignore"):
        return float(np.median(values))


def _hodges_lehmann(values: Array) -> float:
    """Return the median of all pairwise means; NaN if opposite infinities leave it open."""
    if not len(values):
        return math.nan
    # The mean of the two infinities may be anything.
    low, high = (_median(means) for means in _pairwise_means(values))
    if low == high:
        return low
    return (low + high) / 2 if math.isfinite(low) and math.isfinite(high) else math.nan


def _signed_rank_interval(values: Array, confidence: float) -> tuple[float, float]:
    r"""Return the ends of the set of values that the two-sided signed-rank test of this confidence does not reject.

    The :math:`k`-th smallest and largest of the :math:`n (n+1)/2` pairwise means, with the largest k for which
    :math:`P(W < k) \le (1 - \text{confidence})/2`; unbounded where there is no such k.
    """
    below = np.cumsum(signed_rank_distribution(range(1, len(values) + 1)))
    k = int(np.sum(below <= (1 - confidence) / 2 + 1e-12))
    if not k:
        return -math.inf, math.inf
    low, high = (np.sort(means) for means in _pairwise_means(values))
    return float(low[k - 1]), float(high[-k])


def _pairwise_means(values: Array) -> tuple[Array, Array]:
    """Return the means of all pairs twice: with that of opposite infinities as -inf, and as inf."""
    i, j = np.triu_indices(len(values))
    with np.errstate(invalid="ignore"):
        means = (values[i] + values[j]) / 2
    return np.where(np.isnan(means), -np.inf, means), np.where(np.isnan(means), np.inf, means)
