"""The exam questions: every answer that is a number is computed again, and every rubric adds up."""

import math
import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import binom, norm
from scipy.stats import t as student

from enlib import landscape, models, statistics

TEXT = (Path(__file__).parents[1] / "book" / "exam.md").read_text(encoding="utf-8")
QUESTION = re.compile(r"^\*\*(\d+)\.\*\* \((\d+) points\) (.*?)(?=^\*\*\d+\.\*\* |^## |\Z)", re.DOTALL | re.MULTILINE)
QUESTIONS = {int(number): (int(points), text) for number, points, text in QUESTION.findall(TEXT)}


def first(holds):
    return next(n for n in range(1, 10**6) if holds(n))


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


def swing(eta=0.22, x=0.3, s=6.5):
    for _ in range(20_000):
        x, s = (1 - eta * s) * x, s - eta * (x * x / 2 + (s - 10) / 2)
    return abs(x)


def pooled(f):
    return 3 * max(0, 1 - f) ** 3 + 2 * max(0, 1 + f) ** 3


def edge_of_momentum(mu, average=False):
    """The largest curvature times learning rate at which no root of momentum's recursion leaves the unit circle."""
    gain = 1 - mu if average else 1
    grid = np.arange(0.01, 40, 0.01)
    stable = [max(abs(np.roots([1, gain * c - 1 - mu, mu]))) <= 1 + 1e-9 for c in grid]
    return grid[np.flatnonzero(stable)[-1]]


def visits(inputs, kernel, stride, padding, pixel):
    outputs = (inputs + 2 * padding - kernel) // stride + 1
    return sum(pixel + padding in range(stride * p, stride * p + kernel) for p in range(outputs))


def best_step():
    """Where truncation and rounding of a central difference balance, their constants left out."""
    steps = np.logspace(-12, 0, 100_001)
    return steps[np.argmin(np.maximum(steps**2, np.finfo(float).eps / steps))]


