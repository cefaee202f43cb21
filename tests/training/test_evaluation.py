import math

import pytest
import torch
from torch import nn

from enlib import WithExponentialNeuron, evaluate, mlp, polynomial_hinge
from enlib.datasets import load
from enlib.training.evaluation import batches


@pytest.fixture
def split():
    return load("spheres", seed=0, train=300, dtype=torch.float64).train


@pytest.mark.parametrize("chunk", [1, 7, 300, 1000])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_chunks_do_not_change_the_result(split, chunk, reduction):
    model = mlp((100, 5, 1), seed=0).double()
    seen = evaluate(model, split, lambda f, y: polynomial_hinge(f, y, reduction=reduction), chunk=chunk)
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
