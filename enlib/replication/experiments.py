"""The experiments as data: what the report did, at two sizes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from enlib import _tools
from enlib.replication.recipe import Recipe

Unit = tuple[Recipe, ...]


def grid(
    *,
    without: Sequence[float],
    with_neuron: Sequence[float],
    lams: Sequence[float],
    schedules: Sequence[str] = ("constant", "cosine"),
) -> tuple[dict[str, Any], ...]:
    """Return the settings that the arms may choose from, the same number in both, those without the neuron first.

    The neuron brings a setting of its own, lambda. To give both arms the same number of trials, the arm without the
    neuron gets a finer grid of learning rates over the same range.

    Parameters
    ----------
    without, with_neuron : sequence of float
        Learning rates of the two arms.
    lams : sequence of float
        Weights of the neuron's penalty.
    schedules : sequence of str
        Schedules of the learning rate, tried in both arms.

    Raises
    ------
    ValueError
        If the arms do not get the same number of trials.

    Examples
    --------
    >>> len(grid(without=(0.01, 0.02), with_neuron=(0.01,), lams=(0.1, 1.0)))
    8
    """
    if len(without) != len(with_neuron) * len(lams):
        raise ValueError(
            f"expected the same number of trials in both arms, got {len(without)} learning rates without the neuron "
            f"and {len(with_neuron) * len(lams)} pairs of learning rate and lambda with it: extend the smaller grid"
        )
    without_neuron = [{"exponential": False, "lr": lr, "schedule": s} for s in schedules for lr in without]
    neuron = {"exponential": True}
    return (
        *without_neuron,
        *(neuron | {"lr": lr, "schedule": s, "lam": lam} for s in schedules for lr in with_neuron for lam in lams),
    )


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A problem, the settings tried on it, and the seeds: one row of one or more tables.

    Parameters
    ----------
    tables : tuple of str
        Which of `SWEEPS` it belongs to.
    shared : dict
        What all its runs share, as arguments of a `Recipe`.
    settings : tuple of dict
        What each trial has of its own, in both arms.
    seeds : int
        The seeds 0 ... seeds - 1.
    """

    tables: tuple[str, ...]
    shared: dict[str, Any]
    settings: tuple[dict[str, Any], ...]
    seeds: int

    def recipes(self) -> Iterator[Recipe]:
        """Yield all its runs, seed by seed."""
        for seed in range(self.seeds):
            for setting in self.settings:
                yield Recipe(**self.shared, **setting, seed=seed)

    @property
    def problem(self) -> str:
        """The name under which tables group its runs; see `Recipe.problem`."""
        return next(self.recipes()).problem


SWEEPS = ("1", "2", "3", "stability", "ablation")
PROFILES = ("quick", "laptop")

# Steps of 1.5; the arm with the neuron has every other one, and two lambdas.
_LRS = (0.001, 0.0015, 0.0023, 0.0035, 0.0055, 0.0085, 0.013, 0.02)
_LAMS, _COSINE = (0.01, 1.0), ("cosine",)
_QUICK_GRID = grid(without=(0.005, 0.01, 0.015, 0.02), with_neuron=(0.005, 0.015), lams=_LAMS, schedules=_COSINE)
_GRIDS = {
    "fc1": grid(without=_LRS, with_neuron=_LRS[1::2], lams=_LAMS),
    "fc2": grid(
        without=(0.0004, 0.0006, 0.0009, 0.0013), with_neuron=(0.0006, 0.0009), lams=_LAMS, schedules=_COSINE
    ),
    "conv": grid(
        without=(0.0003, 0.0006, 0.0012, 0.0024), with_neuron=(0.0006, 0.0012), lams=_LAMS, schedules=_COSINE
    ),
}
# Here nothing is chosen: which learning rate is too large, and what does the standardization change?
_STABILITY = grid(without=(0.003, 0.01, 0.03, 0.1), with_neuron=(0.003, 0.01, 0.03, 0.1), lams=(0.1,))
# What if the optimizer were not Adam?
_MOMENTUM = grid(
    without=(0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2), with_neuron=(0.02, 0.05, 0.1, 0.2), lams=_LAMS
)


def _spheres(outer: float, train: int, epochs: int, **more: Any) -> dict[str, Any]:
    return {"data": "spheres", "inner": 1.0, "outer": outer, "train": train, "model": "fc1", "epochs": epochs, **more}


def _gaussians(shift: float, train: int, epochs: int, **more: Any) -> dict[str, Any]:
    return {"data": "gaussians", "shift": shift, "train": train, "model": "fc1", "epochs": epochs, **more}


