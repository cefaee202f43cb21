import copy
import math
import platform
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from enlib import WithExponentialNeuron, fit, make_optimizer, make_schedule, mlp, polynomial_hinge
from enlib.datasets import Split, load
from enlib.training import fit_stacked, stacked
from enlib.training import history as history_module
from enlib.training.settings import Settings
from enlib.training.stacked import _Group, _Network, _StackedOptimizer
from enlib.training.stacked_mlp import with_ones

OPTIMIZERS = ("sgd", "momentum", "adam")


@pytest.fixture(scope="module")
def data():
    return load("spheres", seed=0, radii=(1.0, 1.5), train=500, validation=150, test=10)


def network(seed, exponential, *, dtype=torch.float64, **neuron):
    base = mlp((100, 20, 10, 1), seed=seed)
    return (WithExponentialNeuron(base, 100, seed=seed, **neuron) if exponential else base).to(dtype)


def one_by_one(models, data, runs, *, optimizer, batch_size, epochs, **arguments):
    """The slow oracle: `fit`, again and again."""
    updates = epochs * (1 if batch_size is None else math.ceil(len(data.train) / batch_size))
    histories = []
    for model, run in zip(models, runs, strict=True):
        steps = make_optimizer(optimizer, model, lr=run["lr"], neuron_lr=run.get("neuron_lr"))
        schedule = make_schedule(run.get("schedule", "constant"), steps, updates=updates)
        histories.append(
            fit(
                model, data, optimizer=steps, schedule=schedule, lam=run.get("lam", 0.0), batch_size=batch_size,
                epochs=epochs, device="cpu", progress=False, **arguments,
            )
        )  # fmt: skip
    return histories


def at_once(models, data, runs, **arguments):
    each = {
        "lr": [run["lr"] for run in runs],
        "neuron_lr": [run.get("neuron_lr") for run in runs],
        "lam": [run.get("lam", 0.0) for run in runs],
        "schedule": [run.get("schedule", "constant") for run in runs],
    }
    return fit_stacked(models, data, **each, device="cpu", progress=False, **arguments)


def compare(models, data, runs, **arguments):
    """Train both ways; hold parameters to 1e-12 and histories together."""
    others = copy.deepcopy(models)
    expected = one_by_one(others, data, runs, **arguments)
    got = at_once(models, data, runs, **arguments)
    for index, (one, other) in enumerate(zip(got, expected, strict=True)):
        assert_same_history(one, other, index)
        assert_same_weights(models[index], others[index], index, diverged=one.status == "diverged")
    return got


def assert_same_history(one, other, index):
    assert (one.status, one.cause) == (other.status, other.cause), index
    assert str(one.diverged_at) == str(other.diverged_at), index
    assert str(one.epochs_to_zero_errors) == str(other.epochs_to_zero_errors), index
    np.testing.assert_allclose(one.largest_exponent_seen, other.largest_exponent_seen, rtol=1e-10, err_msg=str(index))
    assert len(one.batch_loss) == len(other.batch_loss), index
    for name in ("epoch", "update", "train_errors", "validation_errors", "learning_rate"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=f"{name} of {index}")
    for name in ("batch_loss", "train_loss", "validation_loss", "penalty", "largest_exponent"):
        np.testing.assert_allclose(
            getattr(one, name), getattr(other, name), rtol=1e-10, atol=1e-13, err_msg=f"{name} of {index}"
        )


def assert_same_weights(one, other, index, *, diverged=False):
    """To 1e-12; a step size that diverges makes weights of thousands, out of gradients that nearly cancel."""
    theirs = other.state_dict()
    atol = 1e-11 * max(float(p.detach().abs().max()) for p in other.parameters()) if diverged else 1e-12
    for name, weights in one.state_dict().items():
        torch.testing.assert_close(
            weights, theirs[name], rtol=0, atol=atol, msg=lambda m, n=name: f"{n} of {index}: {m}"
        )


