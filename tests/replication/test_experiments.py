from collections import Counter

import pytest

from enlib import _tools
from enlib.replication import CHECKS, SWEEPS, experiments, file_of, units
from enlib.replication.experiments import PROFILES
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


def arms_of(settings):
    """The tries of each arm: learning rate, schedule and place among the batch orders of the arm."""
    arms = {name: Counter() for name in ("without", "with", "placebo")}
    for setting in settings:
        order = setting.get("order", 0)
        name = "with" if setting.get("exponential") else "placebo" if order > 1 else "without"
        arms[name][setting["lr"], setting["schedule"], order % 2] += 1
    return arms


def test_all_arms_have_the_same_tries(listed):
    for experiment in listed:
        arms = arms_of(experiment.settings)
        assert arms["without"] == arms["with"], experiment.problem
        assert arms["placebo"] in (arms["without"], Counter()), experiment.problem
        assert set(arms["without"].values()) == {1}


def test_each_lambda_has_its_own_batch_order(listed):
    for experiment in listed:
        if "stability" not in experiment.tables:
            pairs = {(s["order"], s["lam"]) for s in experiment.settings if s.get("exponential")}
            assert pairs == {(0, 0.01), (1, 1.0)}


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
    assert found[0].seeds == (20 if "train" in what else 10)
    if "3" in tables:
        assert found[0].shared["measure"] == "test"


def test_the_report_used_these_networks():
    models = {e.shared["data"]: e.shared["model"] for e in experiments("all", "laptop")}
    assert models == {"spheres": "fc1", "gaussians": "fc1", "mnist-1v7": "conv", "cifar10-0v1": "fc2"}


@pytest.mark.parametrize("table", CHECKS)
def test_checks_have_both_arms_and_a_file_of_their_own(table, profile):
    for experiment in experiments(table, profile):
        recipes = list(experiment.recipes())
        assert len({recipe.identity for recipe in recipes}) == len(recipes)
        assert 2 * sum(recipe.exponential for recipe in recipes) == len(recipes)
    assert file_of(table) == table


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
