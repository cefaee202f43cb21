import dataclasses
import math

import numpy as np
import pytest
import torch

from enlib import WithExponentialNeuron, fit, make_optimizer, make_schedule
from enlib.datasets import load
from enlib.losses import LOSSES, error_count
from enlib.models.networks import make_model
from enlib.replication import Recipe, compute, runs, study_recipe, train, units
from enlib.replication.runs import NOISY, pack
from enlib.replication.tidy import plain
from enlib.tables import unpack
from enlib.training.evaluation import evaluate
from enlib.training.spikes import first_spike

SPHERES = Recipe(
    data="spheres", inner=1.0, outer=1.5, train=300, model="fc1", lr=0.01, epochs=15, seed=0, measure="test"
)
WITH = {"exponential": True, "lam": 0.1}


def change(recipe=SPHERES, **fields):
    return dataclasses.replace(recipe, **fields)


def alone(recipe):
    """The slow oracle: one run by `fit`, and its model."""
    data = load(recipe.data, seed=0 if recipe.train is None else recipe.seed, **recipe.data_options)
    model = make_model(recipe.model, data.input_shape, seed=recipe.seed)
    if recipe.exponential:
        model = WithExponentialNeuron(model, data.in_features, seed=recipe.seed)
    optimizer = make_optimizer(recipe.optimizer, model, lr=recipe.lr)
    updates = recipe.epochs * math.ceil(len(data.train) / recipe.batch_size)
    history = fit(
        model, data, optimizer=optimizer, schedule=make_schedule(recipe.schedule, optimizer, updates=updates),
        lam=recipe.lam, seed=recipe.seed, batch_size=recipe.batch_size, epochs=recipe.epochs,
        stop_at_zero_errors=False, device="cpu", progress=False,
    )  # fmt: skip
    return history, model, data


@pytest.mark.parametrize(
    "unit",
    [
        [change(lr=lr, schedule=schedule, **more) for lr in (0.004, 0.01) for schedule in ("constant", "cosine")
         for more in ({}, WITH, WITH | {"lam": 1.0})],
        [change(data="gaussians", inner=None, outer=None, shift=0.5, seed=4, lr=lr, **more)
         for lr in (0.005, 0.01) for more in ({}, WITH)],
        [Recipe(data="digits-1v7", model="fc1", lr=lr, epochs=15, seed=2, **more) for lr in (0.01, 0.02)
         for more in ({}, WITH)],
        [change(optimizer="momentum", lr=lr, batch_size=64, **more) for lr in (0.01, 0.02) for more in ({}, WITH)],
    ],
    ids=["spheres", "gaussians", "digits", "momentum"],
)  # fmt: skip
@pytest.mark.slow
def test_rows_of_a_unit_are_those_of_fit_and_evaluate(unit):
    assert len(units(unit)) == 1
    rows = compute(tuple(unit))
    assert [Recipe.from_row(row) for row in rows] == unit
    for recipe, row in zip(unit, rows, strict=True):
        history, model, data = alone(recipe)
        assert row["status"] == history.status
        assert row["cause"] is None
        assert math.isnan(row["diverged_at"])
        updates = math.ceil(len(data.train) / recipe.batch_size)
        for ours, theirs, slack in [
            (row["epochs_to_zero"], history.epochs_to_zero_errors, 1),
            (row["updates_to_zero"], history.updates_to_zero_errors, updates),
            (row["first_spike"], first_spike(history.batch_loss), 1),
        ]:
            assert str(ours) == str(theirs) or abs(ours - theirs) <= slack
        assert row["train_loss"] == pytest.approx(history.train_loss[-1], rel=0.02, abs=1e-6)
        assert row["train_errors"] == pytest.approx(history.train_errors[-1], abs=1)
        assert row["fewest_train_errors"] == pytest.approx(history.train_errors.min(), abs=1)
        assert row["largest_exponent"] == pytest.approx(history.largest_exponent_seen, rel=0.02, nan_ok=True)
        for name in ("validation", "test"):
            seen = evaluate(model, data.splits[name])
            assert row[f"{name}_loss"] == pytest.approx(seen.loss, rel=0.02)
            assert row[f"{name}_errors"] == pytest.approx(seen.errors, abs=3)
        assert [row[f"{name}_size"] for name in data.splits] == [len(split) for split in data.splits.values()]
        if recipe.measure:
            wrong = unpack(row["test_wrong"], len(data.test))
            assert wrong.sum() == row["test_errors"]


