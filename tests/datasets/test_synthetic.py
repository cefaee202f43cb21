import math

import numpy as np
import pytest
import torch

from enlib.datasets import gaussians, load, spheres


def test_points_lie_on_their_spheres_and_classes_are_balanced():
    for inputs, targets in spheres(seed=0, radii=(1.0, 1.01), train=501):
        radii = inputs.norm(dim=1)
        torch.testing.assert_close(radii, torch.where(targets < 0, 1.0, 1.01 + 0 * radii), rtol=1e-12, atol=0)
        assert abs(int(targets.sum())) <= 1


def test_directions_are_uniform():
    x = spheres(seed=1, radii=(1.0, 2.0), train=20000)[0][0]
    unit = x / x.norm(dim=1, keepdim=True)
    # On the unit sphere E x_i = 0, E x_i^2 = 1/d and E x_i^4 = 3/(d (d+2)); within 5 standard errors each.
    for power, expected in ((1, 0.0), (2, 1 / 100), (4, 3 / (100 * 102))):
        moments = unit**power
        error = moments.std(0) / math.sqrt(len(unit))
        assert ((moments.mean(0) - expected).abs() < 5 * error).all(), power


def test_gaussians_have_unit_variance_and_shifted_means():
    inputs, targets = gaussians(seed=0, shift=0.1, train=20000)[0]
    for label, mean in ((-1, 0.0), (1, 0.1)):
        x = inputs[targets == label]
        assert (x.mean(0) - mean).abs().max() < 5 / math.sqrt(10000)
        torch.testing.assert_close(x.var(0).mean().item(), 1.0, rtol=5e-3, atol=0)


def test_the_best_classifier_errs_as_often_as_documented():
    inputs, targets = gaussians(seed=0, shift=0.1, test=200_000)[2]
    best = inputs.sum(dim=1) - 100 * 0.1 / 2  # the likelihood ratio depends on the sum alone
    rate = (best * targets <= 0).double().mean().item()
    expected = math.erfc(0.1 * math.sqrt(100) / 2 / math.sqrt(2)) / 2
    assert rate == pytest.approx(expected, abs=4 * math.sqrt(0.31 * 0.69 / 200_000))


@pytest.mark.parametrize("make", [spheres, gaussians])
def test_seed_fixes_the_data_and_sizes_do_not_disturb_other_splits(make):
    one, larger, other = make(seed=0, train=10), make(seed=0, train=30), make(seed=1, train=10)
    same = make(seed=np.int64(0), train=np.int32(10))
    assert torch.equal(one[0][0], same[0][0])
    assert torch.equal(one[2][0], larger[2][0])
    assert not torch.equal(one[0][0], other[0][0])
    assert not torch.equal(one[1][0], one[2][0])


def test_both_precisions_hold_the_same_points():
    single, double = (load("spheres", seed=0, dtype=t).train.inputs for t in (torch.float32, torch.float64))
    assert single.dtype == torch.float32
    assert torch.equal(single, double.float())


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"radii": (-1.0, 1.5)}, ValueError, "expected radius > 0, got -1.0"),
        ({"radii": (1.0, 1.0)}, ValueError, "expected two different radii"),
        ({"radii": (1.0,)}, ValueError, r"expected two radii, got \(1.0,\): pass \(inner, outer\)"),
        ({"radii": 1.0}, TypeError, "expected two radii, got 1.0"),
        ({"radii": None}, TypeError, "expected two radii, got None"),
        ({"radii": ("1", "2")}, TypeError, "expected radius > 0, got '1'"),
        ({"radii": "12"}, TypeError, "expected radius > 0, got '1'"),
        ({"radii": (1.0, math.nan)}, ValueError, "expected radius > 0, got nan"),
        ({"train": 0}, ValueError, "expected number of train samples to be an integer >= 1, got 0"),
        ({"train": 1000.0}, ValueError, "expected number of train samples to be an integer >= 1, got 1000.0"),
        ({"test": None}, TypeError, "expected number of test samples"),
        ({"dimension": 0}, ValueError, "expected dimension"),
        ({"dimension": "100"}, TypeError, "expected dimension to be an integer >= 1, got '100'"),
        ({"seed": -1}, ValueError, "expected seed"),
        ({"seed": "0"}, TypeError, "expected seed to be an integer >= 0, got '0'"),
        ({"seed": None}, TypeError, "expected seed"),
    ],
)
def test_bad_spheres(arguments, error, message):
    with pytest.raises(error, match=message):
        load("spheres", **{"seed": 0, **arguments})


def test_radii_may_be_scalars_of_numpy_and_torch():
    plain = load("spheres", seed=0, radii=(1.0, 2.0), train=10)
    for radii in (np.array([1.0, 2.0]), torch.tensor([1, 2]), [1, np.float32(2)]):
        other = load("spheres", seed=torch.tensor(0), radii=radii, train=torch.tensor(10))
        assert torch.equal(plain.train.inputs, other.train.inputs)


@pytest.mark.parametrize("shift, error", [(-0.1, ValueError), (math.nan, ValueError), ("0.1", TypeError)])
def test_bad_gaussians(shift, error):
    with pytest.raises(error, match="expected shift > 0, got"):
        gaussians(seed=0, shift=shift)
