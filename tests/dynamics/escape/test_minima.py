import numpy as np
import pytest

from enlib.dynamics.escape import example_a, example_b, minima


def test_the_bad_minima_of_example_b():
    found = minima(example_b(), -12, 12)
    np.testing.assert_allclose(found.theta, [-9.033830, -0.056431, 9.484583], atol=1e-6)
    np.testing.assert_allclose(found.loss, [7.483432, 4.899495, 12.316621], atol=1e-6)
    np.testing.assert_allclose(found.curvature, [25.3623, 61.7270, 49.2536], atol=1e-4)
    assert found.errors.tolist() == [2, 3, 1]
    np.testing.assert_allclose(example_b().gradient(found.theta[None]), 0, atol=1e-10)


def test_a_minimum_on_the_grid_is_found_once():
    for grid in (3, 4, 101, 102):
        assert minima(example_a(), -0.7, 0.7, grid=grid).theta == pytest.approx([0], abs=1e-12)


def test_flat_floors_are_left_out():
    assert len(minima(example_a(), 0.9, 3.0).theta) == 0


def test_says_what_was_expected():
    with pytest.raises(ValueError, match="low < high"):
        minima(example_a(), 1, 0)
    with pytest.raises(ValueError, match="grid"):
        minima(example_a(), 0, 1, grid=1)
