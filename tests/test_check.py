import pytest

from enlib import _tools


def test_unknown_name_lists_the_known_and_suggests_the_nearest():
    with pytest.raises(ValueError, match="one of spheres, gaussians; got 'sphere': did you mean 'spheres'"):
        _tools.known("data set", "sphere", ["spheres", "gaussians"])


def test_unknown_name_that_resembles_nothing_gets_no_suggestion():
    with pytest.raises(ValueError, match="choose one of these"):
        _tools.known("data set", "zzz", ["spheres"])


@pytest.mark.parametrize("bad", [0, -1.0, float("nan"), float("inf")])
def test_positive_refuses(bad):
    with pytest.raises(ValueError, match="expected lr > 0"):
        _tools.positive("lr", bad)


@pytest.mark.parametrize("bad", [-1e-9, float("nan")])
def test_non_negative_refuses(bad):
    with pytest.raises(ValueError, match="expected lam >= 0"):
        _tools.non_negative("lam", bad)


@pytest.mark.parametrize("bad", [0, 1.0, True, "3"])
def test_count_refuses(bad):
    with pytest.raises(ValueError, match="integer >= 1"):
        _tools.count("epochs", bad)
