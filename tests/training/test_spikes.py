import math
import subprocess
import sys

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given
from torch.func import functional_call

from enlib import Callback, WithExponentialNeuron, datasets, fit, make_optimizer, mlp, polynomial_hinge
from enlib.curvature import Hessian
from enlib.training import SignWatch, SpikeWatch, adam_limit, first_crossing, first_spike, stability_limit
from enlib.training.spikes import _rates


def test_first_spike():
    assert first_spike([1.0, 0.5, 60.0, 0.1]) == 2
    assert math.isnan(first_spike([1.0, 0.5, 49.9, 0.1]))
    assert math.isnan(first_spike([1e-9, 0.99]))  # a run that has fitted its samples may rise to 1
    assert first_spike([1e-9, 1.01]) == 1
    assert first_spike([1.0, math.nan]) == 1
    assert first_spike([1.0, math.inf]) == 1
    assert math.isnan(first_spike([]))


def test_first_crossing():
    assert first_crossing([1, 20, 21], [99, 37, 39], limit=38) == 21
    assert first_crossing([19, 20], [99, 99], limit=38) == 20
    assert math.isnan(first_crossing([30, 40], [math.nan, 38.0], limit=38))
    assert math.isnan(first_crossing([], [], limit=38))
    with pytest.raises(ValueError, match="expected limit > 0, got nan"):
        first_crossing([30], [40.0], limit=math.nan)


@given(st.lists(st.floats(0, 1e4), max_size=30))
def test_first_spike_as_a_plain_loop(losses):
    slow = next(
        (float(k) for k in range(1, len(losses)) if losses[k] > 100 * max(min(losses[:k]), 0.01)),
        math.nan,
    )
    assert first_spike(losses) == pytest.approx(slow, nan_ok=True)


@pytest.mark.parametrize("curvature, stable", [(0.98, True), (1.02, False)])
def test_adams_limit_on_a_parabola(curvature, stable):
    # With the second moment frozen, Adam is averaged momentum on a scaled parabola: count whether it grows.
    lam, eta, beta = curvature * adam_limit(0.9), 1.0, 0.9
    w, m = 1.0, 0.0
    for _ in range(4000):
        m = beta * m + (1 - beta) * lam * w
        w -= eta * m
    assert (abs(w) < 1e-3) is stable


def problem(lr=0.01):
    data = datasets.load("spheres", seed=0, train=200)
    model = WithExponentialNeuron(mlp((100, 6, 1), seed=0), 100, seed=0)
    return model, data, make_optimizer("adam", model, lr=lr, neuron_lr=lr / 10)


