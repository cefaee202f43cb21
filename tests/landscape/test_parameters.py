import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from enlib import landscape

A = {"w": torch.tensor([[1.0, 2.0]]), "b": torch.tensor(3.0)}
B = {"w": torch.tensor([[0.0, -2.0]]), "b": torch.tensor(5.0)}


@given(x=st.floats(-5, 5), y=st.floats(-5, 5))
def test_mix_is_the_weighted_sum(x, y):
    mixed = landscape.mix([A, B], [x, y])
    for name in A:
        assert torch.allclose(mixed[name], x * A[name] + y * B[name], atol=1e-5)


def test_mix_takes_rows_of_weights_and_along_evaluates_them():
    weights = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
    mixed = landscape.mix([A, B], weights)
    assert mixed["w"].shape == (3, 1, 2)
    assert mixed["b"].shape == (3,)
    losses = landscape.along(lambda p: (p["w"] ** 2).sum() + p["b"], mixed)
    assert losses.tolist() == [8.0, 9.0, 4.25]


def test_bad_input():
    with pytest.raises(ValueError, match="expected parameters by name, got none"):
        landscape.mix([], [])
    with pytest.raises(ValueError, match="difference in b: use one architecture"):
        landscape.mix([A, {"w": A["w"]}], [1, 1])
    with pytest.raises(ValueError, match=r"one shape for 'b' in all points, got \(\) and \(1,\)"):
        landscape.mix([A, {**A, "b": torch.zeros(1)}], [1, 1])
    for weights in ([1.0], [[1.0, 2.0, 3.0]], 1.0):
        with pytest.raises(ValueError, match=r"weights of shape \(..., 2\)"):
            landscape.mix([A, B], weights)
    with pytest.raises(ValueError, match="one more axis in front"):
        landscape.along(lambda p: p["w"].sum(), A)
    with pytest.raises(ValueError, match="one more axis in front"):
        landscape.along(lambda p: p["w"].sum(), {"w": torch.zeros(2, 1), "b": torch.zeros(3)})
