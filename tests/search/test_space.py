import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enlib.search import Space

MIXED = Space(lr=("log", 1e-4, 1.0), momentum=("linear", -0.5, 0.9), loss=("choice", "hinge", "logistic", "squared"))


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_a_setting_is_within_the_limits_and_its_point_leads_back_to_it(unit):
    setting = MIXED.setting(unit)
    assert 1e-4 <= setting["lr"] <= 1
    assert -0.5 <= setting["momentum"] <= 0.9
    back = MIXED.setting(MIXED.unit(setting))
    assert back["loss"] == setting["loss"]
    for name in ("lr", "momentum"):
        assert back[name] == pytest.approx(setting[name], rel=1e-12, abs=1e-12)
    np.testing.assert_allclose(MIXED.unit(setting)[:2], unit[:2], atol=1e-12)


def test_each_choice_gets_an_equal_share():
    chosen = [MIXED.setting([0, 0, u])["loss"] for u in np.linspace(0, 1, 3001)]
    counts = [chosen.count(name) for name in ("hinge", "logistic", "squared")]
    assert sum(counts) == 3001
    assert max(counts) - min(counts) <= 1


def test_a_grid_has_every_combination_once():
    grid = MIXED.grid(4)
    assert len({tuple(setting.items()) for setting in grid}) == len(grid) == 4 * 4 * 3
    assert {setting["lr"] for setting in grid} == {1e-4, MIXED.setting([1 / 3, 0, 0])["lr"], grid[24]["lr"], 1.0}


@pytest.mark.parametrize(
    "axes, says",
    [
        ({}, "at least one axis"),
        ({"lr": ("log", 0.0, 1.0)}, "expected 0 < low < high for lr"),
        ({"lr": ("linear", 1.0, 1.0)}, "expected low < high for lr"),
        ({"lr": ("log", 0.1)}, "expected two limits of lr"),
        ({"lr": ("logarithmic", 0.1, 1.0)}, "did you mean 'log'"),
        ({"loss": ("choice", "hinge", "hinge")}, "expected different values"),
        ({"loss": ("choice", "hinge")}, "name two or more"),
    ],
)
def test_a_space_says_what_is_wrong(axes, says):
    with pytest.raises(ValueError, match=says):
        Space(**axes)
