"""Optuna's samplers on the committed table, as an oracle for ours; it is the extra `search` of this package."""

import csv
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from enlib.search import BayesianOptimization, GeneticAlgorithm, RandomSearch, Searcher

optuna = pytest.importorskip("optuna", reason="needs Optuna: pip install -e '.[search]'")
ROOT = Path(__file__).parents[2]
OURS = {"random": RandomSearch, "Bayesian": BayesianOptimization, "genetic": GeneticAlgorithm}


@pytest.fixture(scope="module")
def samplers():
    spec = importlib.util.spec_from_file_location("benchmark_samplers", ROOT / "benchmarks" / "samplers.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def by_seed(samplers, name, replays=4):
    """Return the mean regrets of our searcher and of Optuna's of the same kind, in points of %, by seed."""
    makes = (
        lambda k: OURS[name](samplers.SPACE, budget=samplers.FULL, seed=k),
        lambda k: Searcher(samplers.by_optuna(samplers.SAMPLERS[name](k))),
    )
    return (np.array([samplers.regrets(make, seed, replays) for seed in range(10)]) for make in makes)


@pytest.mark.slow
def test_random_search_is_optunas_up_to_chance(samplers):
    mine, other = by_seed(samplers, "random")
    spread = np.hypot(mine.std(ddof=1), other.std(ddof=1)) / np.sqrt(len(mine))
    assert abs(mine.mean() - other.mean()) < 4 * spread


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Bayesian", "genetic"])
def test_ours_is_no_worse_than_optunas_of_the_same_kind(samplers, name):
    mine, other = by_seed(samplers, name)
    spread = (mine - other).std(ddof=1) / np.sqrt(len(mine))
    assert (mine - other).mean() < 0.5 + 2 * spread


@pytest.mark.slow
@pytest.mark.skipif(not optuna.__version__.startswith("5."), reason="the table was made with Optuna 5")
@pytest.mark.parametrize("name", OURS)
def test_the_committed_regrets_can_be_made_again(samplers, name):
    with (ROOT / "results" / "optuna.csv").open(newline="") as file:
        committed = [float(row[name]) for row in csv.DictReader(file)]
    assert len(committed) == 10
    again = samplers.regrets(lambda k: Searcher(samplers.by_optuna(samplers.SAMPLERS[name](k))), seed=0)
    assert again == pytest.approx(committed[0], abs=1e-4)