@pytest.mark.parametrize("more", [{}, WITH, {"dtype": "float64", "loss": "logistic"} | WITH], ids=str)
def test_the_gradient_norm_is_that_of_what_was_minimized(more):
    trained = train(change(epochs=3, stacked=False, **more), progress=False)
    model, split, recipe = trained.model.double(), trained.data.train, change(stacked=False, **more)
    objective = LOSSES[recipe.loss](model(split.inputs.double()), split.targets.double())
    if recipe.exponential:
        objective = objective + recipe.lam * model.neuron.a**2 / 2
    expected = torch.cat([g.flatten() for g in torch.autograd.grad(objective, [*model.parameters()])]).norm()
    (row,) = compute((change(epochs=3, stacked=False, **more),))
    assert row["gradient_norm"] == pytest.approx(expected.item(), rel=1e-4)


def test_a_row_stands_in_a_table():
    for row in compute((change(), change(**WITH), change(lr=1e9, **WITH))):
        assert plain(row).keys() == row.keys()


def test_rows_have_the_same_columns_whatever_happens():
    rows = [*compute((change(measure="noise"), change(measure="noise", **WITH))), *compute((change(lr=1e9),))]
    assert [list(row) for row in rows] == [list(rows[0])] * 3


def test_which_test_samples_are_wrong():
    (row,) = compute((change(epochs=2),))
    _, model, data = alone(change(epochs=2))
    with torch.no_grad():
        outputs = model.eval()(data.test.inputs)
    clear = (outputs.abs() > 1e-4).numpy()
    wrong = unpack(row["test_wrong"], len(data.test))
    np.testing.assert_array_equal(wrong[clear], (outputs * data.test.targets <= 0).numpy()[clear])
    assert row["test_errors"] == pytest.approx(error_count(outputs, data.test.targets), abs=2)
    assert 0 < wrong.sum() < len(wrong)


@pytest.mark.parametrize("more", [{}, WITH], ids=["without", "with"])
def test_a_run_that_diverges_gives_a_row(more):
    good, bad = compute((change(measure="noise"), change(lr=1e6, measure="noise", **more)))
    assert good["status"] in ("converged", "capped")
    assert bad["status"] == "diverged"
    assert bad["cause"].startswith(("batch loss", "training loss"))
    assert bad["diverged_at"] >= 0
    assert all(math.isnan(bad[name]) for name in NOISY)
    assert math.isnan(bad["epochs_to_zero"])
    assert math.isnan(bad["largest_exponent"]) != bool(more)
    assert bad["train_errors"] == bad["fewest_train_errors"] > 0


def test_noise_is_measured_where_it_is_asked_for():
    noisy = change(measure="noise")
    (plain,), (without, with_neuron) = compute((change(measure=""),)), compute((noisy, change(noisy, **WITH)))
    assert all(math.isnan(plain[name]) for name in NOISY)
    assert [math.isnan(without[name]) for name in NOISY] == [True, False, False]
    assert all(with_neuron[name] > 0 for name in NOISY)
    assert plain["test_wrong"] is without["test_wrong"] is None


def test_noise_is_put_back_and_comes_from_the_weights_it_is_said_to():
    _, model, data = alone(change(epochs=3, **WITH))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    row = runs._noise(change(), model, data.train)
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in before.items())
    with torch.no_grad():
        model.neuron.w.zero_()
        model.neuron.b.zero_()
    silent = runs._noise(change(), model, data.train)
    assert silent["noise_neuron"] == 1.0, "a tenth of nothing is nothing"
    assert silent["noise_layer"] != 1.0
    assert row["noise_neuron"] != 1.0


def test_a_loss_of_zero_has_no_factor():
    _, model, data = alone(change(epochs=1))
    with torch.no_grad():
        model[-2].weight.zero_()
        model[-2].bias.fill_(2.0)
    positive = type(data.train)(data.train.inputs, torch.ones_like(data.train.targets))
    assert all(math.isnan(value) for value in runs._noise(change(), model, positive).values())


def test_pairs_share_data_initial_weights_and_batches(monkeypatch):
    """With a step size of nearly zero, the batch losses of the first epoch tell weights and batches."""
    seen = []
    original = runs.fit_stacked

    def spy(models, data, **settings):
        bases = [model.base if isinstance(model, WithExponentialNeuron) else model for model in models]
        seen.append([{name: value.clone() for name, value in base.state_dict().items()} for base in bases])
        with torch.no_grad():
            for model in models:
                if isinstance(model, WithExponentialNeuron):
                    model.neuron.a.zero_()
        histories = original(models, data, **settings)
        seen.append([history.batch_loss[:3] for history in histories])
        return histories

    monkeypatch.setattr(runs, "fit_stacked", spy)
    pair = (change(lr=1e-9, seed=7), change(lr=1e-9, seed=7, **WITH))
    one, other = compute(pair)
    assert one["data_digest"] == other["data_digest"]
    weights, losses = seen
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)
    assert len(set(losses[0])) == 3, "three batches are told apart by their losses"


def test_another_seed_is_other_data():
    (one,), (other,) = compute((change(epochs=1),)), compute((change(epochs=1, seed=1),))
    assert one["data_digest"] != other["data_digest"]


