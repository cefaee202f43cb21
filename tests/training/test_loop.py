import functools
import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from enlib import Callback, WithExponentialNeuron, fit, make_optimizer, make_schedule, mlp, polynomial_hinge
from enlib.datasets import load


@pytest.fixture(scope="module")
def data():
    return load("spheres", seed=0, train=300, validation=100, test=10)


def train(data, *, exponential=True, optimizer="adam", lr=0.01, schedule="cosine", epochs=6, seed=0, **arguments):
    base = mlp((data.in_features, 20, 10, 1), seed=seed)
    model = WithExponentialNeuron(base, data.in_features, seed=seed) if exponential else base
    steps = make_optimizer(optimizer, model, lr=lr)
    arguments = {"lam": 0.1 if exponential else 0.0, "device": "cpu", **arguments}
    history = fit(
        model, data, optimizer=steps, schedule=make_schedule(schedule, steps, updates=3 * epochs),
        epochs=epochs, seed=seed, **arguments,
    )  # fmt: skip
    return history, model


def assert_same(one, other):
    for name, value in vars(one).items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, getattr(other, name), err_msg=name)
        else:
            assert str(value) == str(getattr(other, name)), name


@pytest.mark.parametrize("exponential", [False, True])
@pytest.mark.parametrize("optimizer", ["adam", "sgd", "momentum"])
@pytest.mark.parametrize("batch_size", [100, 64, None])
def test_same_seed_gives_bitwise_the_same_history(data, exponential, optimizer, batch_size):
    runs = [train(data, exponential=exponential, optimizer=optimizer, batch_size=batch_size) for _ in range(2)]
    assert_same(runs[0][0], runs[1][0])
    for one, other in zip(runs[0][1].parameters(), runs[1][1].parameters(), strict=True):
        assert torch.equal(one, other)


def test_another_seed_gives_another_history(data):
    assert not np.array_equal(train(data, seed=0)[0].batch_loss, train(data, seed=1)[0].batch_loss)


def test_global_random_state_neither_matters_nor_changes(data):
    torch.manual_seed(1)
    one, _ = train(data)
    torch.manual_seed(2)
    before = torch.get_rng_state()
    other, _ = train(data)
    assert torch.equal(torch.get_rng_state(), before)
    assert_same(one, other)


def test_full_batch_sgd_is_gradient_descent(data):
    """Against the formula, theta - eta * gradient, written out."""
    history, model = train(data, exponential=False, optimizer="sgd", schedule="constant", batch_size=None, epochs=4)
    expected = mlp((data.in_features, 20, 10, 1), seed=0)
    for k in range(4):
        loss = polynomial_hinge(expected(data.train.inputs), data.train.targets)
        assert loss.item() == pytest.approx(history.batch_loss[k], rel=1e-6)
        gradient = torch.autograd.grad(loss, list(expected.parameters()))
        with torch.no_grad():
            for p, g in zip(expected.parameters(), gradient, strict=True):
                p -= 0.01 * g
    for one, other in zip(model.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-7)


def test_history_has_one_entry_per_epoch_and_one_before(data):
    history, model = train(data, stop_at_zero_errors=False)
    assert history.epoch.tolist() == list(range(7))
    assert history.update.tolist() == [3 * k for k in range(7)]
    assert len(history.batch_loss) == 18
    assert history.penalty[-1] == pytest.approx(0.05 * model.neuron.a.item() ** 2)
    assert history.largest_exponent[-1] == model.neuron.largest_exponent.item()
    assert np.isnan(history.largest_exponent[0])
    assert np.all(np.diff(history.largest_exponent[1:]) >= 0)
    assert history.largest_exponent_seen == history.largest_exponent[-1]
    assert history.learning_rate[0] == 0.01
    assert history.learning_rate[-1] == pytest.approx(0, abs=1e-12)


def test_without_a_neuron_there_is_no_exponent(data):
    history, _ = train(data, exponential=False, epochs=1)
    assert np.isnan(history.largest_exponent).all()
    assert (history.penalty == 0).all()


def test_stops_at_zero_errors(data):
    history, _ = train(data, epochs=60, schedule="constant")
    assert history.status == "converged"
    assert history.train_errors[-1] == 0
    assert (history.train_errors[:-1] > 0).all()
    assert history.epochs_to_zero_errors == history.epoch[-1] < 60
    longer, _ = train(data, epochs=60, schedule="constant", stop_at_zero_errors=False)
    assert longer.epoch[-1] == 60
    assert longer.epochs_to_zero_errors == history.epochs_to_zero_errors


