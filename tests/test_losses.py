import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from enlib import error_count, polynomial_hinge
from enlib.losses import wrong

floats = st.floats(-50, 50)
samples = st.lists(st.tuples(floats, st.sampled_from([-1.0, 1.0])), min_size=1, max_size=20)


def tensors(pairs):
    output, target = zip(*pairs, strict=True)
    return torch.tensor(output, dtype=torch.float64), torch.tensor(target, dtype=torch.float64)


@given(samples, st.integers(1, 5))
def test_matches_the_formula_sample_by_sample(pairs, power):
    output, target = tensors(pairs)
    expected = [max(0.0, 1 - y * f) ** power for f, y in pairs]
    torch.testing.assert_close(
        polynomial_hinge(output, target, power, "none"), torch.tensor(expected, dtype=torch.float64)
    )
    assert polynomial_hinge(output, target, power, "sum").item() == pytest.approx(sum(expected))
    assert polynomial_hinge(output, target, power).item() == pytest.approx(sum(expected) / len(expected))


@given(samples)
def test_sum_of_losses_is_at_least_the_number_of_errors(pairs):
    # The audit of the report rests on this: a sample that is wrong has hinge >= 1.
    output, target = tensors(pairs)
    assert polynomial_hinge(output, target, 3, "sum").item() >= error_count(output, target)


def test_is_twice_differentiable_at_the_hinge():
    output = torch.tensor([1.0], dtype=torch.float64, requires_grad=True)
    (first,) = torch.autograd.grad(polynomial_hinge(output, torch.ones(1)), output, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), output)
    assert first.item() == second.item() == 0


def test_gradient_against_finite_differences():
    output = torch.randn(7, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    target = torch.tensor([1.0, -1, 1, 1, -1, -1, 1], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda f: polynomial_hinge(f, target), output)


def test_float32_overflows_at_an_exponent_near_29_6():
    largest = math.log(torch.finfo(torch.float32).max) / 3
    target = torch.tensor([-1.0])
    assert polynomial_hinge(torch.tensor([math.exp(largest - 0.01)]), target).isfinite()
    assert polynomial_hinge(torch.tensor([math.exp(largest + 0.01)]), target).isinf()
    assert largest == pytest.approx(29.57, abs=0.01)


@pytest.mark.parametrize("bad", [math.nan, 0.0, -0.5, -math.inf])
def test_what_is_not_positive_is_an_error(bad):
    assert error_count(torch.tensor([bad, 2.0]), torch.tensor([1.0, 1.0])) == 1


def test_wrong_takes_several_networks_at_once_and_numpy():
    output, target = torch.tensor([[1.0, 1.0], [math.nan, -2.0]]), torch.tensor([1.0, -1.0])
    expected = [[False, True], [True, False]]
    assert wrong(output, target).tolist() == expected
    assert wrong(output.numpy(), target.numpy()).tolist() == expected
    assert wrong((target * output).numpy(), np.array(1.0)).tolist() == expected


@pytest.mark.parametrize("function", [polynomial_hinge, error_count])
def test_shapes_that_would_broadcast_are_refused(function):
    with pytest.raises(ValueError, match=r"got \(3, 1\) and \(3,\): pass one output and one label"):
        function(torch.zeros(3, 1), torch.ones(3))


@pytest.mark.parametrize(
    "labels, message", [([0.0, 1.0], r"got \{0, 1\}: map them with 2\*y - 1"), ([1.0, math.nan], "your two classes")]
)
def test_errors_are_counted_against_labels_of_minus_and_plus_one_alone(labels, message):
    with pytest.raises(ValueError, match=message):
        error_count(torch.zeros(2), torch.tensor(labels))


@pytest.mark.parametrize("function", [polynomial_hinge, error_count])
@pytest.mark.parametrize("output, target", [(None, torch.ones(1)), (torch.ones(1), [1.0]), (np.ones(1), np.ones(1))])
def test_what_is_no_tensor_is_refused_with_advice(function, output, target):
    with pytest.raises(TypeError, match="to be tensors, got .* and .*: convert them with torch.as_tensor"):
        function(output, target)


def test_bad_power_and_reduction():
    with pytest.raises(TypeError, match="expected power > 0, got '3'"):
        polynomial_hinge(torch.zeros(1), torch.ones(1), power="3")
    with pytest.raises(ValueError, match="expected power >= 1, got 0.5"):
        polynomial_hinge(torch.zeros(1), torch.ones(1), power=0.5)
    with pytest.raises(ValueError, match="did you mean 'mean'"):
        polynomial_hinge(torch.zeros(1), torch.ones(1), reduction="men")
