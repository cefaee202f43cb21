import math

import numpy as np
import pytest

from enlib import exercises
from enlib.statistics import chance_of_lower, holm, signed_rank


@pytest.mark.parametrize("stub", [None, ...])
def test_stubs_are_not_answered_yet(stub):
    for check in (exercises.check_updates, exercises.check_missing_the_best, exercises.check_pairs_for_holm):
        assert check(stub) == exercises.NOT_YET
    assert exercises.check_censored_median(lambda times: stub) == exercises.NOT_YET


def test_updates():
    assert exercises.check_updates(95 * 15_000 / 100) == exercises.RIGHT
    assert "one epoch" in exercises.check_updates(150)
    assert "samples seen" in exercises.check_updates(95 * 15_000)
    assert "full batch" in exercises.check_updates(95)
    assert "an update sees 100" in exercises.check_updates(7)
    assert exercises.check_updates("many").startswith("expected a number")


def test_missing_the_best():
    missed, _, _ = chance_of_lower([*range(1, 17)], [*range(1, 17)], tries=(16, 4))
    assert exercises.check_missing_the_best(missed) == exercises.RIGHT
    assert "find it" in exercises.check_missing_the_best(0.25)
    assert "with replacement" in exercises.check_missing_the_best((15 / 16) ** 4)
    assert "all seven rows" in exercises.check_missing_the_best(0.75**7)
    assert "as likely" in exercises.check_missing_the_best(0.5)
    assert exercises.check_missing_the_best(math.nan).startswith("expected a number")


def test_a_median_with_runs_that_never_got_there():
    check = exercises.check_censored_median
    assert check(lambda times: np.median(np.nan_to_num(times, nan=np.inf))) == exercises.RIGHT
    assert "dropped" in check(np.nanmedian)
    assert "never is later" in check(np.median)
    assert "did get there" in check(lambda times: math.inf)
    assert "is inf, got 50" in check(lambda times: np.median(np.nan_to_num(times, nan=50.0)))
    assert check(lambda times: 41.0).endswith("is 40, got 41")
    assert "return a number" in check(lambda times: "late")


def test_fewest_pairs():
    assert exercises.check_pairs_for_holm(9) == exercises.RIGHT
    p = [signed_rank(range(1, n + 1)).p for n in (8, 9)]
    assert [holm([value] * 7)[0] <= 0.05 for value in p] == [False, True]
    for wrong, hint in ((6, "counts seven times"), (7, "counts seven times"), (8, "0.055"), (10, "fewer"), (2, "by")):
        assert hint in exercises.check_pairs_for_holm(wrong)
