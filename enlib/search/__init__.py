"""Hyper-parameter searchers that are asked for a setting and told its value, replayed on a complete table."""

from enlib.search.searchers import (
    BayesianOptimization,
    GeneticAlgorithm,
    GridSearch,
    Hyperband,
    ParticleSwarm,
    RandomSearch,
    Searcher,
    SuccessiveHalving,
    hyperband_brackets,
)
from enlib.search.space import Space
from enlib.search.table import Replay, Table, replay

__all__ = [
    "BayesianOptimization",
    "GeneticAlgorithm",
    "GridSearch",
    "Hyperband",
    "ParticleSwarm",
    "RandomSearch",
    "Replay",
    "Searcher",
    "Space",
    "SuccessiveHalving",
    "Table",
    "hyperband_brackets",
    "replay",
]
