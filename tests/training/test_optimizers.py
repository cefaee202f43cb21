import math

import numpy as np
import pytest
import torch
from torch import nn

from enlib import WithExponentialNeuron, make_optimizer, make_schedule, mlp


@pytest.mark.parametrize("name", ["adam", "sgd", "momentum"])
def test_neuron_has_a_learning_rate_of_its_own(name):
    model = WithExponentialNeuron(mlp((2, 1), seed=0), 2, seed=0)
    groups = make_optimizer(name, model, lr=0.1, neuron_lr=0.001).param_groups
    assert [group["lr"] for group in groups] == [0.1, 0.001]
    assert [id(p) for group in groups for p in group["params"]] == [
        id(p) for part in (model.base, model.neuron) for p in part.parameters()
    ]
    assert [group["lr"] for group in make_optimizer(name, model, lr=0.1).param_groups] == [0.1, 0.1]
    with pytest.raises(ValueError, match="expected neuron_lr > 0, got 0"):
        make_optimizer(name, model, lr=0.1, neuron_lr=0)


def test_sgd_is_gradient_descent():
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 3.0)
    optimizer = make_optimizer("sgd", model, lr=0.25)
    (model.weight**2).sum().backward()
    optimizer.step()
    assert model.weight.item() == 3.0 - 0.25 * 6.0


@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_fused_adam_makes_the_same_updates(dtype, tolerance):
    x = torch.randn(40, 2, generator=torch.Generator().manual_seed(0), dtype=dtype)
    models = [WithExponentialNeuron(mlp((2, 8, 1), seed=0), 2, seed=0).to(dtype) for _ in range(2)]
    for model, fused in zip(models, (False, True), strict=True):
        optimizer = make_optimizer("adam", model, lr=0.01, neuron_lr=0.001, fused=fused)
        assert bool(optimizer.param_groups[0]["fused"]) == fused
        for _ in range(20):
            optimizer.zero_grad()
            (model(x) - x[:, 0]).square().mean().backward()
            optimizer.step()
    for default, fused in zip(*(model.parameters() for model in models), strict=True):
        torch.testing.assert_close(fused, default, rtol=0, atol=tolerance)


def test_cosine_is_the_formula():
    optimizer = make_optimizer("sgd", nn.Linear(1, 1), lr=0.2)
    schedule, seen = make_schedule("cosine", optimizer, updates=10), []
    for _ in range(13):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert seen == pytest.approx([0.1 * (1 + math.cos(math.pi * k / 10)) for k in [*range(11), 10, 10]])


def test_constant_stays():
    optimizer = make_optimizer("adam", nn.Linear(1, 1), lr=0.2)
    schedule = make_schedule("constant", optimizer, updates=3)
    for _ in range(5):
        optimizer.step()
        schedule.step()
    assert optimizer.param_groups[0]["lr"] == 0.2


@pytest.mark.parametrize(
    "name, arguments, message",
    [
        ("adam", {"lr": -0.1}, "expected lr > 0, got -0.1"),
        ("adm", {"lr": 0.1}, "did you mean 'adam'"),
        (
            "sgd",
            {"lr": 0.1, "neuron_lr": 0.1},
            "expected a WithExponentialNeuron for neuron_lr=0.1, got Linear: wrap it",
        ),
        ("sgd", {"lr": 0.1, "fused": True}, "expected optimizer 'adam' for fused=True, got 'sgd'"),
    ],
)
def test_bad_optimizer(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        make_optimizer(name, nn.Linear(1, 1), **arguments)


def test_bad_schedule():
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1)
    with pytest.raises(ValueError, match="did you mean 'cosine'"):
        make_schedule("cosin", optimizer, updates=1)
    with pytest.raises(ValueError, match="expected updates"):
        make_schedule("cosine", optimizer, updates=0)


@pytest.mark.parametrize(
    "name, arguments, message",
    [
        ("adam", {"lr": "0.1"}, "expected lr > 0, got '0.1'"),
        ("adam", {"lr": None}, "expected lr > 0, got None"),
        ("adam", {"lr": [0.1]}, r"expected lr > 0, got \[0.1\]"),
        (3, {"lr": 0.1}, "expected optimizer to be one of adam, sgd, momentum; got 3"),
        ("adam", {"lr": 0.1, "model": [1]}, "expected a torch.nn.Module, got list: build one"),
    ],
)
def test_wrong_types_are_refused_with_advice(name, arguments, message):
    with pytest.raises(TypeError, match=message):
        make_optimizer(name, **{"model": nn.Linear(1, 1), **arguments})


def test_a_schedule_needs_an_optimizer():
    with pytest.raises(TypeError, match="expected an optimizer, got Linear: build one with make_optimizer"):
        make_schedule("cosine", nn.Linear(1, 1), updates=3)


@pytest.mark.parametrize("lr", [np.float32(0.5), np.float64(0.5), torch.tensor(0.5), torch.tensor(0.5).double()])
def test_scalars_of_numpy_and_torch_become_plain(lr):
    optimizer = make_optimizer("momentum", nn.Linear(1, 1), lr=lr)
    schedule = make_schedule("cosine", optimizer, updates=np.int64(3))
    assert type(optimizer.param_groups[0]["lr"]) is float
    assert schedule.get_last_lr() == [0.5]


def test_the_state_of_a_schedule_names_its_length():
    """By it a checkpoint recognizes the run."""
    optimizer = make_optimizer("sgd", nn.Linear(1, 1), lr=0.1)
    state = make_schedule("cosine", optimizer, updates=7).state_dict()
    assert state["lr_lambdas"] == [{"schedule": "cosine", "updates": 7}]
