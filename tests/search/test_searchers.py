import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern

from enlib.search import (
    BayesianOptimization,
    GeneticAlgorithm,
    GridSearch,
    Hyperband,
    ParticleSwarm,
    RandomSearch,
    Searcher,
    Space,
    SuccessiveHalving,
    hyperband_brackets,
)
from enlib.search.searchers import _matern, _standardized, _surrogate

SPACE = Space(lr=("log", 1e-4, 1.0), scale=("linear", 0.0, 2.0), loss=("choice", "hinge", "logistic"))
EVERY = {
    "grid": lambda seed: GridSearch(SPACE, budget=9, seed=seed),
    "random": lambda seed: RandomSearch(SPACE, budget=9, seed=seed),
    "halving": lambda seed: SuccessiveHalving(SPACE, budgets=(1, 3, 9), seed=seed, trials=9),
    "hyperband": lambda seed: Hyperband(SPACE, budget=9, seed=seed),
    "bayesian": lambda seed: BayesianOptimization(SPACE, budget=9, seed=seed, first=3),
    "genetic": lambda seed: GeneticAlgorithm(SPACE, budget=9, seed=seed),
    "swarm": lambda seed: ParticleSwarm(SPACE, budget=9, seed=seed, particles=5),
}


def bowl(setting):
    return math.log10(setting["lr"] / 0.02) ** 2 + (setting["scale"] - 1) ** 2 + (setting["loss"] == "hinge")


def asked(searcher, number, value=bowl):
    """Return the first settings and budgets that a searcher asks for."""
    found = []
    for _ in range(number):
        setting, budget = searcher.ask()
        found.append((setting, budget))
        searcher.tell(setting, budget, value(setting))
    return found


@pytest.mark.parametrize("name", EVERY)
def test_the_seed_decides_what_is_asked(name):
    first, again, other = (asked(EVERY[name](seed), 40) for seed in (0, 0, 1))
    assert first == again != other


@pytest.mark.parametrize("name", EVERY)
def test_every_setting_is_within_the_space(name):
    for setting, budget in asked(EVERY[name](0), 40):
        assert 1e-4 <= setting["lr"] <= 1
        assert 0 <= setting["scale"] <= 2
        assert setting["loss"] in ("hinge", "logistic")
        assert budget in (1, 3, 9)


@pytest.mark.parametrize("name", EVERY)
def test_asking_twice_asks_the_same_and_only_its_value_may_be_told(name):
    searcher = EVERY[name](0)
    setting, budget = searcher.ask()
    assert searcher.ask() == (setting, budget)
    for wrong in ((setting | {"lr": 0.5}, budget), (setting, budget + 1)):
        with pytest.raises(ValueError, match="expected the value of"):
            searcher.tell(*wrong, 0.1)
    searcher.tell(setting, budget, 0.1)


@pytest.mark.parametrize("name", EVERY)
def test_runs_that_diverge_stop_no_search(name):
    assert asked(EVERY[name](0), 40, lambda setting: math.nan if setting["lr"] > 1e-3 else 0.5)
    assert asked(EVERY[name](0), 40, lambda setting: math.nan)


@pytest.mark.parametrize("name", ["bayesian", "genetic", "swarm"])
def test_what_learns_does_better_than_chance_in_the_end(name):
    def last(make):
        return np.mean([bowl(setting) for seed in range(10) for setting, _ in asked(make(seed), 60)[-10:]])

    assert last(EVERY[name]) < last(EVERY["random"]) / 2


# Grid


def test_a_grid_is_searched_once_and_ends():
    searcher = EVERY["grid"](0)
    found = [setting for setting, _ in asked(searcher, 50)]
    assert searcher.ask() is None
    assert sorted(map(str, found)) == sorted(map(str, SPACE.grid(5)))
    with pytest.raises(ValueError, match="expected the value of None"):
        searcher.tell(found[-1], 9, 0.1)


# Halving and Hyperband


@given(st.integers(1, 3000), st.integers(2, 7))
def test_hyperband_has_the_brackets_of_the_formula(budget, eta):
    brackets = hyperband_brackets(budget, eta)
    most = len(brackets) - 1
    assert eta**most <= budget < eta ** (most + 1)
    for s, rungs in zip(range(most, -1, -1), brackets, strict=True):
        trials = math.ceil(Fraction((most + 1) * eta**s, s + 1))
        assert rungs == [
            (math.floor(Fraction(trials, eta**i)), math.floor(Fraction(budget, eta ** (s - i)))) for i in range(s + 1)
        ]
        assert rungs[-1][0] >= 1
        assert rungs[-1][1] == budget


