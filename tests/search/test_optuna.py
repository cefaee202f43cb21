"""Optuna's samplers on the committed table, as an oracle for ours; it is the extra `search` of this package."""

import csv
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from enlib.search import BayesianOptimization, GeneticAlgorithm, RandomSearch, Searcher

pytest.importorskip("optuna", reason="needs Optuna: pip install -e '.[search]'")
ROOT = Path(__file__).parents[2]
OURS = {"random": RandomSearch, "Bayesian": BayesianOptimization, "genetic": GeneticAlgorithm}


@pytest.fixture(scope="module")
def samplers():
    spec = importlib.util.spec_from_file_location("benchmark_samplers", ROOT / "benchmarks" / "samplers.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def ours(samplers, name, replays):
    """Return the mean regrets of our searcher of the same kind, in points of %, by seed."""
    return np.array(
        [
            samplers.regrets(lambda k: OURS[name](samplers.SPACE, budget=samplers.FULL, seed=k), seed, replays)
            for seed in range(10)
        ]
    )


def optunas(samplers, name, replays):
    """Return those of Optuna's sampler."""
    make = samplers.SAMPLERS[name]
    return np.array(
        [samplers.regrets(lambda k: Searcher(samplers.by_optuna(make(k))), seed, replays) for seed in range(10)]
    )


@pytest.mark.slow
def test_random_search_is_optunas_up_to_chance(samplers):
    mine, other = (made(samplers, "random", 4) for made in (ours, optunas))
    spread = np.hypot(mine.std(ddof=1), other.std(ddof=1)) / np.sqrt(len(mine))
    assert abs(mine.mean() - other.mean()) < 4 * spread


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Bayesian", "genetic"])
def test_ours_is_no_worse_than_optunas_of_the_same_kind(samplers, name):
    mine, other = (made(samplers, name, 4) for made in (ours, optunas))
    spread = (mine - other).std(ddof=1) / np.sqrt(len(mine))
    assert (mine - other).mean() < 0.5 + 2 * spread


@pytest.mark.slow
@pytest.mark.parametrize("name", OURS)
def test_the_committed_regrets_can_be_made_again(samplers, name):
    with (ROOT / "results" / "optuna.csv").open(newline="") as file:
        committed = np.array([float(row[name]) for row in csv.DictReader(file)])
    again = samplers.regrets(lambda k: Searcher(samplers.by_optuna(samplers.SAMPLERS[name](k))), seed=0)
    assert len(committed) == 10
    # Another Optuna may draw other numbers.
    assert again == pytest.approx(committed[0], abs=0.01) or abs(again - committed.mean()) < 4 * committed.std()
