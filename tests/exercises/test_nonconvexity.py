import math

import numpy as np

from enlib import exercises


def test_inflection():
    assert exercises.check_inflection(None) == exercises.NOT_YET
    assert exercises.check_inflection(math.log(2)) == exercises.check_inflection(0.693) == exercises.RIGHT
    assert "which z has it" in exercises.check_inflection(0.667)
    assert "positive; it changes sign elsewhere" in exercises.check_inflection(0)
    assert "negative; it changes sign elsewhere" in exercises.check_inflection(1)
    assert "expected a number" in exercises.check_inflection("ln 2")


def test_chord_without_symmetry():
    check = exercises.check_chord_without_symmetry
    assert check(None) == check(...) == exercises.NOT_YET
    assert check([(4, 0.25), (2, 0.5)]) == check(np.array([[4, 0.25], [0.25, 4]])) == exercises.RIGHT
    assert "got (-1, -1)" in check([(1, 1), (-1, -1)])
    assert "the chord is above" in check([(1, 1), (2, 2)])
    assert "the two ends must differ" in check([(1, 1), (1, 1)])
    for wrong in (3, "ab", [(1, 2), (3,)], [(1, 1)], [(1, math.nan), (1, 1)], [None, None]):
        assert "expected two points" in check(wrong)


def test_one_minimum():
    check = exercises.check_one_minimum
    assert check(lambda w: None) == check(None) == exercises.NOT_YET
    assert check(lambda w: w**2 / (1 + w**2)) == check(lambda w: 1 - np.exp(-(w**2))) == exercises.RIGHT
    assert check(lambda w: abs(w) ** 0.5) == exercises.RIGHT
    assert "it is convex" in check(lambda w: max(abs(w) - 1, 0))  # a flat bottom is one minimum
    assert "found 0" in check(lambda w: math.exp(-w))
    assert "found 2, near" in check(lambda w: (w**2 - 4) ** 2)
    assert "raised ZeroDivisionError" in check(lambda w: 1 / w)
    assert "finite number at w = -5" in check(lambda w: "high")
    assert "expected a function" in check(3)


def test_no_minimum():
    check = exercises.check_no_minimum
    assert check(lambda w: ...) == exercises.NOT_YET
    assert check(lambda w: math.exp(-w)) == check(lambda w: np.log1p(np.exp(w))) == exercises.RIGHT
    assert "nowhere negative" in check(lambda w: -w)
    assert "it has a minimum, near w = 1" in check(lambda w: (w - 1) ** 2)
    assert "it has a minimum" in check(lambda w: 1.0)
    assert "not convex: it is above its chord" in check(lambda w: 1 / (1 + np.exp(-w)))
    assert "raised TypeError" in check(lambda: 1)
