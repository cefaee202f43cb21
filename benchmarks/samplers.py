"""Optuna's samplers on the table of searches, the oracle of notebook 13: ``python benchmarks/samplers.py``.

It writes ``results/optuna.csv``: the mean regret of each sampler, in points of %, on each seed of the table. Optuna
is the extra ``search`` of this package (``pip install -e '.[search]'``); ``make test-cluster`` makes a part again.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import optuna

from enlib.search import Searcher, Space, Table, replay

RESULTS = Path(__file__).resolve().parents[1] / "results"
SPACE = Space(lr=("log", 1e-4, 1.0), weight_scale=("log", 0.1, 10.0))
FULL, RUNS, REPLAYS = 81, 30, 10  # epochs of a full run, their number, and replays on each seed
SAMPLERS = {  # by what ours are called
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    "Bayesian": lambda seed: optuna.samplers.TPESampler(seed=seed),
    "genetic": lambda seed: optuna.samplers.NSGAIISampler(population_size=10, seed=seed),
}


@functools.cache
def searched() -> Table:
    """Return the table."""
    return Table.read(RESULTS / "search.csv", SPACE, of=2000)


def by_optuna(sampler: Any) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield the settings that a sampler asks for, and tell it their values: what `Searcher` makes a searcher of."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=sampler)
    while True:
        trial = study.ask()
        setting = {name: trial.suggest_float(name, *limits, log=True) for name, (_, *limits) in SPACE.axes.items()}
        value = yield setting, FULL
        study.tell(trial, value)


def regrets(make: Callable[[int], Searcher], seed: int, replays: int = REPLAYS) -> float:
    """Return the mean regret on one seed of the table after RUNS full runs, in points of %."""
    found = [replay(make(10 * r + seed), searched(), FULL * RUNS, seed=seed).regret[-1] for r in range(replays)]
    return 100 * float(np.mean(found))


def main() -> None:
    """Write the table."""
    lines = [",".join(["seed", *SAMPLERS])]
    for seed in range(10):
        found = [regrets(lambda k, s=sampler: Searcher(by_optuna(s(k))), seed) for sampler in SAMPLERS.values()]
        lines.append(",".join([str(seed), *(f"{points:.4f}" for points in found)]))
    (RESULTS / "optuna.csv").write_text("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
