import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from enlib import WithExponentialNeuron, mlp, polynomial_hinge
from enlib.training.stacked_mlp import CHUNK, StackedMLP, with_ones


def networks(widths, count, *, dtype=torch.float64, every=2, a=0.3):
    """Networks without and with the neuron, whose weights are large enough for every derivative to count."""
    built = []
    for seed in range(count):
        base = mlp(widths, seed=seed)
        if seed % every:
            base = WithExponentialNeuron(base, widths[0], a=a * (-1) ** (seed // 2), b=0.2, w_std=0.3, seed=seed)
        built.append(base.to(dtype))
    return built


def samples(n, features, *, seed=0, dtype=torch.float64):
    random = torch.Generator().manual_seed(seed)
    inputs = torch.randn(n, features, generator=random, dtype=dtype)
    return inputs, torch.randn(n, generator=random, dtype=dtype).sign()


def by_autograd(model, inputs, targets, power):
    loss = polynomial_hinge(model(inputs), targets, power=power)
    parameters = dict(model.named_parameters())
    return loss, dict(zip(parameters, torch.autograd.grad(loss, list(parameters.values())), strict=True))


def in_model(stack, derivatives, index, model):
    """Return the derivatives under the names of the model's parameters, by the stack's own bookkeeping."""
    layers, a = stack.layers, stack.a
    stack.layers, stack.a = derivatives[:-1], derivatives[-1]
    try:
        stack.write(index, model)
    finally:
        stack.layers, stack.a = layers, a
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def check_gradient(widths, count, n, power, seed=0):
    models = networks(widths, count)
    inputs, targets = samples(n, widths[0], seed=seed)
    stack = StackedMLP(models)
    expected = [by_autograd(model, inputs, targets, power) for model in models]
    with torch.no_grad():
        loss, derivatives = stack.gradient(with_ones(inputs), targets, power)
    for index, (model, (their_loss, theirs)) in enumerate(zip(models, expected, strict=True)):
        torch.testing.assert_close(loss[index], their_loss.detach(), rtol=1e-12, atol=1e-13)
        for name, ours in in_model(stack, derivatives, index, model).items():
            torch.testing.assert_close(ours, theirs[name], rtol=1e-11, atol=1e-12, msg=lambda m, n=name: f"{n}: {m}")
    return stack, derivatives


@pytest.mark.parametrize("power", [3, 4, 2, 1, 2.5])
@pytest.mark.parametrize("widths", [(7, 5, 1), (7, 5, 4, 1), (7, 6, 5, 4, 1), (1, 1, 1), (100, 50, 25, 1)])
def test_the_gradient_is_that_of_autograd(widths, power):
    check_gradient(widths, count=4, n=40, power=power)


@pytest.mark.parametrize("n", [1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 17])
def test_samples_in_chunks(n):
    check_gradient((6, 5, 3, 1), count=4, n=n, power=3)


@settings(max_examples=30)
@given(
    features=st.integers(1, 9),
    hidden=st.lists(st.integers(1, 8), min_size=1, max_size=3),
    count=st.integers(1, 6),
    n=st.integers(1, 60),
    power=st.sampled_from([3, 4]),
    seed=st.integers(0, 1000),
)
def test_the_gradient_of_any_stack(features, hidden, count, n, power, seed):
    check_gradient((features, *hidden, 1), count, n, power, seed)


@pytest.mark.parametrize("n", [1, CHUNK, 2 * CHUNK + 3])
def test_outputs_are_those_of_the_models(n):
    models = networks((6, 5, 3, 1), 5)
    inputs, _ = samples(n, 6)
    with torch.no_grad():
        outputs = StackedMLP(models)(with_ones(inputs))
        for index, model in enumerate(models):
            torch.testing.assert_close(outputs[index], model(inputs), rtol=1e-12, atol=1e-13)


def test_outputs_in_float32():
    models = networks((100, 50, 25, 1), 4, dtype=torch.float32)
    inputs, targets = samples(300, 100, dtype=torch.float32)
    inputs *= 0.1
    stack = StackedMLP(models)
    expected = [by_autograd(model, inputs, targets, 3) for model in models]
    with torch.no_grad():
        outputs = stack(with_ones(inputs))
        loss, derivatives = stack.gradient(with_ones(inputs), targets)
        for index, (model, (their_loss, theirs)) in enumerate(zip(models, expected, strict=True)):
            torch.testing.assert_close(outputs[index], model(inputs), rtol=1e-5, atol=1e-5)
            torch.testing.assert_close(loss[index], their_loss.detach(), rtol=1e-5, atol=1e-6)
            for name, ours in in_model(stack, derivatives, index, model).items():
                torch.testing.assert_close(ours, theirs[name], rtol=1e-4, atol=1e-5)


def test_images_are_flattened():
    x = torch.arange(8.0).view(2, 2, 2)
    assert with_ones(x).tolist() == [[0, 1, 2, 3, 1], [4, 5, 6, 7, 1]]


def test_where_there_is_no_neuron_nothing_moves():
    """Neither its amplitude nor its weights get a derivative, and no other spare row either."""
    stack, derivatives = check_gradient((6, 5, 3, 1), count=4, n=30, power=3)
    assert stack.exponential.tolist() == [0, 1, 0, 1]
    assert derivatives[-1][[0, 2]].tolist() == [0, 0]
    assert derivatives[0][[0, 2], -1].abs().max() == 0
    assert derivatives[0][[1, 3], -1].abs().min() > 0
    assert derivatives[1][:, -1].abs().max() == 0, "the spare row of the second hidden layer is no unit"


def test_the_largest_exponent_is_that_of_the_neuron():
    models = networks((6, 5, 1), 4)
    stack = StackedMLP(models)
    for seed in (0, 1):
        inputs, targets = samples(2 * CHUNK + 5, 6, seed=seed)
        with torch.no_grad():
            stack.gradient(with_ones(inputs), targets)
            for index in (1, 3):
                models[index](inputs)
                assert float(stack.largest_exponent[index]) == pytest.approx(
                    float(models[index].neuron.largest_exponent), rel=1e-13
                )


def test_evaluating_does_not_note_exponents():
    stack = StackedMLP(networks((6, 5, 1), 2))
    stack(with_ones(samples(5, 6)[0]))
    assert stack.largest_exponent.tolist() == [-math.inf] * 2


def test_what_was_reached_before_a_blow_up_stays():
    stack = StackedMLP(networks((6, 5, 1), 2))
    inputs, targets = samples(5, 6)
    stack.gradient(with_ones(inputs), targets)
    before = stack.largest_exponent.clone()
    stack.layers[0][1, -1] = math.nan
    loss, _ = stack.gradient(with_ones(inputs), targets)
    assert torch.equal(stack.largest_exponent, before)
    assert loss.isnan().tolist() == [False, True], "one network's NaN is no other's"


def test_what_is_written_back_is_what_was_read():
    models, others = networks((6, 5, 3, 1), 4), networks((6, 5, 3, 1), 4, a=9.0)
    stack = StackedMLP(models)
    for index, other in enumerate(others):
        for parameter in other.parameters():
            torch.nn.init.zeros_(parameter)
        stack.write(index, other)
        for name, value in models[index].state_dict().items():
            assert torch.equal(value, other.state_dict()[name]), name


def test_reading_does_not_share_memory():
    model = networks((6, 5, 1), 1)[0]
    stack = StackedMLP([model])
    before = model[1].weight.detach().clone()
    stack.layers[0].zero_()
    assert torch.equal(model[1].weight, before)


@given(which=st.lists(st.integers(0, 4), unique=True, max_size=5).map(sorted))
@settings(max_examples=20)
def test_keeping_some_is_a_stack_of_these(which):
    models = networks((4, 3, 1), 5)
    stack = StackedMLP(models)
    stack.largest_exponent.copy_(torch.arange(5.0))
    stack.keep(torch.tensor(which, dtype=torch.long))
    assert len(stack) == len(which)
    assert stack.largest_exponent.tolist() == which
    if which:
        expected = StackedMLP([models[index] for index in which])
        assert all(torch.equal(one, other) for one, other in zip(stack.parameters, expected.parameters, strict=True))
        assert torch.equal(stack.exponential, expected.exponential)