# For each optimizer a step size that serves, one that is slow, and one that is far too large.
STEPS = {"sgd": (0.1, 0.01, 1e4), "momentum": (0.03, 0.003, 1e3), "adam": (0.01, 0.002, 1e4)}


def settings_of(optimizer, exponential):
    fair, slow, huge = STEPS[optimizer]
    runs = [{"lr": fair}, {"lr": slow, "schedule": "cosine"}, {"lr": fair / 2, "schedule": "cosine"}, {"lr": huge}]
    more = [{"lam": 0.1}, {"lam": 1.0, "neuron_lr": slow}, {"neuron_lr": slow / 3}, {"lam": 0.01}]
    return [run | other for run, other in zip(runs, more, strict=True)] if exponential else runs


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("batch_size", [100, None])
@pytest.mark.slow
def test_200_updates_are_those_of_fit(data, optimizer, batch_size):
    runs = [(arm, run) for arm in (False, True) for run in settings_of(optimizer, arm)]
    models = [network(seed, arm) for seed, (arm, _) in enumerate(runs)]
    epochs = 40 if batch_size else 200
    histories = compare(
        models, data, [run for _, run in runs], optimizer=optimizer, batch_size=batch_size, epochs=epochs, seed=3,
        stop_at_zero_errors=False, evaluate_every=7,
    )  # fmt: skip
    assert sum(len(history.batch_loss) == 200 for history in histories) >= 4


@pytest.mark.slow
def test_networks_leave_one_after_the_other(data):
    """Some are done early, some diverge at the start, on the way or at an evaluation; the others are not affected."""
    runs = [
        {"lr": 0.02}, {"lr": 0.01}, {"lr": 0.005, "schedule": "cosine"}, {"lr": 0.0001}, {"lr": 1e4},
        {"lr": 0.02, "lam": 0.1}, {"lr": 0.01, "neuron_lr": 0.001}, {"lr": 0.01, "lam": 1.0, "schedule": "cosine"},
        {"lr": 0.01}, {"lr": 1e3}, {"lr": 0.0001, "lam": 0.5},
    ]  # fmt: skip
    models = [network(seed, seed > 4) for seed in range(8)]
    models += [network(8, True, a=1.0, b=200.0), network(9, True), network(10, True)]
    histories = compare(models, data, runs, optimizer="adam", batch_size=100, epochs=40, seed=0)
    statuses = [history.status for history in histories]
    assert statuses.count("converged") >= 3
    assert statuses.count("diverged") >= 2
    assert statuses.count("capped") >= 2
    left = {float(history.update[-1]) for history in histories if history.status == "converged"}
    assert len(left) >= 3, "the runs should leave at several epochs"
    assert histories[8].diverged_at == 0
    assert histories[8].cause.startswith("batch loss")


def test_divergence_at_an_evaluation(data):
    """The only batch is bounded, and the loss over the whole split after its update is not."""
    runs = [{"lr": 1e4}, {"lr": 0.1}]
    histories = compare(
        [network(seed, False) for seed in range(2)], data, runs, optimizer="sgd", batch_size=None, epochs=3, seed=0
    )
    assert histories[0].cause.startswith("training loss")
    assert histories[0].diverged_at == 1
    assert histories[1].status == "capped"


@pytest.mark.parametrize("batch_size", [64, 333, 499, 1000])
def test_a_last_batch_that_is_smaller(data, batch_size):
    runs = [{"lr": 0.01}, {"lr": 0.01, "lam": 0.1, "schedule": "cosine"}]
    models = [network(0, False), network(0, True)]
    compare(models, data, runs, optimizer="adam", batch_size=batch_size, epochs=5, seed=1, stop_at_zero_errors=False)


