import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from enlib import ConvNet, ExponentialNeuron, WithExponentialNeuron, mlp, polynomial_hinge
from enlib.models import MonomialNeuron


def random_problem(seed, n=12, d=5):
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(n, d, generator=g, dtype=torch.float64)
    y = torch.where(torch.rand(n, generator=g) < 0.5, -1.0, 1.0).double()
    a, b = torch.randn(2, generator=g).tolist()
    model = WithExponentialNeuron(mlp((d, 6, 1), seed=seed), d, seed=seed, a=a, b=b, w_std=0.5).double()
    return model, x, y


@settings(max_examples=100)
@given(st.integers(0, 10**6), st.floats(1e-3, 10.0))
def test_identity_on_which_the_theorem_rests(seed, lam):
    """a dL/da - dL/db = lambda a^2 everywhere, hence no critical point has a != 0."""
    model, x, y = random_problem(seed)
    (polynomial_hinge(model(x), y, 3, "sum") + model.penalty(lam)).backward()
    a, b = model.neuron.a, model.neuron.b
    left = a * a.grad - b.grad
    scale = max(abs((a * a.grad).item()), abs(b.grad.item()), lam * a.item() ** 2)
    assert abs(left.item() - lam * a.item() ** 2) <= 1e-12 * scale


@pytest.mark.parametrize("base, shape", [(mlp((784, 6, 1), seed=0), (784,)), (ConvNet(seed=0), (1, 28, 28))])
def test_identity_holds_beside_any_base_network(base, shape):
    g = torch.Generator().manual_seed(0)
    x, y = torch.randn(8, *shape, generator=g, dtype=torch.float64), torch.ones(8, dtype=torch.float64)
    y[:4] = -1
    model = WithExponentialNeuron(base, 784, a=0.7, w_std=0.05, seed=0).double()
    (polynomial_hinge(model(x), y) + model.penalty(0.3)).backward()
    a = model.neuron.a
    torch.testing.assert_close(a * a.grad - model.neuron.b.grad, 0.3 * a.detach() ** 2, rtol=1e-12, atol=1e-12)


def test_neuron_is_the_formula():
    model, x, _ = random_problem(3)
    neuron = model.neuron
    expected = [neuron.a.item() * math.exp(sum((neuron.w * row).tolist()) + neuron.b.item()) for row in x]
    torch.testing.assert_close(neuron(x), torch.tensor(expected, dtype=torch.float64))
    torch.testing.assert_close(model(x), model.base(x) + neuron(x))


