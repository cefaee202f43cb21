import pytest
import torch

from enlib.datasets import Dataset, Split, Standardization, load, spheres


def images(n=50, seed=0):
    x = torch.randn(n, 3, 4, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return x * torch.tensor([1.0, 5, 9])[:, None, None] + 7


@pytest.mark.parametrize(
    "mode, over", [("feature", (0,)), ("channel", (0, 2, 3)), ("global", (0, 1, 2, 3)), ("sample", (1, 2, 3))]
)
def test_each_mode_gives_zero_mean_and_unit_deviation_over_its_dimensions(mode, over):
    x = images()
    z = Standardization.fit(x, mode)(x)
    assert z.mean(over).abs().max() < 1e-12
    torch.testing.assert_close(z.std(over, correction=0), torch.ones_like(z.std(over)), rtol=1e-12, atol=0)


def test_is_fitted_on_the_training_split_alone():
    y = torch.ones(50)
    y[::2] = -1
    train, other = Split(images(), y), Split(images(seed=1) * 100, y)
    data = Dataset("mine", train, other, other).standardized("channel")
    same_train = Dataset("mine", train, train, train).standardized("channel")
    assert torch.equal(data.train.inputs, same_train.train.inputs)
    mean, std = (
        train.inputs.mean((0, 2, 3), keepdim=True),
        train.inputs.std((0, 2, 3), correction=0, keepdim=True),
    )
    torch.testing.assert_close(data.test.inputs, (other.inputs - mean) / std)


@pytest.mark.parametrize("value", [0.0, 1 / 3, 1e6])
def test_constant_coordinates_are_only_shifted(value):
    x = torch.rand(100, 2, dtype=torch.float64)
    x[:, 0] = value
    rule = Standardization.fit(x, "feature")
    assert rule(x)[:, 0].abs().max() < 1e-9
    assert rule.scale[0, 0] == 1


def test_spheres_stay_round():
    data = load("spheres", seed=0, radii=(1.0, 1.5), dtype=torch.float64)
    centre = data.standardization.mean
    raw = spheres(seed=0)
    assert centre.numel() == data.standardization.scale.numel() == 1  # one scale for all: no ellipsoids
    for split, original in zip(data.splits.values(), raw.splits.values(), strict=True):
        radii = (split.inputs * data.standardization.scale + centre).norm(dim=1)
        torch.testing.assert_close(radii, original.inputs.norm(dim=1))


def test_per_sample_scaling_would_erase_the_labels_of_spheres_and_is_refused():
    with pytest.raises(ValueError, match="the length is the label"):
        load("spheres", seed=0, standardize="sample")
    # The reason, shown: after it, the two classes have the same lengths.
    z = spheres(seed=0).standardized("sample").train
    torch.testing.assert_close(z.inputs.norm(dim=1), torch.full((2000,), 10.0, dtype=torch.float64))


def test_bad_modes():
    with pytest.raises(ValueError, match="did you mean 'channel'"):
        Standardization.fit(images(), "chanel")
    with pytest.raises(ValueError, match=r"got \(4, 2\): use 'feature' or 'global'"):
        Standardization.fit(torch.zeros(4, 2), "channel")