def test_digests_tell_every_split():
    def of(data):
        return runs.digest((split.inputs, split.targets) for split in data.splits.values())

    data = load("digits-1v7", seed=0)
    for name in data.splits:
        other = load("digits-1v7", seed=0)
        other.splits[name].targets[0] *= -1
        assert of(other) != of(data)
    assert of(load("digits-1v7", seed=0)) == of(data)


def test_the_same_unit_twice_gives_the_same_rows():
    unit = (change(epochs=2), change(epochs=2, **WITH))
    assert repr(compute(unit)) == repr(compute(unit))


def test_large_networks_are_trained_one_by_one(monkeypatch):
    """On small data in place of the photographs: the way through `fit`, not the network, is what is tested."""
    monkeypatch.setattr(runs, "make_model", lambda name, shape, seed: make_model("fc1", shape, seed=seed))
    recipes = [
        Recipe(data="digits-1v7", model="fc2", lr=0.01, epochs=3, seed=1, measure="test", **m) for m in ({}, WITH)
    ]
    assert len(units(recipes)) == 2
    for recipe in recipes:
        (row,) = compute((recipe,))
        history, model, data = alone(change(recipe, model="fc1"))
        assert row["status"] == history.status
        assert row["train_loss"] == pytest.approx(history.train_loss[-1], rel=1e-3)
        assert row["test_loss"] == pytest.approx(evaluate(model, data.test).loss, rel=1e-3)
        assert row["model"] == "fc2"


def test_settings_of_a_recipe_reach_the_training():
    """Each setting that came later changes the run that it says it changes, and its default changes nothing."""
    plain_run = change(epochs=3, stacked=False, **WITH)
    before = train(plain_run, progress=False)
    assert before.history.train_loss[-1] == alone(plain_run)[0].train_loss[-1]
    for more in (
        {"loss": "logistic"}, {"loss": "squared hinge"}, {"dtype": "float64"}, {"clip_norm": 0.1},
        {"neuron_lr": 0.001}, {"a": 0.5}, {"w_std": 0.1}, {"max_exponent": 0.5}, {"order": 1}, {"batch_size": None},
        {"weight_scale": 0.5},
    ):  # fmt: skip
        after = train(change(plain_run, **more), progress=False)
        assert after.history.train_loss[-1] != before.history.train_loss[-1], more
        assert torch.allclose(after.data.train.inputs.float(), before.data.train.inputs, atol=1e-6)


def test_losses_are_the_ones_that_their_names_say():
    output, target = torch.tensor([0.5, -2.0], dtype=torch.float64), torch.tensor([1.0, 1.0], dtype=torch.float64)
    values = {name: float(loss(output, target)) for name, loss in LOSSES.items()}
    assert values["cubic hinge"] == pytest.approx((0.5**3 + 3**3) / 2)
    assert values["squared hinge"] == pytest.approx((0.5**2 + 3**2) / 2)
    assert values["logistic"] == pytest.approx((math.log1p(math.exp(-0.5)) + math.log1p(math.exp(2.0))) / 2)


def test_recipes_that_do_not_belong_together_are_refused():
    with pytest.raises(ValueError, match="expected recipes that are computed together, got 2 units"):
        compute((change(), change(seed=1)))
    with pytest.raises(ValueError, match="expected a recipe with stacked=False"):
        train(change())


def test_another_batch_order_is_a_stack_of_its_own():
    recipes = [change(order=order, lr=lr) for order in (0, 1) for lr in (0.01, 0.02)]
    assert [len(unit) for unit in units(recipes)] == [2, 2]
    (first,), (second,) = compute((change(epochs=1),)), compute((change(epochs=1, order=1),))
    assert first["train_loss"] != second["train_loss"]
    assert first["data_digest"] == second["data_digest"]


def test_a_watched_run_has_a_trace_and_repeats():
    watched = study_recipe("with the neuron", 0.03, 0, watch=1, train=200)
    (first,), (second,) = compute((watched,)), compute((watched,))
    assert [point["update"] for point in first["trace"]] == [10, 20, 30, 40, 49]
    assert repr(first) == repr(second)
    assert first["trace"][-1]["batch_loss"] > 0
    assert {"first_crossing", "share_at_crossing", "exponent_at_crossing"} <= set(first)


@pytest.mark.slow
def test_the_neuron_spikes_and_a_smaller_learning_rate_of_its_own_prevents_it():
    names = ("without the neuron", "with the neuron", "a tenth for the neuron")
    spikes = {
        name: sum(not math.isnan(compute((study_recipe(name, 0.03, seed),))[0]["first_spike"]) for seed in range(6))
        for name in names
    }
    assert spikes["without the neuron"] == 0
    assert spikes["with the neuron"] >= 2
    assert spikes["a tenth for the neuron"] == 0


def test_a_packed_split_fits_into_a_cell():
    random = np.random.default_rng(0)
    assert len(pack(random.random(20_000) < 0.5)) < 10_000