def test_at_a_equal_to_zero_the_base_network_is_left_as_it_is():
    base = mlp((5, 4, 1), seed=0)
    x = torch.randn(9, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(WithExponentialNeuron(base, 5, a=0.0, seed=0)(x), base(x))


def test_penalty():
    model = WithExponentialNeuron(mlp((2, 1), seed=0), 2, a=3.0, seed=0)
    assert model.penalty(0.5).item() == 0.5 * 9 / 2


def test_neuron_does_not_change_the_base_network_of_a_seed():
    alone, paired = mlp((5, 4, 1), seed=7), WithExponentialNeuron(mlp((5, 4, 1), seed=7), 5, seed=7)
    assert all(torch.equal(p, q) for p, q in zip(alone.parameters(), paired.base.parameters(), strict=True))


def test_images_are_flattened():
    neuron = ExponentialNeuron(4, seed=0)
    x = torch.arange(8.0).reshape(2, 1, 2, 2)
    assert torch.equal(neuron(x), neuron(x.flatten(1)))


def test_base_with_a_column_output_keeps_its_shape():
    model = WithExponentialNeuron(nn.Linear(3, 1), 3, seed=0)
    assert model(torch.zeros(5, 3)).shape == (5, 1)


def test_largest_exponent_is_the_largest_so_far_and_passes_over_nan():
    neuron = ExponentialNeuron(1, w_std=0.0, seed=0)
    with torch.no_grad():
        neuron.w.fill_(1.0)
    assert neuron.largest_exponent.item() == -math.inf
    for x in (2.0, 5.0, 1.0, math.nan):
        neuron(torch.tensor([[x]]))
    assert neuron.largest_exponent.item() == 5.0
    neuron.eval()(torch.tensor([[9.0]]))
    assert neuron.largest_exponent.item() == 5.0


def test_largest_exponent_travels_with_the_state():
    neuron = ExponentialNeuron(1, seed=0)
    neuron(torch.zeros(1, 1))
    other = ExponentialNeuron(1, seed=1)
    other.load_state_dict(neuron.state_dict())
    assert other.largest_exponent.item() == neuron.largest_exponent.item()


def test_works_inside_torch_func_transforms():
    """Recording the exponent must neither fail there nor leak a tracer."""
    model, x, y = random_problem(0)
    parameters = {name: p.detach() for name, p in model.named_parameters()}

    def loss(p):
        return polynomial_hinge(torch.func.functional_call(model, p, x), y) + 0.0

    gradient = torch.func.grad(loss)(parameters)
    _, product = torch.func.jvp(torch.func.grad(loss), (parameters,), (gradient,))
    assert all(torch.isfinite(p).all() for p in product.values())
    stacked = {name: torch.stack([p, p]) for name, p in parameters.items()}
    assert torch.func.vmap(torch.func.grad(loss))(stacked)["neuron.a"].shape == (2,)
    assert float(model.neuron.largest_exponent) == -math.inf


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"in_features": 0}, "expected in_features to be an integer >= 1, got 0"),
        ({"in_features": 3, "w_std": -1}, "expected w_std >= 0, got -1"),
        ({"in_features": 3, "a": math.nan}, "expected finite a, got nan"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        ExponentialNeuron(**arguments, seed=0)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"in_features": "3"}, "expected in_features to be an integer >= 1, got '3'"),
        ({"in_features": 3, "w_std": None}, "expected w_std >= 0, got None"),
        ({"in_features": 3, "a": "1"}, "expected a to be a number, got '1'"),
        ({"in_features": 3, "b": [1.0]}, "expected b to be a number, got"),
        ({"in_features": 3, "max_exponent": True}, "expected max_exponent to be a number, got True"),
    ],
)
def test_wrong_types(arguments, message):
    with pytest.raises(TypeError, match=message):
        ExponentialNeuron(**arguments, seed=0)


def test_scalars_of_numpy_and_torch_are_taken():
    neuron = ExponentialNeuron(np.int64(3), a=np.float32(0.5), b=torch.tensor(-1), w_std=np.float64(0.1), seed=0)
    assert (neuron.a.item(), neuron.b.item(), neuron.a.dtype) == (0.5, -1.0, torch.float32)
    assert torch.equal(neuron.w, ExponentialNeuron(3, w_std=0.1, seed=0).w)


def test_a_base_must_be_a_module():
    with pytest.raises(TypeError, match=r"expected a torch.nn.Module as base, got NoneType"):
        WithExponentialNeuron(None, 3, seed=0)


def test_bad_use():
    model, x, _ = random_problem(0)
    with pytest.raises(ValueError, match="expected 5 numbers per sample, got 6: build ExponentialNeuron with in_f"):
        model.neuron(torch.zeros(2, 6))
    with pytest.raises(ValueError, match="one output per sample, got shape"):
        WithExponentialNeuron(nn.Linear(5, 2), 5, seed=0)(x.float())
    with pytest.raises(ValueError, match="expected lam >= 0, got -0.1"):
        model.penalty(-0.1)


def with_gradients(seed, power, lam, n=9, d=4):
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(n, d, generator=g, dtype=torch.float64)
    y = torch.where(torch.rand(n, generator=g) < 0.5, -1.0, 1.0).double()
    a, b = torch.randn(2, generator=g).tolist()
    neuron = MonomialNeuron(d, power, a=a, b=b, w_std=0.5, seed=seed).double()
    base = mlp((d, 5, 1), seed=seed).double()
    (polynomial_hinge(base(x) + neuron(x), y, 3, "sum") + neuron.penalty(lam)).backward()
    return neuron


