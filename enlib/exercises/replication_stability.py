"""Checks of the notebook on how often training explodes."""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy.stats import binomtest

from enlib.exercises.answers import NOT_YET, RIGHT, no_number, unanswered
from enlib.statistics import mcnemar


def check_fatal_length(answer: float | None) -> str:
    r"""Check the length of an input for which noise of a tenth of mean :math:`|w| = 0.2` gives the exponent s = 1.

    .. math:: 0.1 \cdot 0.2 \sqrt{|x|^2 + 1} = 1

    Examples
    --------
    >>> check_fatal_length(5)
    'not quite: the noise is a tenth of the mean weight, 0.02, not 0.2'
    """
    if trouble := no_number(answer):
        return trouble
    assert answer is not None
    if abs(answer - math.sqrt(50**2 - 1)) <= 0.1:
        return RIGHT
    if abs(answer - 5) <= 0.2:
        return "not quite: the noise is a tenth of the mean weight, 0.02, not 0.2"
    if abs(answer - 2500) <= 5:
        return "not quite: that is |x|^2; take the root"
    if answer <= 0:
        return f"a length is positive, got {answer:g}"
    return f"at |x| = {answer:g} the exponent moves by s = {0.02 * math.sqrt(answer**2 + 1):.3g}, not 1"


def check_discordant_seeds(answer: float | None) -> str:
    r"""Check how many seeds, against one the other way, McNemar's exact two-sided test needs for p < 0.05.

    .. math:: 2 \, \frac{1 + (k + 1)}{2^{k + 1}} < 0.05

    Examples
    --------
    >>> check_discordant_seeds(7)
    'not quite: 7 against 1 give p = 0.0703; only one side of the test is below 0.05'
    """
    if trouble := no_number(answer):
        return trouble
    assert answer is not None
    if answer != int(answer) or answer < 1:
        return f"expected a number of seeds, 1 or more, got {answer:g}"
    seeds = int(answer)
    if seeds == 8:
        return RIGHT
    p = mcnemar(1, seeds).p
    if seeds == 7:
        return f"not quite: 7 against 1 give p = {p:.3g}; only one side of the test is below 0.05"
    if seeds == 6:
        return f"not quite: 6 are enough against none; against 1 they give p = {p:.3g}"
    if seeds < 6:
        return f"not quite: {seeds} against 1 give p = {p:.3g}"
    return f"not quite: {seeds} are enough, and so are fewer"


def check_mcnemar(p_value: Callable[[int, int], float | None]) -> str:
    """Check a function of two discordant counts that returns McNemar's exact two-sided p-value.

    Examples
    --------
    >>> check_mcnemar(lambda b, c: 0.5 ** (b + c))
    'for b = 0 and c = 6 the p-value is 0.03125, got 0.015625: the test has two sides'
    """
    for b, c in ((0, 6), (3, 9), (9, 3), (4, 4), (0, 0)):
        try:
            answer = p_value(b, c)
        except ValueError:  # what SciPy says of no coins
            if b + c:
                raise
            return "for b = 0 and c = 0 there is no coin to toss: return 1"
        if unanswered(answer):
            return NOT_YET
        if trouble := no_number(answer, "the function to return a p-value"):
            return trouble
        assert answer is not None
        expected = float(binomtest(b, b + c).pvalue) if b + c else 1.0
        if not math.isclose(answer, expected, rel_tol=1e-6):
            return (
                f"for b = {b} and c = {c} the p-value is {expected:.6g}, got {answer:.6g}: {_hint(answer, expected)}"
            )
    return RIGHT


def check_cosine_tenth(answer: float | None) -> str:
    r"""Check at which fraction of training :math:`(1 + \cos \pi t) / 2` is a tenth.

    Examples
    --------
    >>> check_cosine_tenth(0.9)
    'not quite: a straight line is at a tenth there; the cosine has come down further'
    """
    if trouble := no_number(answer):
        return trouble
    assert answer is not None
    right = math.acos(-0.8) / math.pi
    if abs(answer - right) <= 0.002:
        return RIGHT
    if abs(answer - 0.9) <= 0.005:
        return "not quite: a straight line is at a tenth there; the cosine has come down further"
    if abs(answer - math.acos(0.1) / math.pi) <= 0.005:
        return "not quite: there the cosine itself is a tenth; the step size is (1 + cos) / 2"
    if not 0 <= answer <= 1:
        return f"expected a fraction of training, between 0 and 1, got {answer:g}"
    there = (1 + math.cos(math.pi * answer)) / 2
    return f"not quite: at {answer:g} of training the step size is {there:.3f} of its start"


def _hint(answer: float, expected: float) -> str:
    if answer > 1:
        return "two equal tails overlap; a p-value is never above 1"
    if math.isclose(2 * answer, expected, rel_tol=1e-6):
        return "the test has two sides"
    return "b of b + c fair coins, or a result as far from the middle"
