import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from enlib.losses import polynomial_hinge
from enlib.models.monomial import MonomialNeuron
from enlib.models.networks import mlp


def with_gradients(seed, power, lam, n=9, d=4):
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(n, d, generator=g, dtype=torch.float64)
    y = torch.where(torch.rand(n, generator=g) < 0.5, -1.0, 1.0).double()
    a, b = torch.randn(2, generator=g).tolist()
    neuron = MonomialNeuron(d, power, a=a, b=b, w_std=0.5, seed=seed).double()
    base = mlp((d, 5, 1), seed=seed).double()
    (polynomial_hinge(base(x) + neuron(x), y, 3, "sum") + neuron.penalty(lam)).backward()
    return neuron


@settings(max_examples=100, deadline=None)
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


def test_neuron_is_the_formula():
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
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        MonomialNeuron(**arguments, seed=0)


def test_bad_use():
    neuron = MonomialNeuron(3, 2, seed=0)
    with pytest.raises(ValueError, match=r"expected 3 numbers a sample, got 2: build MonomialNeuron\(2, 2\)"):
        neuron(torch.zeros(5, 2))
    with pytest.raises(ValueError, match="expected lam >= 0"):
        neuron.penalty(-1)
