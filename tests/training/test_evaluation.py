import math

import pytest
import torch
from torch import nn

from enlib import WithExponentialNeuron, evaluate, mlp, polynomial_hinge
from enlib.datasets import load
from enlib.training import evaluation
from enlib.training.evaluation import batches


@pytest.fixture
def split():
    return load("spheres", seed=0, train=300, dtype=torch.float64).train


@pytest.mark.parametrize("chunk", [1, 7, 300, 1000])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_chunks_do_not_change_the_result(split, monkeypatch, chunk, reduction):
    monkeypatch.setattr(evaluation, "_CHUNK", chunk)
    model = mlp((100, 5, 1), seed=0).double()
    seen = evaluate(model, split, lambda f, y: polynomial_hinge(f, y, reduction=reduction))
    output = model(split.inputs)
    assert seen.loss == pytest.approx(polynomial_hinge(output, split.targets, reduction=reduction).item(), rel=1e-12)
    assert seen.errors == int((output * split.targets <= 0).sum())


def test_dropout_is_off_and_the_mode_restored(split):
    model = nn.Sequential(mlp((100, 1), seed=0).double(), nn.Dropout(0.9)).train()
    model[0].eval()  # a frozen part stays frozen
    assert evaluate(model, split) == evaluate(model, split)
    assert model.training
    assert not model[0].training
    assert model[1].training


def test_the_mode_is_restored_when_the_model_fails(split):
    model = mlp((99, 1), seed=0).double()
    with pytest.raises(RuntimeError, match="shapes"):
        evaluate(model, split)
    assert model.training


class Counter(nn.Module):
    """Changes a buffer of its own in every forward pass, in place or by another tensor, in evaluation mode too."""

    def __init__(self, in_place):
        super().__init__()
        self.in_place = in_place
        self.weight = nn.Parameter(torch.zeros(100, dtype=torch.float64))
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls = self.calls.add_(1) if self.in_place else self.calls + 1
        return x @ self.weight


@pytest.mark.parametrize("in_place", [True, False])
def test_measuring_changes_no_buffer(split, in_place):
    model = Counter(in_place)
    buffer = model.calls
    evaluate(model, split)
    assert model.calls is buffer
    assert buffer.item() == 0


def test_measuring_changes_no_batch_normalization(split):
    model = nn.Sequential(nn.BatchNorm1d(100), mlp((100, 5, 1), seed=0)).double().train()
    model[0](split.inputs)
    model[1].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    output = model(split.inputs[:9])  # a graph of the caller that uses the statistics must stay valid
    before |= {name: value.clone() for name, value in model.state_dict().items()}
    evaluate(model, split)
    assert [module.training for module in model] == [True, False]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    output.sum().backward()


def test_an_output_of_nan_is_an_error(split):
    model = mlp((100, 1), seed=0).double()
    nn.init.constant_(model[1].bias, math.nan)
    assert evaluate(model, split).errors == len(split)


def test_wrong_types_are_refused_with_advice(split):
    model = mlp((100, 1), seed=0).double()
    for arguments, message in [
        ((None, split), "expected a torch.nn.Module, got NoneType: build one"),
        ((model, load("digits-1v7", seed=0)), "expected a Split, got Dataset: pass one of a data set"),
        ((model, split.inputs), "expected a Split, got Tensor"),
    ]:
        with pytest.raises(TypeError, match=message):
            evaluate(*arguments)
    with pytest.raises(ValueError, match="expected a model with parameters, got Flatten without any"):
        evaluate(nn.Flatten(0), split)


def test_the_exponent_seen_in_training_is_left_alone(split):
    model = WithExponentialNeuron(mlp((100, 1), seed=0), 100, seed=0).double()
    evaluate(model, split)
    assert model.neuron.largest_exponent.item() == -math.inf


def test_an_epoch_sees_every_sample_once_in_a_new_order(split):
    order = torch.Generator().manual_seed(0)
    epochs = [torch.cat([x for x, _ in batches(split, 64, order)]) for _ in range(2)]
    for seen in epochs:
        assert torch.equal(seen.sort(0).values, split.inputs.sort(0).values)
    assert not torch.equal(*epochs)


def test_full_batch_is_the_split_itself(split):
    ((inputs, targets),) = batches(split, None, torch.Generator())
    assert inputs is split.inputs
    assert targets is split.targets
