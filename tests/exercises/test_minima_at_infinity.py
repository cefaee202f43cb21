import math

import pytest

from enlib import exercises


@pytest.mark.parametrize("stub", [None, ...])
def test_stubs_are_not_answered_yet(stub):
    for check in (exercises.check_escape_limit, exercises.check_longer_escape, exercises.check_far_input):
        assert check(stub) == exercises.NOT_YET
    assert exercises.check_invariant(lambda a, slope_in_a, eta, lam: stub) == exercises.NOT_YET


def test_right_answers():
    assert exercises.check_escape_limit(0.512) == exercises.RIGHT
    assert exercises.check_longer_escape(8) == exercises.RIGHT
    assert exercises.check_invariant(lambda a, g, eta, lam: eta * lam * a**2 - eta**2 / 2 * g**2) == exercises.RIGHT
    for step in (1067, 1 / (60 * 0.05**3 * 0.125), 1280, 1319):  # the law, exactly, corrected, measured
        assert exercises.check_far_input(step) == exercises.RIGHT


@pytest.mark.parametrize("check", [exercises.check_escape_limit, exercises.check_longer_escape])
@pytest.mark.parametrize("wrong", ["8", math.nan, [1]])
def test_answers_that_are_no_numbers(check, wrong):
    assert check(wrong).startswith("expected a number, got")
    assert exercises.check_far_input(wrong).startswith("expected a number, got")
    assert "return a number" in exercises.check_invariant(lambda *_: wrong)


@pytest.mark.parametrize(
    "wrong, hint",
    [(1.024, "whom can it help"), (0, "the other class"), (0.008, "c is the margin"), (3, "nobody rescues")],
)
def test_wrong_limits_get_a_hint(wrong, hint):
    assert hint in exercises.check_escape_limit(wrong)


@pytest.mark.parametrize("wrong, hint", [(1 / 8, "upside down"), (4, "for the time"), (2, "not inverse")])
def test_wrong_factors_get_a_hint(wrong, hint):
    assert hint in exercises.check_longer_escape(wrong)


@pytest.mark.parametrize(
    "wrong, hint",
    [
        (lambda a, g, eta, lam: eta * lam * a**2, "gradient flow"),
        (lambda a, g, eta, lam: eta * lam * a**2 + eta**2 / 2 * g**2, "sign"),
        (lambda a, g, eta, lam: eta * lam * a**2 - eta**2 * g**2, "twice too large"),
        (lambda a, g, eta, lam: 0.0, "expand"),
    ],
)
def test_wrong_changes_get_a_hint(wrong, hint):
    assert hint in exercises.check_invariant(wrong)


@pytest.mark.parametrize(
    "wrong, hint", [(10667, "x = 0"), (10667 / 9, "still contributes 1"), (10667 / 4, "x twice"), (7, "how fast")]
)
def test_wrong_onsets_get_a_hint(wrong, hint):
    assert hint in exercises.check_far_input(wrong)