def halving(settings, budgets):
    rungs = [(settings // 2**k, budget - ([0, *budgets])[k]) for k, budget in enumerate(budgets)]
    return sum(n * new for n, new in rungs)


grid = np.linspace(-1, 1, 2_000_001)
ANSWERS = {
    1: lambda: -grid[np.flatnonzero(12 * grid**2 - 4 < 0)[0]],
    2: lambda: (1.25 * 1.25 - 1) ** 2 / 2,
    3: lambda: sigmoid(3) / (2 * sigmoid(3) ** 2 * (1 - sigmoid(3))),
    5: lambda: landscape.saddle_index([5, 3, 2, 1], {2, 3}, hidden=4),
    6: lambda: math.factorial(4) * 2**4 * math.factorial(3) * 2**3,
    7: lambda: first(lambda n: 1e-9 * 1.05**n >= 1),
    8: lambda: (1 - 0.2 * 8) ** 3,
    9: lambda: first(lambda n: max(abs(1 - 2 / 52 * c) for c in (50, 2)) ** n <= 1e-3),
    10: lambda: edge_of_momentum(-0.3),
    11: lambda: 0.5 - (0.5 / 1.25**0.5) / 1.25**-1.5,
    12: lambda: 1 - np.linalg.eigvalsh(np.full((5, 5), 0.3) + 0.7 * np.eye(5))[-1],
    13: lambda: edge_of_momentum(0.9) / 0.05,
    14: swing,
    15: lambda: 3 + 1 * 4 / 100 * (1 * 3 - 4),
    16: lambda: 2 * brentq(lambda a: 9 * sigmoid(9 * a) * (1 - sigmoid(9 * a)) - 1, 0, 1),
    17: lambda: first(lambda n: (2 / 4) ** n < 1e-4),
    18: lambda: 10 * sum(p.numel() for p in models.ExponentialNeuron(784, seed=0).parameters()),
    19: lambda: 0.3 * -0.8 - 0.5 * 0.3**2,
    20: lambda: grid[np.argmin(3 * np.maximum(0, 1 - grid) ** 3 + 2 * np.maximum(0, 1 + grid) ** 3)],
    22: lambda: first(lambda m: np.linalg.matrix_rank(np.vander(np.linspace(-1, 1, m), 6)) < m) - 1,
    23: lambda: 2 * 0.005 / (1 + math.sqrt(1 - 2 * 30 * 0.005 / 2)),
    24: lambda: 0.6**3,
    25: lambda: 1 / (6 * 0.02**3 * 0.5**2 * 0.5**3),
    26: lambda: np.linspace(0, 1, 10**6)[
        np.argmin(abs(np.linspace(0, 1, 10**6) - (1 - np.linspace(0, 1, 10**6)) / 2))
    ],
    27: lambda: edge_of_momentum(0.8, average=True),
    28: lambda: math.exp(2.5) ** 3,
    30: lambda: -3 * math.log(0.6) - 2 * math.log(0.2),
    31: lambda: statistics.wilson(0, 30).high,
    32: lambda: statistics.mcnemar(2, 10).p,
    33: lambda: 0.1 * 0.05 * math.hypot(12, 1),
    34: lambda: first(lambda n: statistics.holm([2 / 2**n] + [1.0] * 9)[0] <= 0.05),
    35: lambda: np.mean([min(pair) for pair in combinations([3, 5, 8, 12], 2)]),
    36: lambda: 12 / 16,
    38: lambda: np.median([12, 15, math.inf, 30, math.inf, 9, 20]),
    39: lambda: 2 * binom.cdf(0, 7, 0.5),
    40: lambda: 0.02 + student.ppf(0.95, 9) * 0.1 / math.sqrt(10),
    41: lambda: math.floor(2500 * 0.0148 + 1e-9),
    42: lambda: 2000 * norm.sf(3 * 1.2),
    43: lambda: halving(64, [1, 2, 4, 8, 16, 32, 64]),
    44: lambda: first(lambda n: 0.98**n <= 0.1),
    45: lambda: visits(7, 3, 2, 1, pixel=1),
    46: lambda: math.sqrt(2 / (9 * 32)),
    47: best_step,
    48: lambda: 0.1 * min(1, 2 / 8) * 60 / 2,
    49: lambda: max(abs(0.05 - 0.1 * 0.2) - 0.1 * 0.4, 0.0),
    51: lambda: math.sqrt(2 / 100) / 2,
}


def test_there_are_forty_and_they_are_numbered():
    assert list(QUESTIONS) == list(range(1, len(QUESTIONS) + 1))
    assert len(QUESTIONS) >= 40


@pytest.mark.parametrize("number", QUESTIONS)
def test_the_rubric_adds_up(number):
    points, text = QUESTIONS[number]
    rubric = text.split("*Rubric.*")[1]
    assert sum(int(part) for part in re.findall(r"(\d+): ", rubric)) == points


@pytest.mark.parametrize("number", QUESTIONS)
def test_an_answer_that_is_a_number_is_right(number):
    answer = re.search(r"\*Answer\.\* \*\*([−\d.]+)(?:·10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+))?\.\*\*", QUESTIONS[number][1])
    assert bool(answer) == (number in ANSWERS)
    if answer:
        number_of_digits = len(answer[1].lstrip("−0.").replace(".", ""))
        power = (answer[2] or "0").translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
        written = float(f"{answer[1].replace('−', '-')}e{power}")
        assert float(f"{ANSWERS[number]():.{max(number_of_digits, 1)}g}") == written


def test_numbers_in_the_explanations():
    assert math.log(1000) / math.log(1.05) == pytest.approx(142, abs=0.5)
    assert 30 * 0.05 / 2 == 0.75  # question 23, with the larger gradient
    assert 2 - 30 * ANSWERS[23]() == pytest.approx(1.84, abs=0.005)
    assert np.mean([12, 15, 30, 9, 20]) == pytest.approx(17.2)
    assert 7 * 64 == 448
    assert np.abs(np.roots([1, -(1 - 0.3 - 1.4), -0.3])).max() == pytest.approx(1)
    assert pooled(ANSWERS[20]()) < min(pooled(ANSWERS[20]() + d) for d in (-0.01, 0.01))
    assert pytest.approx(-0.01) == 0.05 - 0.1 * (0.2 + 0.4)
