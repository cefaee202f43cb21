import itertools
import math
from dataclasses import fields, replace

import pytest

from enlib import Callback
from enlib.replication import (
    WITH,
    WITHOUT,
    Recipe,
    compute,
    experiments,
    study,
    study_recipe,
    train,
    units,
    with_conditions,
)


def test_no_two_runs_of_the_study_are_the_same_and_each_is_alone():
    recipes = [recipe for _, _, recipe in study("laptop")]
    assert len({recipe.identity for recipe in recipes}) == len(recipes)
    assert all(len(unit) == 1 for unit in units(recipes))


def test_learning_rates_are_independent_strata_with_seeds_of_their_own():
    seeds = {}
    for name, lr, recipe in study("laptop"):
        seeds.setdefault(lr, {}).setdefault(name, set()).add(recipe.seed)
    for of_one_rate in seeds.values():
        assert len(set(map(frozenset, of_one_rate.values()))) == 1
        assert len(of_one_rate.get(WITH, range(30))) == 30
    strata = [each[WITH] for each in seeds.values() if WITH in each]
    assert len(set.union(*strata)) == 30 * len(strata) == 120


@pytest.mark.parametrize("profile", ["quick", "laptop"])
def test_runs_of_the_study_have_the_names_of_their_conditions(profile):
    runs = list(study(profile))
    named = with_conditions([recipe.row() for _, _, recipe in reversed(runs)])
    expected = {recipe: (name, lr) for name, lr, recipe in runs}
    assert [(row["condition"], row["at"]) for row in named] == [expected[Recipe.from_row(row)] for row in named]
    assert len(named) == len(runs)


def test_a_condition_is_refused_unless_the_study_has_it():
    with pytest.raises(ValueError, match="expected runs of causes, got one of digits-1v7"):
        with_conditions([next(experiments("1", "quick")[1].recipes()).row()])
    with pytest.raises(ValueError, match="did you mean 'cosine schedule'"):
        study_recipe("cosine", 0.01, 0)


def test_a_control_differs_from_the_plain_neuron_in_what_it_names_alone():
    plain = study_recipe(WITH, 0.03, 0)
    changed = {
        name: {f.name for f in fields(recipe) if getattr(recipe, f.name) != getattr(plain, f.name)} - {"watch"}
        for name, lr, recipe in study("laptop")
        if lr == 0.03 and recipe.seed == 0
    }
    assert changed[WITHOUT] == {"exponential", "lam"}
    assert changed["lambda 0"] == changed["lambda 100"] == {"lam"}
    assert changed["a tenth for the neuron"] == {"neuron_lr"}
    assert changed["a tenth for all others"] == {"lr", "neuron_lr"}
    assert study_recipe("a tenth for all others", 0.03, 0).neuron_lr == 0.03
    assert all(names == {"cut"} for name, names in changed.items() if name.endswith("cut at the crossing"))
    assert changed["neuron cut at a random time"] == {"cut", "cut_at"}
    # As many updates, whatever the number of samples.
    for name in ("n = 500", "n = 8000"):
        recipe = study_recipe(name, 0.03, 0)
        assert abs(recipe.epochs * recipe.train / 100 - 500) <= 20


def test_every_condition_can_be_made():
    for name, _, recipe in itertools.islice(study("quick"), 44):
        (row,) = compute((replace(recipe, epochs=1),))
        assert row["status"] == "capped", name
        assert math.isnan(row["largest_exponent"]) != recipe.exponential


@pytest.mark.parametrize("part", ["neuron", "others", "amplitude", "exponent"])
def test_a_cut_divides_one_learning_rate_by_ten_and_changes_nothing_before(part):
    """It was lost at the next update, when the schedule set the learning rates anew."""
    rates = {}
    histories = {}
    for cut in ("", part):
        seen = rates[cut] = []

        class Look(Callback):
            def after_update(self, run, seen=seen):
                rates = {id(p): group["lr"] for group in run.optimizer.param_groups for p in group["params"]}
                neuron = run.model.neuron
                first = next(run.model.base.parameters())
                seen.append([rates[id(p)] for p in (first, neuron.a, neuron.w, neuron.b)])

        recipe = study_recipe(WITH, 0.03, 0, train=200, epochs=20, watch=0, cut=cut, cut_at=9 if cut else 0)
        histories[cut] = train(recipe, callbacks=[Look()], progress=False, stop_at_zero_errors=False).history
    slow = {"neuron": (0, 1, 1, 1), "others": (1, 0, 0, 0), "amplitude": (0, 1, 0, 0), "exponent": (0, 0, 1, 1)}[part]
    expected = [0.003 if cut else 0.03 for cut in slow]
    assert rates[part][7] == rates[""][-1] == [0.03] * 4
    assert rates[part][8] == rates[part][-1] == pytest.approx(expected)
    assert (histories[part].batch_loss[:10] == histories[""].batch_loss[:10]).all()
    assert (histories[part].batch_loss[10:] != histories[""].batch_loss[10:]).any()


def test_a_cut_at_the_crossing_comes_at_the_crossing():
    recipe = study_recipe(WITH, 0.1, 1, train=200, epochs=60, watch=2)
    plain, cut = (
        train(replace(recipe, cut=part), progress=False, stop_at_zero_errors=False) for part in ("", "neuron")
    )
    crossing = next(p["update"] for p in plain.trace if p["update"] >= 20 and p["sharpness"] > 38)
    same = (
        plain.history.batch_loss[: len(cut.history.batch_loss)]
        == cut.history.batch_loss[: len(plain.history.batch_loss)]
    )
    assert int(same.argmin()) == crossing + 1
    after = next(p for p in cut.trace if p["update"] > crossing)
    assert after["update"] % 20 == 0
    assert after["sharpness"] < 38
