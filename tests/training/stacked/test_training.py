import copy
import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from enlib import WithExponentialNeuron, fit, make_optimizer, make_schedule, mlp, polynomial_hinge
from enlib.datasets import load
from enlib.training.stacked import fit_stacked, training

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
    for place, (one, other) in enumerate(zip(got, expected, strict=True)):
        assert_same_history(one, other, place)
        assert_same_weights(models[place], others[place], place, diverged=one.status == "diverged")
    return got


def assert_same_history(one, other, place):
    assert (one.status, one.cause) == (other.status, other.cause), place
    assert str(one.diverged_at) == str(other.diverged_at), place
    assert str(one.epochs_to_zero_errors) == str(other.epochs_to_zero_errors), place
    np.testing.assert_allclose(one.exponent_at_end, other.exponent_at_end, rtol=1e-10, err_msg=str(place))
    assert len(one.batch_loss) == len(other.batch_loss), place
    for name in ("epoch", "update", "train_errors", "validation_errors", "learning_rate"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=f"{name} of {place}")
    for name in ("batch_loss", "train_loss", "validation_loss", "penalty", "largest_exponent"):
        np.testing.assert_allclose(
            getattr(one, name), getattr(other, name), rtol=1e-10, atol=1e-13, err_msg=f"{name} of {place}"
        )


def assert_same_weights(one, other, place, *, diverged=False):
    """To 1e-12; a step size that diverges makes weights of thousands, out of gradients that nearly cancel."""
    theirs = other.state_dict()
    atol = 1e-11 * max(float(p.detach().abs().max()) for p in other.parameters()) if diverged else 1e-12
    for name, weights in one.state_dict().items():
        torch.testing.assert_close(
            weights, theirs[name], rtol=0, atol=atol, msg=lambda m, n=name: f"{n} of {place}: {m}"
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
@pytest.mark.parametrize("arms", [(False,), (True,), (False, True)])
def test_200_updates_are_those_of_fit(data, optimizer, batch_size, arms):
    runs = [(arm, run) for arm in arms for run in settings_of(optimizer, arm)]
    models = [network(seed, arm) for seed, (arm, _) in enumerate(runs)]
    epochs = 40 if batch_size else 200
    histories = compare(
        models, data, [run for _, run in runs], optimizer=optimizer, batch_size=batch_size, epochs=epochs, seed=3,
        stop_at_zero_errors=False, evaluate_every=7,
    )  # fmt: skip
    assert sum(len(history.batch_loss) == 200 for history in histories) >= 2 * len(arms)


def test_networks_leave_one_after_the_other(data):
    """Some are done early, some diverge at the start, on the way or at a look; the others are what they would be."""
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


def test_divergence_at_a_look(data):
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
    for place in range(2):
        assert_same_history(got[place], expected[place], place)
        assert_same_weights(models[place], others[place], place)


@settings(max_examples=15, deadline=None)
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


def test_more_networks_than_a_block(data, monkeypatch):
    """Blocks change nothing in float64, and models keep their places across them."""
    runs = [{"lr": 0.001 * (1 + k % 9)} for k in range(11)]
    stacks = []
    for size in (4, 32):
        monkeypatch.setattr(training, "BLOCK", size)
        models = [network(seed, seed % 3 == 0) for seed in range(11)]
        histories = at_once(models, data, runs, optimizer="adam", batch_size=100, epochs=20, seed=0)
        stacks.append((models, histories))
    for place, (one, other) in enumerate(zip(*(models for models, _ in stacks), strict=True)):
        assert_same_weights(one, other, place)
    for place, (one, other) in enumerate(zip(*(histories for _, histories in stacks), strict=True)):
        assert_same_history(one, other, place)


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
    for models, arguments, message in [
        ([], {}, "expected at least one model, each once"),
        ([base, base], {}, "expected at least one model, each once"),
        ([base, mlp((100, 6, 1), seed=0)], {}, "one shape, type and device, got 2 kinds: group them"),
        ([base, mlp((100, 5, 1), seed=0).double()], {}, "got 2 kinds: group them"),
        ([mlp((100, 1), seed=0)], {}, "with a hidden layer, got Sequential: train others with enlib.fit"),
        ([torch.nn.Linear(100, 1)], {}, "expected networks from enlib.mlp with a hidden layer, got Linear"),
        ([mlp((64, 5, 1), seed=0)], {}, "expected networks for 100 numbers a sample, got some for 64"),
        (
            [WithExponentialNeuron(base, 1, seed=0)],
            {},
            "as many as its base network takes, got one for 1: build both",
        ),
        ([WithExponentialNeuron(base, 100, max_exponent=3.0, seed=0)], {}, "expected a neuron without max_exponent"),
        ([base], {"lr": 0.0}, "expected lr > 0, got 0.0"),
        ([base], {"lr": [0.1, 0.2]}, "expected one lr, or 1, one for each model, got 2: check the lengths"),
        ([neuron], {"neuron_lr": -1.0}, "expected neuron_lr > 0, got -1.0"),
        ([base, neuron], {"neuron_lr": 0.1}, "expected neuron_lr = None for a model without the exponential neuron"),
        (
            [base, neuron],
            {"lam": 0.1},
            "expected lam = 0.0 for a model without the exponential neuron, got 0.1: wrap",
        ),
        ([neuron], {"lam": -0.1}, "expected lam >= 0, got -0.1"),
        ([base], {"schedule": "cosin"}, "did you mean 'cosine'"),
        ([base], {"optimizer": "adm"}, "did you mean 'adam'"),
        ([base], {"optimizer": "momentum", "momentum": 1.0}, r"expected momentum in \[0, 1\), got 1.0: 0.9 is usual"),
        ([base], {"power": 0.5}, "expected power >= 1, got 0.5"),
        ([base], {"power": math.nan}, "expected power >= 1, got nan"),
        ([base], {"epochs": 0}, "expected epochs to be an integer >= 1, got 0"),
        ([base], {"evaluate_every": 0}, "expected evaluate_every to be an integer >= 1"),
        ([base], {"batch_size": 0}, "expected batch_size to be an integer >= 1, got 0"),
        ([base], {"divergence_threshold": 0}, "expected divergence_threshold > 0"),
        ([base], {"seed": -1}, "expected seed to be an integer >= 0"),
        ([base], {"device": "gpu"}, "did you mean 'cpu'"),
    ]:
        with pytest.raises(ValueError, match=message):
            fit_stacked(models, data, **{"seed": 0, "lr": 0.1, "device": "cpu", **arguments})
    with pytest.raises(ValueError, match="expected a Dataset, got Split"):
        fit_stacked([base], data.train, seed=0, lr=0.1)


MEMORY = """
import resource, sys
import torch
from enlib import WithExponentialNeuron, mlp
from enlib.datasets import load
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


def test_a_full_batch_of_160_networks_takes_little_memory():
    """All activations at once would be 160 x 5000 x 77 numbers, a quarter of a GB, and autograd keeps several."""
    pytest.importorskip("resource")
    ran = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    assert int(ran.stdout) < 1e8
