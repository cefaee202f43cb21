import numpy as np
import pytest
import torch

from enlib.figures import Bars, Curve, HeatMap, Intervals, Points

GRID = [0, 1, 2]


@pytest.mark.parametrize("kind", [Curve, Points, Bars])
def test_lists_arrays_and_tensors_are_alike(kind):
    ones = torch.ones(2, requires_grad=True)
    for x, y in (
        ([0, 1], [2, 3]),
        (range(2), (2, 3)),
        (np.arange(2), np.arange(2, 4)),
        (torch.arange(2), torch.arange(2.0, 4.0, dtype=torch.float16)),
        ([0, 1], torch.tensor([1.0, 2.0]) + ones),
    ):
        mark = kind(x, y)
        assert mark.x.dtype == mark.y.dtype == np.float64
        np.testing.assert_array_equal(mark.x, [0.0, 1.0])
        np.testing.assert_array_equal(mark.y, [2.0, 3.0])


def test_numbers_are_copied():
    """A function may fill one buffer for every frame."""
    buffer = np.zeros(2)
    mark = Curve([0, 1], buffer)
    buffer += 1
    assert mark.y.tolist() == [0, 0]


def test_bars_reach_from_zero_and_have_their_full_width():
    """A range of the centers alone cut the first and the last bar in halves, and hid where they start."""
    bars = Bars([1, 2, 3], [5, 6, 7])
    np.testing.assert_allclose(sorted(bars.extent("x", log=False)), [0.6, 1.4, 1.6, 2.4, 2.6, 3.4])
    assert 0 in bars.extent("y", log=False)
    assert 0 not in bars.extent("y", log=True)
    left, right = Bars([1, 10, 100], [1, 1, 1]).edges(log=True)
    np.testing.assert_allclose(np.log10([left, right]), [[-0.4, 0.6, 1.6], [0.4, 1.4, 2.4]], atol=1e-12)


def test_intervals_need_their_ends_on_the_axis():
    bars = Intervals([1, 2], [0.1, 0.2], [0.5, 3.0])
    assert bars.extent("y", log=False).tolist() == [0.1, 0.2, 0.5, 3.0]
    assert bars.extent("x", log=False).tolist() == [1, 2]


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: Curve([0, 1], [0, np.nan]), ValueError, "expected finite y of a curve, got 1 NaN"),
        (lambda: Curve([np.nan] * 3, [np.nan] * 3), ValueError, "expected finite x of a curve, got 3 NaN"),
        (lambda: Points([np.inf, 1], [0, 1]), ValueError, "expected finite x of a points, got 1 NaN"),
        (lambda: Curve([0, 1], [0, 1, 2]), ValueError, r"one length for a curve, got shapes \(2,\) and \(3,\)"),
        (lambda: Curve(0, 1), ValueError, r"one length for a curve, got shapes \(\) and \(\)"),
        (lambda: Curve([[0, 1]], [[0, 1]]), ValueError, "one length"),
        (lambda: Curve([], []), ValueError, "one length"),
        (lambda: Bars("ab", [0, 1]), TypeError, "expected x of a bars to be numbers, got 'ab'"),
        (lambda: Curve(["0", "1"], [0, 1]), TypeError, "expected x of a curve to be numbers"),
        (lambda: Curve([0, 1], None), TypeError, "expected y of a curve to be numbers, got None"),
        (lambda: Curve([0, 1], [0, None]), TypeError, "expected y of a curve to be numbers"),
        (lambda: Curve([0, 1], [0, 1j]), TypeError, "expected y of a curve to be numbers"),
        (lambda: Curve([0], [torch.ones((), requires_grad=True)]), TypeError, "expected y of a curve to be numbers"),
        (lambda: Curve([0, 1], [[0], [1, 2]]), ValueError, "expected y of a curve to be numbers"),
        (lambda: Intervals([1, 2], [0, 1], [2]), ValueError, "x and y and high of one length for a intervals"),
        (lambda: Intervals([1], [0]), TypeError, "expected high of a intervals to be numbers, got None"),
        (lambda: HeatMap(GRID, [0, 1], np.zeros((3, 2))), ValueError, r"\(2, 3\) for a heat map, got \(3, 2\): tran"),
        (lambda: HeatMap(GRID, [0, 1]), TypeError, "expected z of a heat map to be numbers, got None"),
        (lambda: HeatMap([2, 1, 0], [0, 1], np.zeros((2, 3))), ValueError, "ascending, evenly spaced x .* from -1"),
        (lambda: HeatMap([0, 1, 5], [0, 1], np.zeros((2, 3))), ValueError, "evenly spaced x .* steps from 1 to 4"),
    ],
)
def test_bad_marks(make, error, message):
    with pytest.raises(error, match=message):
        make()