@pytest.mark.parametrize("power", [1, 2, 3, 4])
def test_every_power(data, power):
    models = [network(0, False), network(1, True)]
    others = copy.deepcopy(models)

    def loss(output, target):
        return polynomial_hinge(output, target, power=power)

    arguments = {"optimizer": "sgd", "batch_size": 100, "epochs": 10, "seed": 0, "stop_at_zero_errors": False}
    runs = [{"lr": 0.3}, {"lr": 0.3}]
    got = at_once(models, data, runs, power=power, **arguments)
    expected = one_by_one(others, data, runs, loss=loss, **arguments)
    for index in range(2):
        assert_same_history(got[index], expected[index], index)
        assert_same_weights(models[index], others[index], index)


@settings(max_examples=15)
@given(
    runs=st.lists(
        st.fixed_dictionaries(
            {
                "exponential": st.booleans(),
                "lr": st.sampled_from([1e-3, 1e-2, 0.1, 1.0]),
                "schedule": st.sampled_from(["constant", "cosine"]),
                "lam": st.sampled_from([0.0, 0.01, 1.0]),
                "neuron_lr": st.sampled_from([None, 1e-3, 0.1]),
            }
        ),
        min_size=1,
        max_size=6,
    ),
    optimizer=st.sampled_from(OPTIMIZERS),
    batch_size=st.sampled_from([32, 60, None]),
    stop=st.booleans(),
    every=st.integers(1, 3),
)
def test_any_stack_is_its_runs_one_by_one(runs, optimizer, batch_size, stop, every):
    """Diverging on the way multiplies rounding errors, so weights are compared through what was seen of them."""
    data = load("spheres", seed=1, train=90, validation=20, test=10)
    models = [network(seed, run["exponential"]) for seed, run in enumerate(runs)]
    plain = [run if run["exponential"] else {**run, "lam": 0.0, "neuron_lr": None} for run in runs]
    arguments = {
        "optimizer": optimizer, "batch_size": batch_size, "epochs": 4, "seed": 5,
        "stop_at_zero_errors": stop, "evaluate_every": every,
    }  # fmt: skip
    expected = one_by_one(copy.deepcopy(models), data, plain, **arguments)
    for one, other in zip(at_once(models, data, plain, **arguments), expected, strict=True):
        assert (one.status, one.cause, len(one.batch_loss)) == (other.status, other.cause, len(other.batch_loss))
        np.testing.assert_array_equal(one.update, other.update)
        np.testing.assert_allclose(one.batch_loss, other.batch_loss, rtol=1e-8, atol=1e-12)


@pytest.mark.slow
def test_in_float32_the_last_error_goes_within_an_epoch(data):
    runs = [{"lr": lr, "lam": lam} for lr in (0.005, 0.01, 0.02) for lam in (0.01, 1.0)]
    runs = [*({"lr": lr} for lr in (0.004, 0.006, 0.008, 0.01, 0.015, 0.02)), *runs]
    models = [network(seed % 6, seed >= 6, dtype=torch.float32) for seed in range(12)]
    arguments = {"optimizer": "adam", "batch_size": 100, "epochs": 60, "seed": 0}
    expected = one_by_one(copy.deepcopy(models), data, runs, **arguments)
    got = at_once(models, data, runs, **arguments)
    assert [history.status for history in got] == [history.status for history in expected]
    assert sum(history.status == "converged" for history in got) >= 10
    ours, theirs = (np.array([h.epochs_to_zero_errors for h in histories]) for histories in (got, expected))
    assert np.nanmax(np.abs(ours - theirs)) <= 1
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_allclose(one.batch_loss[:50], other.batch_loss[:50], rtol=1e-3)


def test_more_networks_than_a_group(data, monkeypatch):
    """Groups change nothing in float64, and models keep their indexs across them."""
    runs = [{"lr": 0.001 * (1 + k % 9)} for k in range(11)]
    stacks = []
    for size in (4, 32):
        monkeypatch.setattr(stacked, "GROUP", size)
        models = [network(seed, seed % 3 == 0) for seed in range(11)]
        histories = at_once(models, data, runs, optimizer="adam", batch_size=100, epochs=20, seed=0)
        stacks.append((models, histories))
    for index, (one, other) in enumerate(zip(*(models for models, _ in stacks), strict=True)):
        assert_same_weights(one, other, index)
    for index, (one, other) in enumerate(zip(*(histories for _, histories in stacks), strict=True)):
        assert_same_history(one, other, index)