def test_capped(data):
    history, _ = train(data, epochs=1)
    assert (history.status, history.cause) == ("capped", "")
    assert math.isnan(history.epochs_to_zero_errors)
    assert math.isnan(history.diverged_at)


def test_overflow_of_the_neuron_is_a_status(data):
    model = WithExponentialNeuron(mlp((100, 5, 1), seed=0), 100, a=1.0, b=200.0, seed=0)
    history = fit(model, data, optimizer=make_optimizer("sgd", model, lr=0.1), lam=0.1, seed=0, device="cpu")
    assert history.status == "diverged"
    assert history.diverged_at == 0
    assert history.cause == "batch loss is inf"
    assert history.largest_exponent_seen == pytest.approx(200, abs=1)


def test_divergence_on_the_way_names_update_and_cause(data):
    history, _ = train(data, optimizer="sgd", lr=1e4, schedule="constant")
    assert history.status == "diverged"
    assert history.diverged_at == len(history.batch_loss) - 1
    assert "batch loss" in history.cause
    assert not history.batch_loss[-1] <= 1e6
    assert (history.batch_loss[:-1] <= 1e6).all()


def test_clipping_bounds_the_step(data):
    base = mlp((100, 20, 10, 1), seed=0)
    before = nn.utils.parameters_to_vector(base.parameters()).detach().clone()
    optimizer = make_optimizer("sgd", base, lr=1.0)
    fit(base, data, optimizer=optimizer, clip_norm=0.01, batch_size=None, epochs=1, seed=0, device="cpu")
    moved = (nn.utils.parameters_to_vector(base.parameters()) - before).norm().item()
    assert moved == pytest.approx(0.01, rel=1e-4)


def test_evaluate_every(data):
    history, _ = train(data, epochs=5, evaluate_every=2, stop_at_zero_errors=False)
    assert history.epoch.tolist() == [0, 2, 4, 5]


def test_float64_models_get_float64_data(data):
    model = mlp((100, 5, 1), seed=0).double()
    optimizer = make_optimizer("adam", model, lr=0.01)
    assert fit(model, data, optimizer=optimizer, epochs=1, seed=0, device="cpu").status == "capped"


class StopAfter(Callback):
    def __init__(self, updates):
        self.updates = updates

    def after_update(self, run):
        if run.update == self.updates:
            raise KeyboardInterrupt


class Count(Callback):
    def __init__(self):
        self.updates, self.epochs = [], []

    def after_update(self, run):
        self.updates.append(run.update)

    def after_epoch(self, run):
        self.epochs.append((run.epoch, len(run.rows)))


def test_callbacks_see_every_update_and_epoch(data):
    count = Count()
    train(data, epochs=2, callbacks=[count])
    assert count.updates == [1, 2, 3, 4, 5, 6]
    assert count.epochs == [(1, 2), (2, 3)]


class WithDropout(nn.Module):
    def __init__(self):
        super().__init__()
        self.dropout, self.net = nn.Dropout(0.5), mlp((100, 20, 1), seed=0)

    def forward(self, x):
        return self.net(self.dropout(x))


