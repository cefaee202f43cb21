import math

import pytest
import torch

from enlib.datasets import bayes_error, gaussians, load, spheres


def test_points_lie_on_their_spheres_and_classes_are_balanced():
    data = spheres(seed=0, radii=(1.0, 1.01), train=501)
    for split in data.splits.values():
        radii = split.inputs.norm(dim=1)
        torch.testing.assert_close(radii, torch.where(split.targets < 0, 1.0, 1.01 + 0 * radii), rtol=1e-12, atol=0)
        assert abs(int(split.targets.sum())) <= 1


def test_directions_are_uniform():
    x = spheres(seed=1, radii=(1.0, 2.0), train=20000).train.inputs
    unit = x / x.norm(dim=1, keepdim=True)
    # On the unit sphere E x_i = 0, E x_i^2 = 1/d and E x_i^4 = 3/(d (d+2)); within 5 standard errors each.
    for power, expected in ((1, 0.0), (2, 1 / 100), (4, 3 / (100 * 102))):
        moments = unit**power
        error = moments.std(0) / math.sqrt(len(unit))
        assert ((moments.mean(0) - expected).abs() < 5 * error).all(), power


def test_gaussians_have_unit_variance_and_shifted_means():
    train = gaussians(seed=0, shift=0.1, train=20000).train
    for label, mean in ((-1, 0.0), (1, 0.1)):
        x = train.inputs[train.targets == label]
        assert (x.mean(0) - mean).abs().max() < 5 / math.sqrt(10000)
        torch.testing.assert_close(x.var(0).mean().item(), 1.0, rtol=5e-3, atol=0)


def test_bayes_error_is_what_the_best_classifier_makes():
    test = gaussians(seed=0, shift=0.1, test=200_000).test
    best = test.inputs.sum(dim=1) - 100 * 0.1 / 2  # the likelihood ratio depends on the sum alone
    rate = (best * test.targets <= 0).double().mean().item()
    assert rate == pytest.approx(bayes_error(0.1), abs=4 * math.sqrt(0.31 * 0.69 / 200_000))


@pytest.mark.parametrize("make", [spheres, gaussians])
def test_seed_fixes_the_data_and_sizes_do_not_disturb_other_splits(make):
    one, larger, other = make(seed=0, train=10), make(seed=0, train=30), make(seed=1, train=10)
    assert torch.equal(one.train.inputs, make(seed=0, train=10).train.inputs)
    assert torch.equal(one.test.inputs, larger.test.inputs)
    assert not torch.equal(one.train.inputs, other.train.inputs)
    assert not torch.equal(one.validation.inputs, one.test.inputs)


def test_both_precisions_hold_the_same_points():
    single, double = (load("spheres", seed=0, dtype=t).train.inputs for t in (torch.float32, torch.float64))
    assert single.dtype == torch.float32
    assert torch.equal(single, double.float())


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"radii": (-1.0, 1.5)}, "expected radius > 0, got -1.0"),
        ({"radii": (1.0, 1.0)}, "expected two different radii"),
        ({"radii": (1.0,)}, "expected two radii"),
        ({"train": 0}, "expected number of train samples to be an integer >= 1, got 0"),
        ({"dimension": 0}, "expected dimension"),
        ({"seed": -1}, "expected seed"),
    ],
)
def test_bad_spheres(arguments, message):
    with pytest.raises(ValueError, match=message):
        spheres(**{"seed": 0, **arguments})


def test_bad_gaussians():
    with pytest.raises(ValueError, match="expected shift > 0, got -0.1"):
        gaussians(seed=0, shift=-0.1)