def test_without_validation_there_is_none(data):
    model = network(0, False)
    history = fit_stacked([model], data, seed=0, lr=0.01, epochs=2, validate=False, device="cpu")[0]
    assert np.isnan(history.validation_loss).all()
    assert np.isnan(history.validation_errors).all()
    assert len(history.validation_loss) == 3


def test_no_error_at_the_start_is_no_update(data):
    """As in `fit`; the others go on."""
    trained, fresh = network(0, True), network(1, False)
    at_once([trained], data, [{"lr": 0.01}], optimizer="adam", batch_size=100, epochs=60, seed=0)
    runs = [{"lr": 0.01}, {"lr": 0.001}]
    histories = compare([trained, fresh], data, runs, optimizer="adam", batch_size=100, epochs=2, seed=0)
    assert (histories[0].status, histories[0].epochs_to_zero_errors, len(histories[0].batch_loss)) == (
        "converged", 0, 0,
    )  # fmt: skip
    assert len(histories[1].batch_loss) == 10


def test_the_same_stack_twice_is_bitwise_the_same(data):
    stacks = [[network(seed, seed % 2 == 1, dtype=torch.float32) for seed in range(5)] for _ in range(2)]
    runs = [{"lr": 0.01}] * 5
    one, other = (at_once(s, data, runs, optimizer="adam", batch_size=64, epochs=5, seed=0) for s in stacks)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a.batch_loss, b.batch_loss)
    for a, b in zip(*stacks, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))


def test_one_setting_for_all_is_one_for_each(data):
    stacks = [[network(seed, True) for seed in range(3)] for _ in range(2)]
    shared = {"seed": 0, "epochs": 2, "device": "cpu"}
    fit_stacked(stacks[0], data, lr=np.float32(0.5), neuron_lr=0.02, lam=1, schedule="cosine", **shared)
    fit_stacked(
        stacks[1], data, lr=np.array([0.5] * 3), neuron_lr=(0.02,) * 3, lam=[1.0] * 3, schedule=["cosine"] * 3,
        **shared,
    )  # fmt: skip
    for a, b in zip(*stacks, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))


def test_the_data_are_brought_to_the_type_of_the_models(data):
    assert data.train.inputs.dtype == torch.float32
    model = network(0, False)
    fit_stacked([model], data, seed=0, lr=0.01, epochs=1, device="cpu")
    assert model[1].weight.dtype == torch.float64
    history = fit_stacked(
        [network(0, False, dtype=torch.float32)],
        data.to(dtype=torch.float64),
        seed=0,
        lr=0.01,
        epochs=1,
        device="cpu",
    )[0]
    assert history.status == "capped"


def test_global_random_state_neither_matters_nor_changes(data):
    before = torch.get_rng_state()
    fit_stacked([network(0, True)], data, seed=0, lr=0.01, epochs=1, device="cpu")
    assert torch.equal(torch.get_rng_state(), before)


