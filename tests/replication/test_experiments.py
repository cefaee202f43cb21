from collections import Counter

import pytest

from enlib import _tools
from enlib.replication import SWEEPS, experiments, units
from enlib.replication.experiments import PROFILES, grid
from enlib.training.optimizers import OPTIMIZERS, SCHEDULES

# Every row of the report's Tables 1-3: data, its parameters and size, and where it stands.
REPORT = [
    ({"data": "spheres", "inner": 1.0, "outer": 1.01, "train": 1000}, {"2"}),
    ({"data": "spheres", "inner": 1.0, "outer": 1.01, "train": 5000}, {"2"}),
    ({"data": "spheres", "inner": 1.0, "outer": 1.01, "train": 10000}, {"1", "2"}),
    ({"data": "spheres", "inner": 1.0, "outer": 1.01, "train": 15000}, {"1"}),
    ({"data": "spheres", "inner": 1.0, "outer": 1.01, "train": 20000}, {"1"}),
    ({"data": "spheres", "inner": 1.0, "outer": 1.5, "train": 5000}, {"3"}),
    ({"data": "spheres", "inner": 1.0, "outer": 5.0, "train": 5000}, {"3"}),
    ({"data": "gaussians", "shift": 0.1, "train": 10000}, {"2"}),
    ({"data": "gaussians", "shift": 0.1, "train": 15000}, {"1", "2"}),
    ({"data": "gaussians", "shift": 0.1, "train": 20000}, {"1"}),
    ({"data": "gaussians", "shift": 0.5, "train": 5000}, {"3"}),
    ({"data": "gaussians", "shift": 1.0, "train": 5000}, {"3"}),
    ({"data": "mnist-1v7"}, {"1", "2", "3"}),
    ({"data": "cifar10-0v1"}, {"1", "2", "3"}),
]


@pytest.fixture(scope="module", params=PROFILES)
def profile(request):
    return request.param


@pytest.fixture(scope="module")
def listed(profile):
    return experiments("all", profile)


def test_both_arms_have_the_same_number_of_trials(listed):
    for experiment in listed:
        for seed in (0, experiment.seeds - 1):
            arms = Counter(recipe.exponential for recipe in experiment.recipes() if recipe.seed == seed)
            assert arms[False] == arms[True] > 0, experiment.problem


def test_both_arms_search_the_same_range(listed):
    """Half a grid step may be missing at an end, no more."""
    for experiment in listed:
        without, with_neuron = (
            sorted({s["lr"] for s in experiment.settings if s["exponential"] == arm}) for arm in (False, True)
        )
        assert without[0] <= with_neuron[0] <= 2 * without[0], experiment.problem
        assert without[-1] / 2 <= with_neuron[-1] <= without[-1], experiment.problem
        assert set(with_neuron) <= set(without), experiment.problem


def test_runs_differ(listed):
    identities = [recipe.identity for experiment in listed for recipe in experiment.recipes()]
    assert len(set(identities)) == len(identities)


def test_a_problem_is_one_experiment(listed):
    problems = [experiment.problem for experiment in listed]
    assert len(set(problems)) == len(problems)
    for experiment in listed:
        assert {recipe.problem for recipe in experiment.recipes()} == {experiment.problem}


def test_every_run_can_be_made(listed):
    for experiment in listed:
        for recipe in experiment.recipes():
            _tools.known("schedule", recipe.schedule, SCHEDULES)
            _tools.known("optimizer", recipe.optimizer, OPTIMIZERS)
            _tools.positive("lr", recipe.lr)
            assert recipe.exponential == (recipe.lam > 0)
            assert recipe.measure in ("", "noise", "test")


def test_every_seed_has_every_setting(listed):
    for experiment in listed:
        seeds = Counter(recipe.seed for recipe in experiment.recipes())
        assert sorted(seeds) == list(range(experiment.seeds))
        assert len(set(seeds.values())) == 1


def test_every_table_has_experiments(profile):
    for table in SWEEPS:
        found = experiments(table, profile)
        assert found or (profile, table) == ("quick", "ablation")
        assert all(table in experiment.tables for experiment in found)


@pytest.mark.parametrize("what, tables", REPORT)
def test_every_row_of_the_report_is_there(what, tables):
    found = [e for e in experiments("all", "laptop") if what.items() <= e.shared.items() and e.tables[0] in "123"]
    assert len(found) == 1
    assert set(found[0].tables) == tables
    assert found[0].seeds >= 10
    if "3" in tables:
        assert found[0].shared["measure"] == "test"


def test_the_report_used_these_networks():
    models = {e.shared["data"]: e.shared["model"] for e in experiments("all", "laptop")}
    assert models == {"spheres": "fc1", "gaussians": "fc1", "mnist-1v7": "conv", "cifar10-0v1": "fc2"}


def test_stability_is_each_standardization_with_twenty_seeds():
    found = experiments("stability", "laptop")
    assert all(e.seeds == 20 and e.shared["measure"] == "noise" for e in found)
    assert Counter((e.shared["data"], e.shared["standardize"]) for e in found) == Counter(
        (data, how) for data in ("spheres", "gaussians") for how in ("none", "global", "feature")
    )


def test_the_quick_profile_is_small_and_needs_no_images():
    found = [recipe for e in experiments("all", "quick") for recipe in e.recipes()]
    assert {recipe.data for recipe in found} == {"spheres", "gaussians", "digits-1v7"}
    assert all(recipe.epochs <= 25 and (recipe.train or 0) <= 200 for recipe in found)


def test_unequal_arms_are_refused():
    with pytest.raises(ValueError, match="got 1 learning rates without the neuron and 2 pairs"):
        grid(without=(0.1,), with_neuron=(0.1,), lams=(0.1, 1.0))


def test_unknown_names():
    with pytest.raises(ValueError, match="expected table to be one of 1, 2, 3, .*; got .4."):
        experiments("4", "quick")
    with pytest.raises(ValueError, match="did you mean 'laptop'"):
        experiments("1", "labtop")


def test_units_are_all_runs_once(profile):
    recipes = [recipe for e in experiments("all", profile) for recipe in e.recipes()]
    grouped = units(recipes)
    assert sorted(r.identity for unit in grouped for r in unit) == sorted(r.identity for r in recipes)
    for unit in grouped:
        assert len({(r.problem, r.seed, r.epochs, r.batch_size, r.optimizer, r.measure) for r in unit}) == 1
        assert unit[0].model == "fc1" or len(unit) == 1


def test_a_unit_is_the_same_whichever_table_asks():
    """Rounding in float32 may depend on what stands in a stack, so this must not depend on what was asked for."""
    everything = {unit[0]: unit for unit in units(r for e in experiments("all", "laptop") for r in e.recipes())}
    for table in ("1", "2", "3", "stability"):
        for unit in units(r for e in experiments(table, "laptop") for r in e.recipes()):
            assert everything[unit[0]] == unit
