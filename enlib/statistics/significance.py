"""Exact tests of paired runs, the log-rank test of censored times, and Holm's correction for asking many times."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest, hypergeom, logrank, rankdata

from enlib import _tools
from enlib.statistics.effects import Array, censored_times, column


@dataclass(frozen=True)
class HypothesisTest:
    """The result of a two-sided test.

    Attributes
    ----------
    p : float
    statistic : float
        The test statistic.
    used : int
        Number of entries that the test rests on.
    note : str
        Usually empty; otherwise what to know before quoting p.
    direction : int
        For `signed_rank`, the side to which the ranks lean: 1 above zero, -1 below, 0 neither.
    """

    p: float
    statistic: float
    used: int
    note: str = ""
    direction: int = 0


def signed_rank(paired_effects: npt.ArrayLike) -> HypothesisTest:
    r"""Return Wilcoxon's signed-rank test of whether the effects are symmetric about zero.

    .. math:: W = \sum_{d_i > 0} \operatorname{rank} |d_i|

    The p-value is exact for any ties and zeros: it is the share of the :math:`2^n` ways to swap the arms within the
    pairs whose W is at least as far from its mean. (`scipy.stats.wilcoxon` is exact only without ties, or it
    enumerates.) Zeros take part in the ranking and are then dropped (Pratt 1959). An infinite effect has the largest
    rank. That is a valid test where both runs of a pair had the same cap, but it assumes that a censored run would
    have been the slowest by far (`paired_ratio` with a cap does not). Pairs with two censored runs (NaN) are left
    out.

    Parameters
    ----------
    paired_effects : array_like of shape (n,)
        From `log_ratios` or `differences`.

    Returns
    -------
    HypothesisTest
        The statistic is W; ``used`` counts zeros but not NaN. If no effect differs from zero, p is 1.

    Raises
    ------
    ValueError
        If the effects are empty or not flat.
    TypeError
        If they are not numbers.

    References
    ----------
    F. Wilcoxon, Individual comparisons by ranking methods, Biometrics Bulletin 1 (1945).
    J. W. Pratt, Remarks on zeros and ties in the Wilcoxon signed rank procedures, JASA 54 (1959).

    Examples
    --------
    >>> signed_rank([0.3, 0.1, 0.4, 0.2, float("inf"), 0.5]).p
    0.03125
    """
    values = column("effects", paired_effects, finite=False)
    values = values[~np.isnan(values)]
    # Ranks are doubled, so that the mean rank of a tie is a whole number.
    doubled = np.rint(2 * rankdata(np.abs(values))).astype(int)
    observed = int(doubled[values > 0].sum())
    chances = signed_rank_distribution(doubled[values != 0])
    tail = min(chances[: observed + 1].sum(), chances[observed:].sum())
    return HypothesisTest(
        min(1.0, float(2 * tail)),
        observed / 2,
        len(values),
        direction=int(np.sign(2 * observed - doubled[values != 0].sum())),
    )


def signed_rank_distribution(ranks: npt.NDArray[np.int_] | Sequence[int]) -> Array:
    r"""Return the chance of each sum of a random subset of the ranks: entry s is :math:`P(W = s)`.

    Every rank enters the sum with chance one half, independently; the generating function is
    :math:`\prod_i (1 + x^{r_i}) / 2`.

    Parameters
    ----------
    ranks : sequence of int, shape (n,)
        Not negative.

    Returns
    -------
    array of shape (1 + sum of the ranks,)

    Raises
    ------
    ValueError
        If a rank is negative or not a whole number.

    Examples
    --------
    >>> signed_rank_distribution([1, 2])
    array([0.25, 0.25, 0.25, 0.25])
    """
    chances = np.ones(1)
    for rank in ranks:
        padding = np.zeros(_tools.count("rank", rank, least=0))
        chances = (np.append(chances, padding) + np.append(padding, chances)) / 2
    return chances


def mcnemar(only_first_wrong: int, only_second_wrong: int) -> HypothesisTest:
    r"""Return McNemar's exact test of whether two classifiers err equally often on the same samples.

    Samples on which both are right, or both wrong, carry no information. Each of the other :math:`b + c` is as likely
    to be the first classifier's error as the second's:

    .. math:: p = P\big(|B - \tfrac{b + c}{2}| \ge |b - \tfrac{b + c}{2}|\big), \qquad
              B \sim \operatorname{Binomial}(b + c, \tfrac12)

    The counts of several seeds may be added up, which gives the exact test of a common effect. That assumes that all
    counts are independent, which holds for **one** pair of trained networks and fresh test samples in each seed.
    Where seeds share a test set, or where the neuron helps in some seeds and harms in others, the p-value is too
    small; test the differences of the seeds with `signed_rank` instead. The result is about these trained networks,
    not about training: for that, the seeds must be the unit.

    Parameters
    ----------
    only_first_wrong, only_second_wrong : int
        Samples that only the first, or only the second, network gets wrong.

    Returns
    -------
    HypothesisTest
        The statistic is b, the errors of the first alone; ``used`` is b + c. If that is zero, p is 1.

    Raises
    ------
    ValueError
        If the counts are negative or not whole numbers.

    References
    ----------
    Q. McNemar, Note on the sampling error of the difference between correlated proportions, Psychometrika 12 (1947).

    Examples
    --------
    >>> mcnemar(1, 7).p
    0.0703125
    """
    b = _tools.count("only_first_wrong", only_first_wrong, least=0)
    discordant = b + _tools.count("only_second_wrong", only_second_wrong, least=0)
    # SciPy either refuses zero trials or returns NaN, depending on its version.
    p = float(binomtest(b, discordant, 0.5).pvalue) if discordant else 1.0
    return HypothesisTest(p, float(b), discordant)


def log_rank(without: npt.ArrayLike, with_neuron: npt.ArrayLike, cap: npt.ArrayLike) -> HypothesisTest:
    r"""Return the log-rank test of whether the runs of both arms reach their goal equally fast.

    .. math:: Z = \frac{\sum_j (d_j^{\text{with}} - n_j^{\text{with}} d_j / n_j)}{\sqrt{\sum_j V_j}}

    with the hypergeometric variance :math:`V_j`; Z is compared with the standard normal. It treats censored runs
    correctly but **ignores that the runs are paired**: where the runs of a pair resemble each other it is too
    cautious, and `signed_rank` is more powerful. Its p-value is an approximation for many runs.

    Parameters
    ----------
    without, with_neuron : array_like of shape (n,) and (m,)
        Times, not negative; NaN where the run is censored.
    cap : float, or array_like of shape (n,)
        Time at which watching ended: one for all runs or, where both arms have n, one for both runs of each seed.

    Returns
    -------
    HypothesisTest
        The statistic is Z, positive where the runs with the neuron are faster. If no run reaches its goal, or all do
        at once, p is 1.

    Raises
    ------
    ValueError
        If a time is negative, infinite or above its cap.
    TypeError
        If times or caps are not numbers.

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
    first, second = censored_times("without", without, cap), censored_times("with_neuron", with_neuron, cap)
    runs = len(first) + len(second)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        found = logrank(second, first)
    if np.isnan(found.pvalue):
        return HypothesisTest(1.0, 0.0, runs, "no time tells the arms apart")
    return HypothesisTest(float(found.pvalue), float(found.statistic), runs)