@pytest.mark.parametrize("optimizer", ["adam", "momentum"])
@pytest.mark.parametrize("updates", [4, 6, 17])
def test_interrupted_and_resumed_is_never_interrupted(data, tmp_path, optimizer, updates):
    whole, model = train(data, optimizer=optimizer, stop_at_zero_errors=False)
    settings = {"optimizer": optimizer, "stop_at_zero_errors": False, "checkpoint_path": tmp_path / "run.pt"}
    with pytest.raises(KeyboardInterrupt):
        train(data, callbacks=[StopAfter(updates)], **settings)
    resumed, again = train(data, resume=True, **settings)
    assert_same(whole, resumed)
    for one, other in zip(model.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_dropout_too_is_deterministic_and_resumed(data, tmp_path):
    def run(**arguments):
        model = WithDropout()
        optimizer = make_optimizer("adam", model, lr=0.01)
        return fit(model, data, optimizer=optimizer, epochs=5, seed=3, device="cpu", **arguments)

    whole = run()
    assert_same(whole, run())
    with pytest.raises(KeyboardInterrupt):
        run(callbacks=[StopAfter(8)], checkpoint_path=tmp_path / "run.pt")
    assert_same(whole, run(checkpoint_path=tmp_path / "run.pt", resume=True))


def test_resuming_a_finished_run_gives_its_history(data, tmp_path):
    settings = {"checkpoint_path": tmp_path / "run.pt", "epochs": 60}
    finished, _ = train(data, **settings)
    assert_same(finished, train(data, resume=True, **settings)[0])


def test_resume_without_a_checkpoint_starts_at_the_beginning(data, tmp_path):
    assert_same(train(data)[0], train(data, checkpoint_path=tmp_path / "new" / "run.pt", resume=True)[0])


def test_a_checkpoint_in_the_way_is_not_overwritten(data, tmp_path):
    path = tmp_path / "run.pt"
    train(data, checkpoint_path=path, epochs=1)
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="pass resume=True"):
        train(data, checkpoint_path=path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "change, named",
    [
        ({"lam": 0.2}, "lam=0.1 instead of lam=0.2"),
        ({"loss": functools.partial(polynomial_hinge, reduction="sum")}, "loss="),
        ({"epochs": 9}, "epochs=1"),
        ({"seed": 1}, "initial weights="),
        ({"lr": 0.02}, "lr of group 0=0.01"),
        ({"batch_size": 50}, "batch_size=100"),
        ({"schedule": "constant"}, "lr_lambdas of the schedule="),
        ({"optimizer": "sgd"}, "optimizer="),
        ({"exponential": False}, "model="),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(data, tmp_path, change, named):
    train(data, checkpoint_path=tmp_path / "run.pt", epochs=1)
    with pytest.raises(ValueError, match=named):
        train(data, checkpoint_path=tmp_path / "run.pt", resume=True, **{"epochs": 1, **change})


def test_a_folder_that_cannot_be_written_is_noticed_before_the_first_update(data, tmp_path):
    (tmp_path / "file").touch()
    count = Count()
    with pytest.raises(OSError, match="file"):
        train(data, checkpoint_path=tmp_path / "file" / "run.pt", callbacks=[count])
    assert count.updates == []


def test_an_interrupted_first_epoch_is_resumed_from_the_start(data, tmp_path):
    settings = {"checkpoint_path": tmp_path / "run.pt"}
    with pytest.raises(KeyboardInterrupt):
        train(data, callbacks=[StopAfter(1)], **settings)
    assert_same(train(data)[0], train(data, resume=True, **settings)[0])


def test_a_checkpoint_of_another_version_is_refused(data, tmp_path, monkeypatch):
    train(data, checkpoint_path=tmp_path / "run.pt", epochs=1)
    monkeypatch.setattr(sys.modules["enlib"], "__version__", "99.0")
    with pytest.raises(ValueError, match=r"a run with enlib=.* instead of enlib=99.0"):
        train(data, checkpoint_path=tmp_path / "run.pt", epochs=1, resume=True)


@pytest.mark.slow
def test_a_loss_with_options_is_known_again_in_another_process():
    """It was told by its address in memory, so that a run with such a loss could not be resumed."""
    program = (
        "import functools, enlib.training.loop as t; from enlib import polynomial_hinge;"
        "print(t._describe(functools.partial(polynomial_hinge, reduction='sum')))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "('polynomial_hinge', (), {'reduction': 'sum'})"


def test_a_checkpoint_of_other_data_is_refused(data, tmp_path):
    train(data, checkpoint_path=tmp_path / "run.pt", epochs=1)
    other = load("spheres", seed=1, train=300, validation=100, test=10)
    with pytest.raises(ValueError, match="a run with data="):
        train(other, checkpoint_path=tmp_path / "run.pt", resume=True, epochs=1)


def test_bad_arguments(data):
    model = mlp((100, 1), seed=0)
    optimizer = make_optimizer("sgd", model, lr=0.1)
    for arguments, message in [
        ({"lam": -1.0}, "expected lam >= 0, got -1.0"),
        ({"lam": 0.1}, "wrap it in WithExponentialNeuron, or leave lam out"),
        ({"epochs": 0}, "expected epochs to be an integer >= 1, got 0"),
        ({"batch_size": 0}, "expected batch_size to be an integer >= 1, got 0"),
        ({"clip_norm": 0}, "expected clip_norm > 0"),
        ({"seed": -1}, "expected seed"),
        ({"device": "gpu"}, "did you mean 'cpu'"),
    ]:
        with pytest.raises(ValueError, match=message):
            fit(model, data, optimizer=optimizer, **{"seed": 0, **arguments})
    with pytest.raises(ValueError, match="build it from the model"):
        fit(mlp((100, 1), seed=0), data, optimizer=optimizer, seed=0)


@pytest.mark.slow
def test_no_progress_bar_in_continuous_integration(monkeypatch):
    program = (
        "from enlib import *; d = datasets.load('digits-1v7', seed=0); m = mlp((64, 1), seed=0);"
        "fit(m, d, optimizer=make_optimizer('adam', m, lr=.01), epochs=2, seed=0{})"
    )
    monkeypatch.setenv("CI", "true")
    silent = subprocess.run([sys.executable, "-c", program.format("")], capture_output=True, text=True, check=True)
    assert silent.stderr == ""
    asked = program.format(", progress=True")
    shown = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert "update" in shown.stderr


def test_progress_bar_on_a_terminal_outside_of_continuous_integration(monkeypatch):
    from enlib._tools import hide_progress

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.delenv("CI", raising=False)
    assert not hide_progress(None)
    monkeypatch.setenv("CI", "true")
    assert hide_progress(None)
    assert not hide_progress(True)


class HalveTheStep(Callback):
    def after_epoch(self, run):
        for group in run.optimizer.param_groups:
            group["lr"] /= 2


def test_what_a_callback_changes_is_resumed_too(data, tmp_path):
    def run(*more, **arguments):
        base = mlp((100, 20, 10, 1), seed=0)
        optimizer = make_optimizer("adam", base, lr=0.01)
        callbacks = [HalveTheStep(), *more]
        return fit(base, data, optimizer=optimizer, epochs=5, seed=0, device="cpu", callbacks=callbacks, **arguments)

    whole = run()
    with pytest.raises(KeyboardInterrupt):
        run(StopAfter(8), checkpoint_path=tmp_path / "run.pt")
    assert_same(whole, run(checkpoint_path=tmp_path / "run.pt", resume=True))


def test_schedule_must_be_of_the_optimizer_and_need_nothing_else(data):
    model = mlp((100, 1), seed=0)
    optimizer, other = (make_optimizer("sgd", model, lr=0.1) for _ in range(2))
    with pytest.raises(ValueError, match="build it from this optimizer"):
        fit(model, data, optimizer=optimizer, schedule=make_schedule("cosine", other, updates=3), seed=0)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
    with pytest.raises(ValueError, match="got ReduceLROnPlateau"):
        fit(model, data, optimizer=optimizer, schedule=plateau, seed=0)


def test_a_loss_must_be_one_number_and_data_a_data_set(data):
    model = mlp((100, 1), seed=0)
    optimizer = make_optimizer("sgd", model, lr=0.1)
    vector = functools.partial(polynomial_hinge, reduction="none")
    with pytest.raises(ValueError, match="take its mean"):
        fit(model, data, optimizer=optimizer, loss=vector, seed=0)
    with pytest.raises(TypeError, match="expected a Dataset, got Split"):
        fit(model, data.train, optimizer=optimizer, seed=0)


def test_wrong_types_are_refused_with_advice(data):
    model = mlp((100, 1), seed=0)
    optimizer = make_optimizer("sgd", model, lr=0.1)
    for arguments, message in [
        ({"model": None}, "expected a torch.nn.Module, got NoneType: build one"),
        ({"data": None}, "expected a Dataset, got NoneType"),
        ({"optimizer": "adam"}, "expected an optimizer, got str: build one with make_optimizer"),
        ({"schedule": "cosine"}, "expected a schedule, got str: build one with make_schedule"),
        ({"callbacks": Count()}, "expected a list of callbacks, got Count: pass"),
        ({"callbacks": [Count]}, "expected a Callback, got type"),
        ({"epochs": "3"}, "expected epochs to be an integer >= 1, got '3'"),
        ({"lam": None}, "expected lam >= 0, got None"),
        ({"clip_norm": "1"}, "expected clip_norm > 0, got '1'"),
        ({"seed": "0"}, "expected seed to be an integer >= 0, got '0'"),
    ]:
        with pytest.raises(TypeError, match=message):
            fit(**{"model": model, "data": data, "optimizer": optimizer, "seed": 0, "device": "cpu", **arguments})
    with pytest.raises(ValueError, match="expected a model with parameters, got Flatten without any"):
        fit(nn.Flatten(0), data, optimizer=optimizer, seed=0)


def test_scalars_of_numpy_and_torch_are_taken(data):
    """NumPy's integers passed the checks and failed inside PyTorch."""
    plain, _ = train(data, batch_size=64, epochs=2, lam=0.25, clip_norm=0.5)
    other, _ = train(
        data, batch_size=np.int64(64), epochs=torch.tensor(2), lam=np.float32(0.25), clip_norm=torch.tensor(0.5)
    )
    assert_same(plain, other)


def test_other_devices_are_not_reseeded(data, monkeypatch):
    monkeypatch.setattr(torch.cuda, "manual_seed_all", lambda seed: pytest.fail("seeded all GPUs"))
    train(data, epochs=1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_gpu_agrees_with_the_cpu(data):
    cpu, _ = train(data, epochs=3)
    gpu, _ = train(data, epochs=3, device="cuda")
    np.testing.assert_allclose(gpu.batch_loss, cpu.batch_loss, rtol=1e-3)
