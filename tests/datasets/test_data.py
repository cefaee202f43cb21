import pytest
import torch

from enlib.datasets import Dataset, Split

X, Y = torch.zeros(4, 2), torch.tensor([-1.0, 1, -1, 1])


@pytest.mark.parametrize(
    "inputs, targets, message",
    [
        (X, (Y + 1) / 2, r"expected labels in \{-1, \+1\}, got \{0, 1\}: map them with 2\*y - 1"),
        (X, torch.tensor([1.0, 2, 3, 4]), r"got \{1, 2, 3, 4\}: map your two classes"),
        (X, torch.tensor([float("nan"), 1, 1, 1]), "expected labels"),
        (X, Y[:3], r"got \(4, 2\) and \(3,\): one label per sample"),
        (X, Y[:, None], "one label per sample"),
        (X[:0], Y[:0], "at least one sample, got 0"),
        (
            X.fill_(0).index_put((torch.tensor(1), torch.tensor(0)), torch.tensor(float("nan"))),
            Y,
            "got 1 NaN",
        ),
        (X.long(), Y, "expected floating-point inputs, got torch.int64"),
    ],
)
def test_bad_splits(inputs, targets, message):
    with pytest.raises(ValueError, match=message):
        Split(inputs, targets)


def test_numpy_arrays_are_refused_with_advice():
    with pytest.raises(ValueError, match="expected tensors, got ndarray and Tensor: convert"):
        Split(X.numpy(), Y)


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
