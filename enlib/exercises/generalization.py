"""Checks of the notebook on held-out data."""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy.integrate import quad
from scipy.stats import norm

from enlib.exercises.answers import NOT_YET, RIGHT, no_number, unanswered


def check_most_errors(answer: float | None) -> str:
    """Check the largest number of errors that a mean cubed hinge loss of 0.03 over 2000 samples allows.

    Examples
    --------
    >>> check_most_errors(0)
    'not quite: 0.03 is a mean over 2000 samples; an error costs at least 1 of their sum'
    """
    if trouble := no_number(answer):
        return trouble
    assert answer is not None
    if math.isclose(answer, 60):
        return RIGHT
    if answer < 1:
        return "not quite: 0.03 is a mean over 2000 samples; an error costs at least 1 of their sum"
    if answer > 60:
        return f"not {answer:g}: so many errors cost at least {answer:g}, and the sum is smaller"
    return f"not {answer:g}: how large is the sum of the losses, and what is the least that an error costs?"


def check_tail_share(share: Callable[[float, float, float], float | None]) -> str:
    r"""Check the share of :math:`E[e^{pz}]`, z normal with deviation s, that lies in the upper share q of z.

    .. math:: \Phi\big(p s - \Phi^{-1}(1 - q)\big)

    Examples
    --------
    >>> check_tail_share(lambda s, q, p: norm.cdf(s - norm.ppf(1 - q)))
    'with s = 1, q = 0.01 and p = 3 the share is 0.7497, got 0.09236: the center moves by p s deviations, not by s'
    """
    for s, q, p in ((1.0, 0.01, 3.0), (0.5, 0.05, 1.0), (0.0, 0.2, 3.0), (2.0, 0.1, 0.5)):
        answer, expected = share(s, q, p), float(norm.cdf(p * s - norm.ppf(1 - q)))
        if unanswered(answer):
            return NOT_YET
        if trouble := no_number(answer, "the function to return a number"):
            return trouble
        assert answer is not None
        if not math.isclose(answer, expected, abs_tol=1e-6):
            said = f"with s = {s:g}, q = {q:g} and p = {p:g} the share is {expected:.4g}, got {answer:.4g}"
            if math.isclose(answer, norm.cdf(s - norm.ppf(1 - q)), abs_tol=1e-6):
                return f"{said}: the center moves by p s deviations, not by s"
            if math.isclose(answer, norm.cdf(p * s + norm.ppf(1 - q)), abs_tol=1e-6):
                return f"{said}: subtract the quantile, which the points have to pass"
            if math.isclose(answer, 1 - expected, abs_tol=1e-6):
                return f"{said}: that is the share of all the other points"
            return said
    return RIGHT


def check_optimism(answer: float | None) -> str:
    """Check by how much the best of 16 equally good trials looks better than it is, with a spread of 0.3 points.

    Examples
    --------
    >>> check_optimism(0.3)
    'not quite: 0.3 is the spread of one trial; the best of 16 is further out'
    """
    if trouble := no_number(answer):
        return trouble
    assert answer is not None
    expected = 0.3 * expected_extreme(16)
    if math.isclose(answer, expected, abs_tol=0.03):
        return RIGHT
    if math.isclose(-answer, expected, abs_tol=0.03):
        return f"not quite: the size is right; it looks better by {-answer:.2f} points, so leave the minus out"
    if answer == 0:
        return "not quite: each trial is right on average, and the best one of them is not"
    if math.isclose(answer, expected / 0.3, abs_tol=0.1):
        return "not quite: this is in units of the spread; multiply by 0.3"
    if math.isclose(answer, 0.3):
        return "not quite: 0.3 is the spread of one trial; the best of 16 is further out"
    where = "large" if answer > expected else "small"
    return f"not {answer:g}, which is too {where}: draw 16 normal numbers many times, and average the smallest"


def expected_extreme(n: int) -> float:
    r"""Return the expected maximum of n standard normal variables, :math:`\int x\, n\, \phi(x)\, \Phi(x)^{n-1} dx`.

    Examples
    --------
    >>> round(expected_extreme(2), 4)
    0.5642
    """
    return float(quad(lambda x: x * n * norm.pdf(x) * norm.cdf(x) ** (n - 1), -10, 10)[0])


def check_seeds_for_equivalence(answer: float | None) -> str:
    """Check the seeds that show equivalence within 0.2 points with 80 % power, where pairs scatter by 0.3 points.

    Examples
    --------
    >>> check_seeds_for_equivalence(14)
    'not quite: 14 seeds allow each side to fail in 20 % of the cases; both together may, so each in 10 %'
    """
    if trouble := no_number(answer):
        return trouble
    assert answer is not None
    quantiles = norm.ppf([0.95, 0.9])
    needed = (1.5 * quantiles.sum()) ** 2
    if 19 <= answer < math.ceil(needed):
        return f"not quite: {answer:g} is just short of it; round up"
    if needed <= answer <= math.ceil(needed) + 2:
        return RIGHT if answer == int(answer) else f"not quite: seeds come whole, and {answer:g} is not"
    if math.ceil(answer) == 14:
        sides = "allow each side to fail in 20 % of the cases; both together may, so each in 10 %"
        return f"not quite: {answer:g} seeds {sides}"
    if math.isclose(answer, math.sqrt(needed), abs_tol=0.7):
        return "not quite: that is the square root of it"
    few = "few" if answer < needed else "many"
    return f"not {answer:g}, which is too {few}: solve 0.2 sqrt(n) / 0.3 - 1.645 = 1.282 for n, and round up"