def holm(p_values: npt.ArrayLike) -> Array:
    r"""Return p-values adjusted for their number: the chance of any false rejection among them is at most alpha.

    .. math:: \tilde p_{(i)} = \max_{j \le i} \min\big(1, (m - j + 1)\, p_{(j)}\big)

    No assumption about their dependence is needed. NaN is a test that was not made: it stays NaN and does not count
    among the m.

    Parameters
    ----------
    p_values : array_like of shape (n,)
        In [0, 1], or NaN.

    Returns
    -------
    array of shape (n,)
        In the order given.

    Raises
    ------
    ValueError
        If a p-value is not in [0, 1], or the array is not flat.
    TypeError
        If they are not numbers.

    References
    ----------
    S. Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6 (1979).

    Examples
    --------
    >>> holm([0.01, 0.04, float("nan"), 0.03])
    array([0.03, 0.06,  nan, 0.06])
    """
    values = _tools.array("p_values", p_values)
    if values.ndim != 1:
        raise ValueError(f"expected p_values of shape (n,), got shape {values.shape}: pass a flat array")
    if np.any((values < 0) | (values > 1)):
        raise ValueError(f"expected p_values in [0, 1], got {values}: write NaN for a test that was not made")
    order = np.argsort(values)[: int(np.sum(~np.isnan(values)))]
    adjusted = np.full(len(values), np.nan)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(np.arange(len(order), 0, -1) * values[order]))
    return adjusted


def stratified_exact(tables: npt.ArrayLike) -> HypothesisTest:
    r"""Return the exact test that two properties are unrelated within each of several independent strata.

    Given the margins of its table, the number of a stratum's entries with both properties is hypergeometric. The
    statistic is the sum of these numbers, whose distribution is the convolution of theirs; the p-value adds up all
    sums that are not more probable than the one observed, as Fisher's test does. A stratum in which either property
    is everybody's or nobody's contributes nothing. Adding up the tables first would let the differences between the
    strata pass for a relation.

    Parameters
    ----------
    tables : array_like of int, of shape (strata, 2, 2)
        For each stratum: both, the first alone; the second alone, neither.

    Raises
    ------
    ValueError
        If the shape is another one, or an entry is negative or not a whole number.

    References
    ----------
    J. J. Gart, Point and interval estimation of the common odds ratio, Biometrika 57 (1970).

    Examples
    --------
    >>> p = stratified_exact([[[10, 0], [0, 0]], [[0, 0], [0, 10]]]).p  # the strata differ, and nothing within them
    >>> round(p, 9)
    1.0
    """
    counts = np.asarray(tables)
    if counts.ndim != 3 or counts.shape[1:] != (2, 2):
        raise ValueError(f"expected tables of shape (strata, 2, 2), got {counts.shape}: pass one table a stratum")
    if not (np.isfinite(counts).all() and (counts >= 0).all() and (counts == np.floor(counts)).all()):
        raise ValueError("expected whole numbers of at least 0 in the tables, got others: pass counts")
    chances, least = np.ones(1), 0
    for (both, first), (second, neither) in counts.astype(int).tolist():
        one, other, size = both + first, both + second, both + first + second + neither
        possible = np.arange(max(0, one + other - size), min(one, other) + 1)
        chances = np.convolve(chances, hypergeom.pmf(possible, size, one, other) if size else [1.0])
        least += int(possible[0])
    observed = int(counts[:, 0, 0].sum())
    # Equal probabilities may differ in their last digits.
    p = float(chances[chances <= chances[observed - least] * (1 + 1e-7)].sum())
    return HypothesisTest(min(p, 1.0), float(observed), int(counts.sum()))