_REPORT = [
    (("2",), _spheres(1.01, 1000, 100)),
    (("2",), _spheres(1.01, 5000, 100)),
    (("1", "2"), _spheres(1.01, 10000, 200)),
    (("1",), _spheres(1.01, 15000, 200)),
    (("1",), _spheres(1.01, 20000, 200)),
    (("3",), _spheres(1.5, 5000, 100, measure="test")),
    (("3",), _spheres(5.0, 5000, 100, measure="test")),
    (("2",), _gaussians(0.1, 10000, 200)),
    (("1", "2"), _gaussians(0.1, 15000, 200)),
    (("1",), _gaussians(0.1, 20000, 200)),
    (("3",), _gaussians(0.5, 5000, 100, measure="test")),
    (("3",), _gaussians(1.0, 5000, 100, measure="test")),
    (("1", "2", "3"), {"data": "mnist-1v7", "model": "conv", "epochs": 12, "measure": "test"}),
    (("1", "2", "3"), {"data": "cifar10-0v1", "model": "fc2", "epochs": 30, "measure": "test"}),
]
_QUICK = [
    (("2", "3"), _spheres(1.5, 200, 20, measure="test")),
    (("1", "3"), _gaussians(0.5, 200, 20, measure="test")),
    (("1", "2", "3"), {"data": "digits-1v7", "model": "fc1", "epochs": 20, "measure": "test"}),
]


def experiments(table: str, profile: str) -> list[Experiment]:
    """Return the experiments of a table, or of all tables of the report, at the size of a profile.

    Parameters
    ----------
    table : {"1", "2", "3", "stability", "ablation", "all"}
        One of `SWEEPS`, or all of them.
    profile : {"quick", "laptop"}
        Quick: synthetic data and digits, three seeds, in seconds. Laptop: every row of the report with ten seeds
        (twenty for stability), in hours on two cores.

    Raises
    ------
    ValueError
        If there is no such table or profile.

    Examples
    --------
    >>> [experiment.problem for experiment in experiments("1", "quick")]
    ['gaussians-0.5-200', 'digits-1v7']
    >>> sum(len(list(experiment.recipes())) for experiment in experiments("2", "laptop"))
    1760
    """
    _tools.known("table", table, [*SWEEPS, "all"])
    _tools.known("profile", profile, PROFILES)
    quick = profile == "quick"
    seeds = 3 if quick else 10
    listed = [
        Experiment(
            tables=tables, shared=shared, settings=_QUICK_GRID if quick else _GRIDS[shared["model"]], seeds=seeds
        )
        for tables, shared in (_QUICK if quick else _REPORT)
    ]
    for standardize in ("none", "global", "feature"):
        for shape in (_spheres(1.5, 2000, 25), _gaussians(0.5, 2000, 25)):
            shared = shape | {"standardize": standardize, "measure": "noise"} | ({"train": 200} if quick else {})
            many = seeds if quick else 20
            listed.append(Experiment(tables=("stability",), shared=shared, settings=_STABILITY, seeds=many))
    if not quick:
        shared = _spheres(1.01, 1000, 200, optimizer="momentum")
        listed.append(Experiment(tables=("ablation",), shared=shared, settings=_MOMENTUM, seeds=seeds))
    return [experiment for experiment in listed if table in (*experiment.tables, "all")]


def units(recipes: Iterable[Recipe]) -> list[Unit]:
    """Group recipes by what is computed together.

    Runs of the small network on one problem with one seed share data and batches, in both arms: they are one stack.
    Any other run is a unit of its own.

    Examples
    --------
    >>> recipes = [r for e in experiments("all", "laptop") for r in e.recipes()]
    >>> len(recipes), len(units(recipes))
    (6240, 410)
    """
    own: dict[str, Any] = {"exponential": False, "lam": 0.0, "lr": 1.0, "schedule": "constant", "neuron_lr": None}
    own |= {"a": 0.01, "w_std": 0.01}
    groups: dict[Recipe, list[Recipe]] = {}
    for recipe in recipes:
        together = recipe.model == "fc1" and recipe.stacked
        groups.setdefault(replace(recipe, **own) if together else recipe, []).append(recipe)
    return [tuple(group) for group in groups.values()]


def cost(unit: Unit) -> float:
    """Return roughly how long a unit takes, in arbitrary units: the multiplications of its training."""
    each = {"fc1": 6.5e3, "fc2": 5.9e6, "conv": 1.1e7}
    sizes = {"mnist-1v7": 13_000, "cifar10-0v1": 2_000, "digits-1v7": 217}
    return sum(r.epochs * (r.train or sizes[r.data]) * each[r.model] for r in unit)