def test_bad_input(data):
    base = mlp((100, 5, 1), seed=0)
    neuron = WithExponentialNeuron(mlp((100, 5, 1), seed=1), 100, seed=1)
    relu = nn.Sequential(nn.Flatten(), nn.Linear(100, 2), nn.ReLU(), nn.Linear(2, 1), nn.Flatten(0))
    without_bias, frozen = (mlp((100, 5, 1), seed=0) for _ in range(2))
    without_bias[1].bias = None
    frozen[1].weight.requires_grad_(False)
    mixed = WithExponentialNeuron(mlp((100, 5, 1), seed=0).double(), 100, seed=0)
    for models, arguments, message in [
        ([], {}, "expected at least one model, each once"),
        ([base, base], {}, "expected at least one model, each once"),
        ([base, mlp((100, 6, 1), seed=0)], {}, "networks of one shape and type, got 2 kinds: group them"),
        ([base, mlp((100, 5, 1), seed=0).double()], {}, "got 2 kinds: group them"),
        ([mlp((100, 1), seed=0)], {}, "with a hidden layer, got Sequential: train others with enlib.fit"),
        ([torch.nn.Linear(100, 1)], {}, "expected networks from enlib.mlp with a hidden layer, got Linear"),
        ([relu], {}, "expected networks from enlib.mlp"),
        ([without_bias], {}, "expected networks from enlib.mlp"),
        ([frozen], {}, "got frozen ones: train them with enlib.fit"),
        ([mixed], {}, "networks of one shape and type, got 2 kinds: group them"),
        ([mlp((64, 5, 1), seed=0)], {}, "expected networks and neurons for 100 numbers per sample, got one for 64"),
        ([WithExponentialNeuron(base, 1, seed=0)], {}, "numbers per sample, got one for 1: build them"),
        ([WithExponentialNeuron(base, 100, max_exponent=3.0, seed=0)], {}, "expected a neuron without max_exponent"),
        ([base], {"lr": 0.0}, "expected lr > 0, got 0.0"),
        ([base], {"lr": [0.1, 0.2]}, "expected one lr, or 1, one for each model, got 2: check the lengths"),
        ([neuron], {"neuron_lr": -1.0}, "expected neuron_lr > 0, got -1.0"),
        ([base, neuron], {"neuron_lr": 0.1}, "expected a WithExponentialNeuron for neuron_lr=0.1, got Sequential"),
        ([base, neuron], {"lam": 0.1}, "expected a WithExponentialNeuron for lam=0.1, got Sequential: wrap it"),
        ([neuron], {"lam": -0.1}, "expected lam >= 0, got -0.1"),
        ([base], {"schedule": "cosin"}, "did you mean 'cosine'"),
        ([base], {"optimizer": "adm"}, "did you mean 'adam'"),
        ([base], {"power": 0.5}, "expected power >= 1, got 0.5"),
        ([base], {"power": math.nan}, "expected power > 0, got nan"),
        ([base], {"epochs": 0}, "expected epochs to be an integer >= 1, got 0"),
        ([base], {"evaluate_every": 0}, "expected evaluate_every to be an integer >= 1"),
        ([base], {"batch_size": 0}, "expected batch_size to be an integer >= 1, got 0"),
        ([base], {"seed": -1}, "expected seed to be an integer >= 0"),
        ([base], {"device": "gpu"}, "did you mean 'cpu'"),
    ]:
        with pytest.raises(ValueError, match=message):
            fit_stacked(models, data, **{"seed": 0, "lr": 0.1, "device": "cpu", **arguments})


def test_wrong_types_are_refused_with_advice(data):
    base = mlp((100, 5, 1), seed=0)
    for models, arguments, message in [
        (None, {}, "expected a list of models, got NoneType: pass"),
        (base, {}, "expected a list of models, got Sequential: pass"),
        ([base], {"data": data.train}, "expected a Dataset, got Split"),
        ([base], {"lr": "0.1"}, "expected lr > 0, got '0.1'"),
        ([base], {"lr": None}, "expected lr > 0, got None"),
        ([base], {"epochs": "2"}, "expected epochs to be an integer >= 1, got '2'"),
        ([base], {"schedule": 3}, "expected schedule to be one of constant, cosine; got 3"),
        ([base], {"power": "3"}, "expected power > 0, got '3'"),
    ]:
        with pytest.raises(TypeError, match=message):
            fit_stacked(models, **{"data": data, "seed": 0, "lr": 0.1, "device": "cpu", **arguments})