def test_243_has_six_brackets_although_its_rounded_logarithm_has_five():
    assert int(math.log(243) / math.log(3)) == 4
    assert len(hyperband_brackets(243)) == 6
    assert [rungs[0] for rungs in hyperband_brackets(81)] == [(81, 1), (34, 3), (15, 9), (8, 27), (5, 81)]


@st.composite
def halvings(draw):
    budgets = sorted(draw(st.sets(st.integers(1, 100), min_size=1, max_size=5)))
    return budgets, draw(st.integers(1, 60)), draw(st.integers(2, 5)), draw(st.integers(0, 1000))


@given(halvings())
def test_each_rung_keeps_the_best_of_the_one_before(drawn):
    budgets, trials, eta, seed = drawn
    searcher = SuccessiveHalving(SPACE, budgets=budgets, seed=seed, trials=trials, eta=eta)
    rng, before = np.random.default_rng(seed), None
    for i, budget in enumerate(budgets):
        number = max(1, trials // eta**i)
        values = iter(rng.permutation(number) / number)
        rung = []
        for _ in range(number):
            setting, at = searcher.ask()
            assert at == budget
            rung.append((next(values), str(setting)))
            searcher.tell(setting, at, rung[-1][0])
        if before:
            assert [name for _, name in rung] == [name for _, name in sorted(before)[:number]]
        before = rung
    assert searcher.ask()[1] == budgets[0]  # it starts anew


@pytest.mark.parametrize("budgets", [(), (3, 1), (1, 1), (0, 1)])
def test_budgets_must_ascend(budgets):
    with pytest.raises(ValueError, match=r"ascending budgets|a budget to be an integer >= 1"):
        SuccessiveHalving(SPACE, budgets=budgets, seed=0, trials=3)


# Bayesian optimization


def test_the_surrogate_is_the_likeliest_of_scikit_learns():
    rng = np.random.default_rng(0)
    x, new = rng.random((12, 2)), rng.random((30, 2))
    y = _standardized(np.sin(5 * x[:, 0]) + x[:, 1] + 0.1 * rng.standard_normal(12))
    fits = [
        GaussianProcessRegressor(Matern(scale, nu=2.5), alpha=noise, optimizer=None).fit(x, y)
        for scale, noise in itertools.product((0.1, 0.2, 0.4, 0.8), (1e-4, 1e-2))
    ]
    best = max(fits, key=lambda fit: fit.log_marginal_likelihood_value_)
    for ours, theirs in zip(_surrogate(x, y, new), best.predict(new, return_std=True), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(_matern(x, new, 0.3), Matern(0.3, nu=2.5)(x, new))


def test_an_infinite_value_counts_as_the_largest_finite_one():
    np.testing.assert_allclose(_standardized([1.0, math.inf, 3.0]), _standardized([1.0, 3.0, 3.0]))
    assert not _standardized([math.inf, math.inf]).any()


# Genetic algorithm and particle swarm


def test_the_better_half_of_a_population_is_not_trained_again():
    found = asked(EVERY["genetic"](0), 60)
    assert len({str(setting) for setting, _ in found}) == 60


def test_without_mutation_children_have_the_genes_of_the_better_half():
    found = asked(GeneticAlgorithm(SPACE, budget=1, seed=0, mutation=1e-12), 15)
    parents = sorted((setting for setting, _ in found[:10]), key=bowl)[:5]
    for child, _ in found[10:]:
        for name in ("lr", "scale"):
            assert min(abs(child[name] - parent[name]) for parent in parents) < 1e-9


def test_a_swarm_starts_where_it_is_told_and_flies_to_its_best():
    found = asked(ParticleSwarm(SPACE, budget=1, seed=0, start=0.25), 300)
    assert all(setting["lr"] <= 1e-3 and setting["loss"] == "hinge" for setting, _ in found[:10])
    assert np.mean([abs(math.log10(setting["lr"] / 0.02)) for setting, _ in found[-10:]]) < 0.3


def test_a_generator_is_a_searcher():
    def twice():
        value = yield {"lr": 1.0}, 3
        yield {"lr": value}, 9

    searcher = Searcher(twice())
    searcher.tell(*searcher.ask(), 0.25)
    assert searcher.ask() == ({"lr": 0.25}, 9)
    searcher.tell({"lr": 0.25}, 9, 0.1)
    assert searcher.ask() is None