@settings(max_examples=100)
@given(st.integers(0, 10**6), st.integers(1, 7), st.floats(1e-3, 10.0))
def test_identity_with_weights_one_over_p(seed, power, lam):
    """a dL/da - (w.dL/dw + b dL/db) / p = lambda a^2 everywhere, hence no critical point has a != 0."""
    neuron = with_gradients(seed, power, lam)
    a, b, w = neuron.a, neuron.b, neuron.w
    terms = [(a * a.grad).item(), *(w * w.grad / power).tolist(), (b * b.grad / power).item(), lam * a.item() ** 2]
    left = terms[0] - sum(terms[1:-1])
    assert abs(left - terms[-1]) <= 1e-12 * max(map(abs, terms))


def test_other_weights_are_no_identity():
    neuron = with_gradients(0, 3, 0.7)
    a, b, w = neuron.a, neuron.b, neuron.w
    wrong = a * a.grad - (w @ w.grad + b * b.grad)
    assert abs((wrong - 0.7 * a**2).item()) > 1e-3


def test_monomial_neuron_is_the_formula():
    neuron = MonomialNeuron(3, 4, a=-0.7, b=0.3, w_std=1.0, seed=1).double()
    x = torch.randn(6, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    w, a, b = neuron.w.tolist(), neuron.a.item(), neuron.b.item()
    expected = [a * math.pow(sum(p * q for p, q in zip(w, row, strict=True)) + b, 4) for row in x.tolist()]
    torch.testing.assert_close(neuron(x), torch.tensor(expected, dtype=torch.float64))
    assert neuron.penalty(0.5).item() == pytest.approx(0.5 * a * a / 2)


@pytest.mark.parametrize("n", [3, 4, 5, 6])
def test_powers_below_n_minus_1_are_blind_to_one_pattern_and_n_minus_1_is_not(n):
    """Alternating binomials c_i on a grid make sum c_i (w x_i + b)^p vanish for every p < n - 1, for no other p."""
    x = torch.arange(n, dtype=torch.float64)[:, None]
    c = torch.tensor([(-1.0) ** i * math.comb(n - 1, i) for i in range(n)], dtype=torch.float64)
    for power in range(1, n + 1):
        largest = 0.0
        for seed in range(20):
            neuron = MonomialNeuron(1, power, a=1.0, b=float(seed % 5) - 2, w_std=0.3, seed=seed).double()
            largest = max(largest, abs((c @ neuron(x)).item()))
        assert (largest < 1e-9) == (power < n - 1)


def test_images_are_flattened_and_two_powers_share_their_start():
    x = torch.arange(8.0).reshape(2, 1, 2, 2)
    neuron = MonomialNeuron(4, 2, seed=0)
    assert torch.equal(neuron(x), neuron(x.flatten(1)))
    assert torch.equal(neuron.w, MonomialNeuron(4, 5, seed=0).w)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"in_features": 0, "power": 2}, "expected in_features to be an integer >= 1, got 0"),
        ({"in_features": 2, "power": 0}, "expected power to be an integer >= 1, got 0"),
        ({"in_features": 2, "power": 1.5}, "expected power to be an integer >= 1, got 1.5"),
        ({"in_features": 2, "power": 2, "w_std": -1}, "expected w_std >= 0, got -1"),
    ],
)
def test_bad_arguments_of_the_monomial_neuron(arguments, message):
    with pytest.raises(ValueError, match=message):
        MonomialNeuron(**arguments, seed=0)


def test_bad_use_of_the_monomial_neuron():
    neuron = MonomialNeuron(3, 2, seed=0)
    with pytest.raises(ValueError, match=r"expected 3 numbers per sample, got 2: build MonomialNeuron with in_f"):
        neuron(torch.zeros(5, 2))
    with pytest.raises(ValueError, match="expected lam >= 0"):
        neuron.penalty(-1)