def test_scalars_of_numpy_and_torch_are_taken(data):
    stacks = [[network(0, True)], [network(0, True)]]
    one = fit_stacked(stacks[0], data, seed=0, lr=0.5, lam=0.25, epochs=2, batch_size=50, power=3, device="cpu")
    other = fit_stacked(
        stacks[1], data, seed=np.int64(0), lr=torch.tensor(0.5), lam=np.float32(0.25), epochs=torch.tensor(2),
        batch_size=np.int32(50), power=torch.tensor(3), device="cpu",
    )  # fmt: skip
    np.testing.assert_array_equal(one[0].batch_loss, other[0].batch_loss)


MEMORY = """
import resource, sys
import torch
from enlib import WithExponentialNeuron, mlp
from enlib.datasets import Split, load
from enlib.training.stacked import fit_stacked

torch.set_num_threads(1)
data = load("spheres", seed=0, train=5000, validation=1000, test=10)
def models(count):
    networks = [mlp((100, 50, 25, 1), seed=seed) for seed in range(count)]
    return [WithExponentialNeuron(n, 100, seed=0) if k % 2 else n for k, n in enumerate(networks)]
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
fit_stacked(models(1), data, seed=0, lr=0.01, batch_size=100, epochs=1, device="cpu")
before = peak()
fit_stacked(models(160), data, seed=0, lr=0.01, batch_size=None, epochs=2, device="cpu")
print(peak() - before)
"""


@pytest.mark.slow
def test_a_full_batch_of_160_networks_takes_little_memory():
    """All activations at once would be 160 x 5000 x 77 numbers, a quarter of a GB, and autograd keeps several."""
    pytest.importorskip("resource")
    ran = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    assert int(ran.stdout) < 1e8


