import numpy as np
import pytest
import torch

from enlib.figures.explore import Bars, Curve, HeatMap, Points


@pytest.mark.parametrize("kind", [Curve, Points, Bars])
def test_lists_arrays_and_tensors_are_alike(kind):
    for x, y in (([0, 1], [2, 3]), (np.arange(2), np.arange(2, 4)), (torch.arange(2), torch.arange(2.0, 4.0))):
        np.testing.assert_array_equal(kind(x, y).y, [2.0, 3.0])


def test_tensor_that_requires_a_gradient():
    assert Curve([0, 1], torch.ones(2, requires_grad=True)).y.tolist() == [1, 1]


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Curve([0, 1], [0, np.nan]), "got 1 NaN or infinite y in a curve"),
        (lambda: Points([np.inf, 1], [0, 1]), "got 1 NaN or infinite x in a points"),
        (lambda: Curve([0, 1], [0, 1, 2]), r"one length for a curve, got shapes \(2,\) and \(3,\)"),
        (lambda: Curve([], []), "one length"),
        (lambda: HeatMap([0, 1, 2], [0, 1], np.zeros((3, 2))), r"\(2, 3\) for a heat map, got \(3, 2\): transpose"),
    ],
)
def test_bad_marks(make, message):
    with pytest.raises(ValueError, match=message):
        make()
