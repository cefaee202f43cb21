"""Optuna's samplers on the committed table, as an oracle for ours; it is the extra `search` of this package."""

from pathlib import Path

import numpy as np
import pytest

from enlib.search import BayesianOptimization, GeneticAlgorithm, RandomSearch, Searcher, Space, Table, replay

optuna = pytest.importorskip("optuna", reason="needs Optuna: pip install -e '.[search]'")
SPACE = Space(lr=("log", 1e-4, 1.0), weight_scale=("log", 0.1, 10.0))
RUNS, REPLAYS = 20, 40


@pytest.fixture(scope="module")
def table():
    return Table.read(Path(__file__).parents[2] / "results" / "search.csv", SPACE, of=2000)


def by_optuna(sampler):
    """Yield the settings that a sampler of Optuna asks for, and tell it their values."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=sampler)
    while True:
        trial = study.ask()
        setting = {name: trial.suggest_float(name, *limits, log=True) for name, (_, *limits) in SPACE.axes.items()}
        value = yield setting, 81
        study.tell(trial, value)


def regrets(table, make):
    """Return the mean regret after RUNS full runs, for each seed of the table."""
    seeds = len(table.values)
    made = [replay(make(k), table, 81 * RUNS, seed=k % seeds).regret[-1] for k in range(REPLAYS)]
    return np.array(made).reshape(-1, seeds).mean(axis=0)


def test_random_search_is_optunas_up_to_chance(table):
    ours = regrets(table, lambda seed: RandomSearch(SPACE, budget=81, seed=seed))
    theirs = regrets(table, lambda seed: Searcher(by_optuna(optuna.samplers.RandomSampler(seed=seed))))
    spread = np.hypot(ours.std(ddof=1), theirs.std(ddof=1)) / np.sqrt(len(ours))
    assert abs(ours.mean() - theirs.mean()) < 4 * spread


@pytest.mark.slow
@pytest.mark.parametrize(
    "ours, theirs",
    [
        (BayesianOptimization, lambda seed: optuna.samplers.TPESampler(seed=seed)),
        (GeneticAlgorithm, lambda seed: optuna.samplers.NSGAIISampler(population_size=10, seed=seed)),
    ],
)
def test_ours_is_no_worse_than_optunas_of_the_same_kind(table, ours, theirs):
    mine = regrets(table, lambda seed: ours(SPACE, budget=81, seed=seed))
    other = regrets(table, lambda seed: Searcher(by_optuna(theirs(seed))))
    spread = (mine - other).std(ddof=1) / np.sqrt(len(mine))
    assert (mine - other).mean() < 0.005 + 2 * spread
