import numpy as np
import pytest

from enlib import exercises
from enlib.statistics import expected_best, holm, signed_rank


def test_more_tries():
    check = exercises.check_more_tries
    assert check(None) == exercises.NOT_YET
    assert check(0.8) == exercises.RIGHT
    assert check(2 / 3, tries=(16, 8)) == exercises.RIGHT
    assert "per cent" in check(80)
    assert "fewer tries" in check(0.2)
    assert "not 0.9" in check(0.9)
    assert "expected a number" in check("0.8")


def test_the_fewest_pairs():
    check = exercises.check_fewest_pairs
    assert check(None, rows=7) == exercises.NOT_YET
    assert check(9, rows=7) == exercises.RIGHT
    assert check(6, rows=1) == exercises.RIGHT
    assert check(12, rows=13, level=0.01) == exercises.RIGHT
    assert "above 0.01" in check(11, rows=13, level=0.01)
    assert "above 0.01" in check(10, rows=13, level=0.01)
    assert "9 pairs would do" in check(10, rows=7)
    assert "0.0078" in check(8, rows=7)
    assert "number of pairs, got 8.5" in check(8.5, rows=7)


@pytest.mark.parametrize("rows", range(1, 9))
def test_the_fewest_pairs_are_what_holm_lets_through(rows):
    fewest = next(n for n in range(1, 40) if exercises.check_fewest_pairs(n, rows=rows) == exercises.RIGHT)
    for pairs, through in ((fewest, True), (fewest - 1, False)):
        p = signed_rank(np.arange(1.0, pairs + 1)).p if pairs else 1.0
        assert (holm([p] + [1.0] * (rows - 1))[0] <= 0.05) == through


def test_the_best_of_k():
    check = exercises.check_best_of
    assert check(lambda trials, k: None) == exercises.NOT_YET
    assert check(lambda trials, k: expected_best(trials)[k - 1]) == exercises.RIGHT
    assert "return a number, got 'x'" in check(lambda trials, k: "x")
    assert "k = 2 expected 2, got 4" in check(lambda trials, k: np.mean(trials))