def test_adams_rates_are_those_it_has_just_used():
    model, data, optimizer = problem()
    fit(model, data, optimizer=optimizer, lam=0.1, seed=0, epochs=2, stop_at_zero_errors=False, device="cpu")
    before = {p: p.detach().clone() for p in model.parameters()}
    optimizer.zero_grad()
    polynomial_hinge(model(data.train.inputs), data.train.targets).backward()
    optimizer.step()
    for p, size in _rates(optimizer).items():
        state = optimizer.state[p]
        mean = state["exp_avg"] / (1 - 0.9 ** float(state["step"]))
        assert torch.allclose(p.detach(), before[p] - size * mean, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name, beta", [("sgd", 0.0), ("momentum", 0.9)])
@pytest.mark.parametrize("factor, stable", [(0.98, True), (1.02, False)])
def test_the_limit_of_gradient_descent_on_a_parabola(name, beta, factor, stable):
    w = torch.tensor([1.0], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1, momentum=beta)
    for _ in range(4000):
        optimizer.zero_grad()
        (factor * stability_limit(name) / 0.1 * w.square().sum() / 2).backward()
        optimizer.step()
    assert (abs(w.item()) < 1e-3) is stable


def test_the_watch_of_gradient_descent_measures_the_plain_sharpness():
    model, data, _ = problem()
    watch = SpikeWatch()
    optimizer = make_optimizer("sgd", model, lr=0.01)
    fit(model, data, optimizer=optimizer, seed=0, epochs=1, callbacks=[watch], device="cpu")

    def loss(p):
        return polynomial_hinge(functional_call(model.eval(), p, (data.train.inputs,)), data.train.targets)

    values = torch.linalg.eigvalsh(Hessian(loss, {n: p.detach() for n, p in model.named_parameters()}).dense())
    assert watch.rows[-1]["sharpness"] == pytest.approx(0.01 * values[-1].item(), rel=0.02)


def test_after_the_crossing_the_watch_measures_every_tenth_time():
    model, data, optimizer = problem()
    watch = SpikeWatch(every=2, limit=1e-9)
    arguments = {"lam": 0.1, "seed": 0, "epochs": 30, "stop_at_zero_errors": False, "device": "cpu"}
    fit(model, data, optimizer=optimizer, callbacks=[watch], **arguments)
    assert [row["update"] for row in watch.rows] == [*range(2, 21, 2), 40, 60]
    assert watch.crossing == 20


def test_the_watch_needs_adam_or_gradient_descent():
    model, data, _ = problem()
    optimizer = torch.optim.RMSprop(model.parameters())
    with pytest.raises(TypeError, match=r"expected Adam, AdaGrad or SGD, got RMSprop"):
        fit(model, data, optimizer=optimizer, seed=0, epochs=1, callbacks=[SpikeWatch()], device="cpu")


def test_the_watch_sees_the_preconditioned_sharpness_and_the_neuron():
    model, data, optimizer = problem()
    watch = SpikeWatch(every=3)
    history = fit(
        model, data, optimizer=optimizer, lam=0.1, seed=0, epochs=3, stop_at_zero_errors=False, device="cpu",
        callbacks=[watch],
    )  # fmt: skip
    assert [row["update"] for row in watch.rows] == [3, 6]
    assert history.status != "diverged"
    last = watch.rows[-1]
    # Slow oracle at the end of the run, which is update 6: the dense Hessian, scaled on both sides.
    params = {n: p.detach() for n, p in model.named_parameters()}

    def loss(p):
        out = functional_call(model.eval(), p, (data.train.inputs,))
        return polynomial_hinge(out, data.train.targets) + 0.05 * p["neuron.a"] ** 2

    matrix = Hessian(loss, params).dense().double()
    sizes = _rates(optimizer)
    root = torch.cat([sizes[p].reshape(-1) for p in model.parameters()]).double().sqrt()
    values, vectors = torch.linalg.eigh(root[:, None] * matrix * root)
    assert last["sharpness"] == pytest.approx(values[-1].item(), rel=0.02)
    ours = [n.startswith("neuron.") for n, p in params.items() for _ in range(p.numel())]
    assert last["share"] == pytest.approx(vectors[np.array(ours), -1].square().sum().item(), abs=0.05)
    assert last["a"] == model.neuron.a.item()
    assert last["w"] == pytest.approx(model.neuron.w.norm().item())
    with torch.no_grad():
        assert last["loss"] == pytest.approx(polynomial_hinge(model(data.train.inputs), data.train.targets).item())
        model.neuron.a.zero_()
        assert last["without"] == pytest.approx(polynomial_hinge(model(data.train.inputs), data.train.targets).item())
    assert last["exponent"] == pytest.approx(model.neuron.exponent(data.train.inputs).max().item())


def test_the_watch_changes_nothing():
    """Neither the run, nor the mode of a part that the user froze: it was put back into training with the others."""

    class Freeze(Callback):
        def after_update(self, run):
            run.model.base.eval()

    histories, models = [], []
    for callbacks in ([Freeze()], [Freeze(), SpikeWatch()]):
        model, data, optimizer = problem()
        arguments = {"lam": 0.1, "seed": 0, "epochs": 2, "device": "cpu", "callbacks": callbacks}
        histories.append(fit(model, data, optimizer=optimizer, **arguments))
        models.append(model)
        assert model.training
        assert not model.base.training
    assert np.array_equal(histories[0].batch_loss, histories[1].batch_loss)
    assert all(torch.equal(a, b) for a, b in zip(models[0].parameters(), models[1].parameters(), strict=True))


@pytest.mark.slow
def test_training_does_not_load_curvature():
    """Workers that only train and look for spikes should start quickly."""
    program = "import sys, enlib.training; print('enlib.curvature' in sys.modules, 'scipy' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.split()[0] == "False"


def test_the_watch_without_a_neuron_and_with_bad_options():
    data = datasets.load("spheres", seed=0, train=200)
    model = mlp((100, 6, 1), seed=0)
    watch = SpikeWatch()
    fit(
        model,
        data,
        optimizer=make_optimizer("adam", model, lr=0.01),
        seed=0,
        epochs=1,
        callbacks=[watch],
        device="cpu",
    )
    assert math.isnan(watch.rows[0]["a"])
    assert math.isnan(watch.rows[0]["share"])
    assert watch.rows[0]["sharpness"] > 0
    with pytest.raises(ValueError, match="every"):
        SpikeWatch(every=0)


def test_the_watch_of_signs_records_each_change_of_the_amplitude():
    class Swing(Callback):
        def after_update(self, run):
            with torch.no_grad():
                run.model.neuron.a.fill_([1.0, -1.0, -2.0, 3.0][run.update - 1])

    model, data, optimizer = problem()
    watch = SignWatch()
    arguments = {"seed": 0, "epochs": 2, "stop_at_zero_errors": False, "device": "cpu"}
    fit(model, data, optimizer=optimizer, callbacks=[Swing(), watch], **arguments)
    assert watch.updates == [2, 4]
