import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from enlib.landscape import match_hidden, permute_hidden
from enlib.models import mlp

seeds = st.integers(0, 2**16)


def network(widths, seed, bias=True):
    rng = torch.Generator().manual_seed(seed)
    params = {}
    for layer, (into, out) in enumerate(itertools.pairwise(widths)):
        params[f"{layer}.weight"] = torch.randn(out, into, generator=rng, dtype=torch.float64)
        if bias:
            params[f"{layer}.bias"] = torch.randn(out, generator=rng, dtype=torch.float64)
    return params


def output(params, x, activation=torch.tanh):
    layers = sorted({name.split(".")[0] for name in params})
    for layer in layers:
        x = x @ params[f"{layer}.weight"].T + params.get(f"{layer}.bias", 0)
        x = activation(x) if layer != layers[-1] else x
    return x


def orders_of(params, seed):
    rng = torch.Generator().manual_seed(seed)
    layers = [name for name in params if name.endswith(".weight")]
    return [torch.randperm(len(params[name]), generator=rng) for name in layers[:-1]]


def distance(a, b):
    return sum((a[name] - b[name]).square().sum() for name in a)


@given(st.lists(st.integers(1, 6), min_size=3, max_size=5), seeds, st.booleans())
def test_no_permutation_of_hidden_units_changes_the_output(widths, seed, bias):
    params = network(widths, seed, bias)
    x = torch.randn(7, widths[0], generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    permuted = permute_hidden(params, orders_of(params, seed))
    assert (output(params, x) - output(permuted, x)).abs().max() < 1e-12


@given(st.integers(1, 4), st.integers(1, 30), st.integers(1, 3), seeds)
def test_matching_undoes_a_permutation_exactly(inputs, hidden, outputs, seed):
    params = network((inputs, hidden, outputs), seed)
    permuted = permute_hidden(params, orders_of(params, seed + 1))
    recovered = permute_hidden(permuted, match_hidden(permuted, params))
    assert all(torch.equal(recovered[name], params[name]) for name in params)


@given(st.integers(1, 5), seeds)
def test_matching_one_hidden_layer_is_as_good_as_trying_all_orders(hidden, seed):
    a, b = network((2, hidden, 1), seed), network((2, hidden, 1), seed + 1)
    matched = distance(permute_hidden(b, match_hidden(b, a)), a)
    best = min(distance(permute_hidden(b, [order]), a) for order in itertools.permutations(range(hidden)))
    assert matched == pytest.approx(float(best), abs=1e-12)


@given(st.lists(st.integers(1, 6), min_size=4, max_size=5), seeds)
def test_matching_deep_networks_never_moves_them_apart(widths, seed):
    a, b = network(widths, seed), network(widths, seed + 1)
    assert distance(permute_hidden(b, match_hidden(b, a)), a) <= distance(b, a) + 1e-12


@pytest.mark.parametrize("seed", range(5))
def test_matching_undoes_a_permutation_of_a_deep_network(seed):
    params = network((20, 8, 8, 1), seed)
    permuted = permute_hidden(params, orders_of(params, seed + 1))
    recovered = permute_hidden(permuted, match_hidden(permuted, params))
    assert all(torch.equal(recovered[name], params[name]) for name in params)


def test_takes_the_parameters_of_our_networks_as_they_are():
    model = mlp((4, 6, 3, 1), seed=0)
    params = dict(model.named_parameters())
    x = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    permuted = permute_hidden(params, [[5, 4, 3, 2, 1, 0], [1, 2, 0]])
    assert torch.allclose(torch.func.functional_call(model, permuted, (x,)), model(x), atol=1e-6)


def permute_any(params):
    return permute_hidden(params, [])


def test_bad_input():
    params = network((2, 3, 1), 0)
    for order in ([0, 1], [0, 1, 1], [1, 2, 3], [0.5, 1.5, 2.0]):
        with pytest.raises(ValueError, match="use each number from 0 to 2 once"):
            permute_hidden(params, [order])
    with pytest.raises(ValueError, match="expected 1 orders, one for each hidden layer, got 2"):
        permute_hidden(params, [[0, 1, 2], [0]])
    with pytest.raises(ValueError, match="expected layer '1' to take the 3 outputs of layer '0', got 4 inputs"):
        permute_any({**params, "1.weight": torch.zeros(1, 4)})
    with pytest.raises(ValueError, match=r"got \(3, 2\) and \(2,\)"):
        permute_any({**params, "0.bias": torch.zeros(2)})
    with pytest.raises(ValueError, match=r"a weight of shape \(out, in\)"):
        permute_any(dict(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Linear(2, 1)).named_parameters()))
    with pytest.raises(ValueError, match="there is nothing to permute"):
        permute_any({"0.weight": torch.zeros(1, 2)})
    with pytest.raises(ValueError, match="expected parameters by name, got none"):
        permute_any({})
    for wrong in ({"a": torch.zeros(1)}, {**params, "3.bias": torch.zeros(1)}):
        with pytest.raises(ValueError, match="expected names such as '0.weight'"):
            permute_any(wrong)
    with pytest.raises(ValueError, match="difference in 0.bias"):
        match_hidden(params, {name: tensor for name, tensor in params.items() if name != "0.bias"})


@pytest.mark.parametrize("wrong", ["x", None, [torch.ones(2)], {"0.weight": None}])
def test_wrong_types_at_the_front_door(wrong):
    params = network((2, 3, 1), 0)
    with pytest.raises(TypeError, match="pass dict"):
        permute_any(wrong)
    with pytest.raises(TypeError, match="pass dict"):
        match_hidden(wrong, params)
    with pytest.raises(TypeError, match="pass dict"):
        match_hidden(params, wrong)
    for orders in ("x", None, 3, ["abc"], [None]):
        with pytest.raises((TypeError, ValueError), match="expected .*order"):
            permute_hidden(params, orders)
