import math

import numpy as np
import pytest
import torch

from enlib import WithExponentialNeuron, mlp
from enlib.datasets import Split
from enlib.training.stacked.block import Block
from enlib.training.stacked.network import with_ones


def block(models, *, lr=0.1, schedules=None, optimizer="sgd", updates=10, threshold=1e6, lam=None):
    count = len(models)
    settings = {
        "lr": [lr * (k + 1) for k in range(count)],
        "neuron_lr": [lr / 10] * count,
        "lam": lam or [0.0] * count,
        "schedule": schedules or ["constant"] * count,
    }
    return Block(
        models, settings, optimizer=optimizer, momentum=0.9, power=3, updates=updates, divergence_threshold=threshold
    )


def models(count, *, exponential=False, **neuron):
    built = [mlp((3, 4, 1), seed=seed) for seed in range(count)]
    return [WithExponentialNeuron(model, 3, seed=0, **neuron) for model in built] if exponential else built


def batch(n=8):
    random = torch.Generator().manual_seed(0)
    return with_ones(torch.randn(n, 3, generator=random)), torch.randn(n, generator=random).sign()


def mask(*values):
    return torch.tensor(values, dtype=torch.bool)


@torch.no_grad()
def test_who_leaves_keeps_the_weights_of_that_moment():
    networks = models(3)
    before = [network[1].weight.detach().clone() for network in networks]
    together = block(networks)
    together.step(*batch())
    at_leaving = together.stack.layers[0][1, :-1, :-1].clone()
    together.leave(mask(False, True, False))
    together.step(*batch())
    together.step(*batch())
    assert torch.equal(networks[1][1].weight, at_leaving)
    assert not torch.equal(at_leaving, before[1])
    assert torch.equal(networks[0][1].weight, before[0]), "the others are written when they leave"
    assert together.running.tolist() == [0, 2]
    together.leave(mask(True, True))
    assert len(together) == 0
    assert [len(history.batch_loss) for history in together.histories()] == [3, 1, 3]
    assert not torch.equal(networks[0][1].weight, before[0])


@torch.no_grad()
def test_settings_and_state_follow_those_that_stay():
    together = block(
        models(4, exponential=True), schedules=["constant", "cosine"] * 2, optimizer="adam",
        lam=[0.1, 0.2, 0.3, 0.4],
    )  # fmt: skip
    together.step(*batch())
    moments = [m.clone() for m in together.optimizer.moments[0]]
    together.leave(mask(True, False, False, True))
    np.testing.assert_allclose(together.lr, [0.2, 0.3])
    np.testing.assert_allclose(together.lam, [0.2, 0.3])
    assert together.cosine.tolist() == [True, False]
    for kept, all_ in zip(together.optimizer.moments[0], moments, strict=True):
        assert torch.equal(kept, all_[1:3])


@torch.no_grad()
def test_step_sizes_of_the_neuron_are_its_own():
    together = block(models(2, exponential=True), schedules=["constant", "cosine"], updates=4)
    together.update = 1
    factor = 0.5 * (1 + math.cos(math.pi / 4))
    first, second, neuron = together._step_sizes()
    np.testing.assert_allclose(first[:, :-1, 0], [[0.1] * 4, [0.2 * factor] * 4], rtol=1e-6)
    np.testing.assert_allclose(first[:, -1, 0], [0.01, 0.01 * factor], rtol=1e-6)
    np.testing.assert_allclose(second.flatten(), [0.1, 0.2 * factor], rtol=1e-6)
    np.testing.assert_allclose(neuron, [0.01, 0.01 * factor], rtol=1e-6)


@torch.no_grad()
def test_who_diverges_leaves_before_the_update_and_the_others_make_it_once():
    networks = models(3, exponential=True)
    networks[1].neuron.b.fill_(300.0)
    before = [network.base[1].weight.detach().clone() for network in networks]
    alone = models(3, exponential=True)
    single = block([alone[0]])
    together = block(networks)
    for _ in range(2):
        together.step(*batch())
        single.step(*batch())
    assert together.running.tolist() == [0, 2]
    assert torch.equal(networks[1].base[1].weight, before[1])
    together.leave(mask(True, True))
    single.leave(mask(True))
    torch.testing.assert_close(networks[0].base[1].weight, alone[0].base[1].weight)
    assert together.causes == ["", "batch loss is inf", ""]
    assert together.ended_at.tolist() == [2, 0, 2]
    assert together.noted.tolist() == [2, 1, 2]
    assert together.exponent_at_end[1] == pytest.approx(300, abs=1)


@torch.no_grad()
def test_when_all_have_left_nothing_happens():
    together = block(models(2), threshold=1e-9)
    inputs, targets = batch()
    together.look(0, {"train": Split(inputs, targets)}, stop_at_zero_errors=True)
    together.step(inputs, targets)
    assert len(together) == 0
    together.step(inputs, targets)
    together.look(1, {"train": Split(inputs, targets)}, stop_at_zero_errors=True)
    histories = together.histories()
    assert [history.status for history in histories] == ["diverged"] * 2
    assert [len(history.batch_loss) for history in histories] == [1, 1]
    assert [history.epoch.tolist() for history in histories] == [[0], [0]]
    assert all("exceeds 1e-09" in history.cause for history in histories)


@torch.no_grad()
def test_a_start_beyond_all_bounds_is_for_the_first_step_to_tell():
    networks = models(2, exponential=True)
    networks[0].neuron.b.fill_(300.0)
    together = block(networks)
    inputs, targets = batch()
    together.look(0, {"train": Split(inputs, targets)}, stop_at_zero_errors=False)
    assert len(together) == 2
    together.step(inputs, targets)
    assert together.causes[0] == "batch loss is inf"


@torch.no_grad()
def test_after_zero_errors_it_may_still_diverge():
    """The row then has both: when the errors were gone, and when the loss passed all bounds."""
    networks = models(1)
    together = block(networks)
    inputs, _ = batch()
    targets = together.stack(inputs)[0].sign()
    together.look(0, {"train": Split(inputs, targets)}, stop_at_zero_errors=False)
    together.stack.layers[-1] *= 1e9
    together.step(inputs, -targets)
    (history,) = together.histories()
    assert history.status == "diverged"
    assert history.epochs_to_zero_errors == 0
    assert history.diverged_at == 0


@torch.no_grad()
def test_the_objective_has_the_penalty_and_the_training_loss_does_not():
    networks = models(1, exponential=True, a=2.0)
    together = block(networks, lam=[0.5])
    inputs, targets = batch()
    together.look(0, {"train": Split(inputs, targets)}, stop_at_zero_errors=False)
    together.step(inputs, targets)
    together.leave(mask(True))
    (history,) = together.histories()
    assert history.penalty[0] == pytest.approx(0.5 * 2.0**2 / 2)
    assert history.batch_loss[0] == pytest.approx(history.train_loss[0] + 1.0, rel=1e-6)