FAULTS = """
import resource, torch
from enlib import mlp
from enlib.training.stacked_mlp import StackedMLP, keep_freed_memory, with_ones

torch.set_num_threads(1)
stack = StackedMLP([mlp((100, 50, 25, 1), seed=seed) for seed in range(32)])
inputs, targets = with_ones(torch.zeros(2000, 100)), torch.ones(2000)
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(3):
        stack.gradient(inputs, targets)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
with torch.no_grad():
    keep_freed_memory()
    faults()
    print(faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators return memory by other rules")
def test_chunks_do_not_fetch_their_memory_from_the_system_anew():
    """Returning and fetching the activations of each chunk took a third of the time of full-batch training."""
    ran = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    assert int(ran.stdout) < 1000, "without, it is 2000 to 16000 page faults in three gradients"


# One group, step by step.


def group(models, *, lr=0.1, schedules=None, optimizer="sgd", updates=10, lam=None, stop=True):
    count = len(models)
    lams, names = lam or [0.0] * count, schedules or ["constant"] * count
    networks = [_Network(m, lr * (k + 1), lr / 10, lams[k], names[k]) for k, m in enumerate(models)]
    return _Group(networks, optimizer, 3, updates, Settings(0, 8, 1, 1, stop)), networks


def small(count, *, exponential=False, **neuron):
    built = [mlp((3, 4, 1), seed=seed) for seed in range(count)]
    return [WithExponentialNeuron(model, 3, seed=0, **neuron) for model in built] if exponential else built


def batch(n=8):
    random = torch.Generator().manual_seed(0)
    return with_ones(torch.randn(n, 3, generator=random)), torch.randn(n, generator=random).sign()


@torch.no_grad()
def test_a_network_that_leaves_keeps_the_weights_of_that_moment():
    models = small(3)
    before = [model[1].weight.detach().clone() for model in models]
    together, networks = group(models)
    together.step(*batch())
    at_leaving = together.stack.layers[0][1, :-1, :-1].clone()
    together.finish({1: ""})
    together.step(*batch())
    together.step(*batch())
    assert torch.equal(models[1][1].weight, at_leaving)
    assert not torch.equal(at_leaving, before[1])
    assert torch.equal(models[0][1].weight, before[0]), "the others are written when they leave"
    assert together.running == [networks[0], networks[2]]
    together.finish({0: "", 1: ""})
    assert together.running == []
    assert [len(network.history.batch_loss) for network in networks] == [3, 1, 3]
    assert not torch.equal(models[0][1].weight, before[0])


@torch.no_grad()
def test_the_state_of_the_optimizer_follows_those_that_stay():
    together, networks = group(small(4, exponential=True), optimizer="adam", lam=[0.1, 0.2, 0.3, 0.4])
    together.step(*batch())
    moments = [m.clone() for m in together.optimizer.moments[0]]
    together.finish({0: "", 3: ""})
    assert together.running == networks[1:3]
    assert together.lam.tolist() == pytest.approx([0.2, 0.3])
    for kept, all_ in zip(together.optimizer.moments[0], moments, strict=True):
        assert torch.equal(kept, all_[1:3])


@torch.no_grad()
def test_learning_rates_of_the_neuron_are_its_own():
    together, _ = group(small(2, exponential=True), schedules=["constant", "cosine"], updates=4)
    together.update = 1
    factor = 0.5 * (1 + math.cos(math.pi / 4))
    first, second, neuron = together._rates_of_parameters()
    np.testing.assert_allclose(first[:, :-1, 0], [[0.1] * 4, [0.2 * factor] * 4], rtol=1e-6)
    np.testing.assert_allclose(first[:, -1, 0], [0.01, 0.01 * factor], rtol=1e-6)
    np.testing.assert_allclose(second.flatten(), [0.1, 0.2 * factor], rtol=1e-6)
    np.testing.assert_allclose(neuron, [0.01, 0.01 * factor], rtol=1e-6)


@torch.no_grad()
def test_a_network_that_diverges_leaves_before_the_update_and_the_others_make_it_once():
    models, alone = small(3, exponential=True), small(1, exponential=True)
    models[1].neuron.b.fill_(300.0)
    before = [model.base[1].weight.detach().clone() for model in models]
    together, networks = group(models)
    single, _ = group(alone)
    for _ in range(2):
        together.step(*batch())
        single.step(*batch())
    assert together.running == [networks[0], networks[2]]
    assert torch.equal(models[1].base[1].weight, before[1])
    together.finish({0: "", 1: ""})
    single.finish({0: ""})
    torch.testing.assert_close(models[0].base[1].weight, alone[0].base[1].weight)
    histories = [network.history for network in networks]
    assert [history.cause for history in histories] == ["", "batch loss is inf", ""]
    assert histories[1].diverged_at == 0
    assert [len(history.batch_loss) for history in histories] == [2, 1, 2]
    assert histories[1].largest_exponent_seen == pytest.approx(300, abs=1)


@torch.no_grad()
def test_when_all_have_left_nothing_happens(monkeypatch):
    monkeypatch.setattr(history_module, "DIVERGENCE_THRESHOLD", 1e-9)
    together, networks = group(small(2))
    inputs, targets = batch()
    splits = {"train": Split(inputs, targets)}
    together.evaluate(0, splits)
    together.step(inputs, targets)
    assert together.running == []
    together.step(inputs, targets)
    together.evaluate(1, splits)
    for history in (network.history for network in networks):
        assert (history.status, len(history.batch_loss), history.epoch.tolist()) == ("diverged", 1, [0])
        assert "exceeds 1e-09" in history.cause


@torch.no_grad()
def test_a_start_whose_loss_overflows_is_reported_by_the_first_step():
    models = small(2, exponential=True)
    models[0].neuron.b.fill_(300.0)
    together, networks = group(models, stop=False)
    inputs, targets = batch()
    together.evaluate(0, {"train": Split(inputs, targets)})
    assert together.running == networks
    together.step(inputs, targets)
    assert networks[0].history.cause == "batch loss is inf"


@torch.no_grad()
def test_after_zero_errors_a_run_may_still_diverge():
    """The history then has both: when there were no errors, and when the loss diverged."""
    together, (network,) = group(small(1), stop=False)
    inputs, _ = batch()
    targets = together.stack(inputs)[0].sign()
    together.evaluate(0, {"train": Split(inputs, targets)})
    together.stack.layers[-1] *= 1e9
    together.step(inputs, -targets)
    assert network.history.status == "diverged"
    assert network.history.epochs_to_zero_errors == 0
    assert network.history.diverged_at == 0


@torch.no_grad()
def test_the_objective_has_the_penalty_and_the_training_loss_does_not():
    together, (network,) = group(small(1, exponential=True, a=2.0), lam=[0.5], stop=False)
    inputs, targets = batch()
    together.evaluate(0, {"train": Split(inputs, targets)})
    together.step(inputs, targets)
    together.finish({0: ""})
    assert network.history.penalty[0] == pytest.approx(0.5 * 2.0**2 / 2)
    assert network.history.batch_loss[0] == pytest.approx(network.history.train_loss[0] + 1.0, rel=1e-6)


@torch.no_grad()
def test_an_output_of_nan_is_an_error():
    models = small(1)
    models[0][-2].bias.fill_(math.nan)
    together, (network,) = group(models, stop=False)
    inputs, targets = batch()
    together.evaluate(0, {"train": Split(inputs, targets)})
    assert network.rows[0]["train_errors"] == len(targets)


# The optimizer, beside PyTorch's.

RUNS, SHAPE = 4, (3, 2)


def both(name, lrs, gradients, *, keep=None):
    """Return the weights after some updates, stacked and one by one; ``keep`` = (when, which) drops the others."""
    start = torch.randn(RUNS, *SHAPE, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    layers = [nn.Linear(SHAPE[1], SHAPE[0], bias=False).double() for _ in range(RUNS)]
    for layer, weights in zip(layers, start, strict=True):
        layer.weight.data.copy_(weights)
    optimizers = [make_optimizer(name, layer, lr=lr) for layer, lr in zip(layers, lrs, strict=True)]
    stacked, eta, alive = start.clone(), torch.tensor(lrs, dtype=torch.float64), list(range(RUNS))
    ours = _StackedOptimizer(name, [stacked])
    for k, gradient in enumerate(gradients):
        if keep is not None and k == keep[0]:
            which = torch.tensor(keep[1], dtype=torch.long)
            alive = keep[1]
            stacked, eta = stacked[which], eta[which]
            ours.keep(which)
        ours.step([stacked], [gradient[alive].clone()], [eta[:, None, None]])
        for run in alive:
            layers[run].weight.grad = gradient[run].clone()
            optimizers[run].step()
    return stacked, torch.stack([layers[run].weight.detach() for run in alive]) if alive else stacked


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam"])
@settings(max_examples=20)
@given(
    lrs=st.lists(st.floats(1e-4, 1.0), min_size=RUNS, max_size=RUNS),
    updates=st.integers(1, 30),
    scale=st.sampled_from([1e-9, 1e-3, 1.0, 1e6]),
    when=st.integers(0, 30),
    which=st.lists(st.integers(0, RUNS - 1), unique=True, max_size=RUNS).map(sorted),
)
def test_every_update_is_that_of_pytorch(name, lrs, updates, scale, when, which):
    random = torch.Generator().manual_seed(1)
    gradients = scale * torch.randn(updates, RUNS, *SHAPE, generator=random, dtype=torch.float64)
    one, other = both(name, lrs, gradients, keep=(when, which))
    torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12 * max(1.0, scale))


def test_without_a_gradient_adam_stands_still():
    weights = torch.ones(2, 3)
    optimizer = _StackedOptimizer("adam", [weights])
    for _ in range(3):
        optimizer.step([weights], [torch.zeros(2, 3)], [torch.full((2, 1), 0.1)])
    assert torch.equal(weights, torch.ones(2, 3))


def test_weights_change_in_place_and_gradients_of_sgd_do_not():
    weights, gradient = torch.ones(2, 3), torch.ones(2, 3)
    address = weights.data_ptr()
    _StackedOptimizer("sgd", [weights]).step([weights], [gradient], [torch.full((2, 1), 0.1)])
    assert weights.data_ptr() == address
    assert torch.equal(gradient, torch.ones(2, 3))
