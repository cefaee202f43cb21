import math

import numpy as np
import pytest

from enlib import exercises


@pytest.mark.parametrize("stub", [None, ...])
def test_stubs_are_not_answered_yet(stub):
    assert exercises.check_separating_direction(stub) == exercises.NOT_YET
    assert exercises.check_most_zeros(stub) == exercises.NOT_YET
    assert exercises.check_pooled_output(stub) == exercises.NOT_YET


@pytest.mark.parametrize("u", [(1, 2), [2.0, 1.0], np.array([1.0, -3.0]), (1e-6, 3e-6)])
def test_directions_that_separate(u):
    assert exercises.check_separating_direction(u) == exercises.RIGHT


@pytest.mark.parametrize(
    "u, hint",
    [
        ((1, 1), "(1, 0) and (0, 1)"),
        ((1, -1), "(0, 0) and (1, 1)"),
        ((1, 0), "(0, 0) and (0, 1)"),
        ((0, 0), "(0, 0) and (1, 0)"),
        ((1, 2, 3), "expected two numbers"),
        (1, "expected two numbers"),
        ("u", "expected two numbers"),
        ((1, math.nan), "expected two numbers"),
        ((1, 1j), "expected two numbers"),
    ],
)
def test_directions_that_do_not(u, hint):
    assert hint in exercises.check_separating_direction(u)


def test_most_zeros():
    assert exercises.check_most_zeros(4) == exercises.RIGHT
    assert "only two of the five" in exercises.check_most_zeros(1)
    assert "each further one" in exercises.check_most_zeros(5)
    assert "expected a number, got inf" in exercises.check_most_zeros(math.inf)
    assert "expected a number" in exercises.check_most_zeros("four")


def test_the_answer_on_zeros_is_reached_and_never_passed():
    """Five exponentials with chosen zeros exist (4), and random ones never have more."""
    x, zeros = np.array([-1, -0.4, 0.3, 0.7, 1]), np.array([-1.5, -0.5, 0.4, 1.6])
    c = np.linalg.svd(np.exp(np.outer(zeros, x)))[2][-1]
    w = np.linspace(-6, 6, 4001)
    assert np.sum(np.diff(np.sign(np.exp(np.outer(w, x)) @ c)) != 0) == 4
    rng = np.random.default_rng(0)
    values = np.exp(np.outer(w, x)) @ rng.standard_normal((5, 2000))
    assert np.sum(np.diff(np.sign(values), axis=0) != 0, axis=0).max() <= 4


def test_pooled_output():
    assert exercises.check_pooled_output(1 / 3) == exercises.RIGHT
    f = np.linspace(-2, 2, 40001)
    pooled = 4 * np.maximum(0, 1 - f) ** 3 + np.maximum(0, 1 + f) ** 3
    assert f[pooled.argmin()] == pytest.approx(1 / 3, abs=1e-4)
    assert "lower at a larger f" in exercises.check_pooled_output(0)
    assert "lower at a smaller f" in exercises.check_pooled_output(0.9)
    assert "nothing pulls up" in exercises.check_pooled_output(3)
    assert "expected a number" in exercises.check_pooled_output("third")
