import pytest
import torch

from enlib.datasets import Dataset, Split, load
from enlib.datasets.data import standardized
from enlib.datasets.synthetic import spheres

X, Y = torch.zeros(4, 2), torch.tensor([-1.0, 1, -1, 1])


@pytest.mark.parametrize(
    "inputs, targets, message",
    [
        (X, (Y + 1) / 2, r"expected labels in \{-1, \+1\}, got \{0, 1\}: map them with 2\*y - 1"),
        (X, torch.tensor([1.0, 2, 3, 4]), r"got \{1, 2, 3, 4\}: map your two classes"),
        (X, torch.tensor([float("nan"), 1, 1, 1]), "expected labels"),
        (X, Y[:3], r"got \(4, 2\) and \(3,\): pass one label per sample"),
        (X, Y[:, None], "one label per sample"),
        (X[:0], Y[:0], r"at least one sample, got shape \(0, 2\)"),
        (X[:, :0], Y, r"at least one sample, got shape \(4, 0\)"),
        (
            X.fill_(0).index_put((torch.tensor(1), torch.tensor(0)), torch.tensor(float("nan"))),
            Y,
            "got 1 NaN",
        ),
    ],
)
def test_bad_splits(inputs, targets, message):
    with pytest.raises(ValueError, match=message):
        Split(inputs, targets)


def test_numpy_arrays_and_integers_are_refused_with_advice():
    with pytest.raises(TypeError, match="expected tensors, got ndarray and Tensor: convert"):
        Split(X.numpy(), Y)
    with pytest.raises(TypeError, match="expected inputs to be a tensor of floats, got torch.int64"):
        Split(X.long(), Y)


def test_a_data_set_prints_one_line_and_no_tensors():
    split = Split(torch.zeros(300, 3, 32, 32), torch.tensor([-1.0, 1]).repeat(150))
    assert repr(split) == "Split(300 samples of shape (3, 32, 32), torch.float32)"
    assert repr(Dataset("mine", split, split, split)) == (
        "Dataset('mine', train=300, validation=300, test=300, samples of shape (3, 32, 32), torch.float32)"
    )


def test_a_data_set_is_made_of_splits():
    with pytest.raises(TypeError, match=r"expected validation to be a Split, got .*: pass Split\(inputs, targets\)"):
        Dataset("mine", Split(X, Y), (X, Y), Split(X, Y))


def test_a_training_split_of_one_class_is_refused():
    one = Split(X, torch.ones(4))
    with pytest.raises(ValueError, match="both labels in the training split"):
        Dataset("mine", one, one, one)


def test_splits_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match="samples of one shape"):
        Dataset("mine", Split(X, Y), Split(X, Y), Split(torch.zeros(4, 3), Y))


def test_shape_size_and_type():
    split = Split(torch.zeros(4, 1, 3, 3), Y)
    data = Dataset("mine", split, split, split)
    assert (data.input_shape, data.in_features, len(data.train)) == ((1, 3, 3), 9, 4)
    assert data.to(dtype=torch.float64).test.inputs.dtype == torch.float64
    assert data.to(dtype=torch.float64).test.targets.dtype == torch.float64


def test_what_is_unchanged_is_not_checked_again(monkeypatch):
    data = Dataset("mine", Split(X, Y), Split(X, Y), Split(X, Y))
    monkeypatch.setattr(Split, "__post_init__", lambda self: pytest.fail("checked again"))
    assert data.to("cpu", torch.float32).train is data.train


def test_every_split_is_checked_once_on_its_way(monkeypatch):
    checked, check = [], Split.__post_init__
    monkeypatch.setattr(Split, "__post_init__", lambda self: checked.append(self) or check(self))
    load("spheres", seed=0).to("cpu")
    assert len(checked) == 3


def test_a_type_too_small_for_the_inputs_is_refused():
    large = Split(X.double() + 1e300, Y)
    with pytest.raises(ValueError, match="expected finite inputs, got 8 NaN or infinite numbers"):
        large.to(dtype=torch.float32)


@pytest.mark.parametrize("bad, error", [(torch.int64, ValueError), ("float32", TypeError), (float, TypeError)])
def test_bad_types_and_devices(bad, error):
    with pytest.raises(error, match="expected a floating-point dtype, got .*: use torch.float32 or torch.float64"):
        Split(X, Y).to(dtype=bad)
    with pytest.raises(error, match="expected a floating-point dtype"):
        load("spheres", seed=0, dtype=bad)
    with pytest.raises(ValueError, match="did you mean 'cuda'"):
        Split(X, Y).to("cude")


def images(n=50, seed=0):
    x = torch.randn(n, 3, 4, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return x * torch.tensor([1.0, 5, 9])[:, None, None] + 7


@pytest.mark.parametrize(
    "mode, over", [("feature", (0,)), ("channel", (0, 2, 3)), ("global", (0, 1, 2, 3)), ("sample", (1, 2, 3))]
)
def test_each_mode_gives_zero_mean_and_unit_deviation_over_its_dimensions(mode, over):
    x = images()
    z = standardized([x], mode)[0]
    assert z.mean(over).abs().max() < 1e-12
    torch.testing.assert_close(z.std(over, correction=0), torch.ones_like(z.std(over)), rtol=1e-12, atol=0)


def test_is_fitted_on_the_training_split_alone():
    raw = dict(zip(("train", "validation", "test"), spheres(seed=0), strict=True))
    mean, std = raw["train"][0].mean(0), raw["train"][0].std(0, correction=0)
    data = load("spheres", seed=0, standardize="feature", dtype=torch.float64)
    for name, split in data.splits.items():
        torch.testing.assert_close(split.inputs, (raw[name][0] - mean) / std)


@pytest.mark.parametrize("value", [0.0, 1 / 3, 1e6])
def test_constant_coordinates_are_only_shifted(value):
    x = torch.rand(100, 2, dtype=torch.float64)
    x[:, 0] = value
    assert standardized([x, x + 1], "feature")[0][:, 0].abs().max() < 1e-9
    torch.testing.assert_close(standardized([x, x + 1], "feature")[1][:, 0], torch.ones(100, dtype=torch.float64))


def test_spheres_stay_round():
    data = load("spheres", seed=0, radii=(1.0, 1.5), dtype=torch.float64)
    originals = [inputs for inputs, _ in spheres(seed=0)]
    for split, original in zip(data.splits.values(), originals, strict=True):
        # One mean and one scale for all coordinates, and so no ellipsoids.
        torch.testing.assert_close(split.inputs, (original - originals[0].mean()) / originals[0].std(correction=0))


def test_per_sample_scaling_would_erase_the_labels_of_spheres_and_is_refused():
    with pytest.raises(ValueError, match="the length is the label"):
        load("spheres", seed=0, standardize="sample")
    # The reason, shown: after it, the two classes have the same lengths.
    inputs = spheres(seed=0)[0][0]
    z = standardized([inputs], "sample")[0]
    torch.testing.assert_close(z.norm(dim=1), torch.full((2000,), 10.0, dtype=torch.float64))


def test_points_without_channels_have_no_mode_for_channels():
    with pytest.raises(ValueError, match=r"got \(4, 2\): use 'feature' or 'global'"):
        standardized([torch.zeros(4, 2)], "channel")
