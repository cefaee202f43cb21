"""The experiments as data: what the report did, at two sizes, and checks of what it leaves open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from enlib import _tools
from enlib.replication.recipe import Description, Recipe

Unit = tuple[Recipe, ...]

LAMS = (0.01, 1.0)
"""The neuron's penalty in batch order 0 and in batch order 1."""


def grid(
    lrs: Sequence[float], *, placebo: bool = False, schedule: str = "cosine", **more: Any
) -> tuple[dict[str, Any], ...]:
    """Return the settings that each arm may choose from: the same learning rates in all, each tried twice.

    Without the neuron, the second try has another batch order. With it, it has another batch order and another lambda
    of `LAMS`: lambda alone hardly changes a run, so that two lambdas in one batch order would be fewer tries than two
    batch orders. The placebo arm is the network without the neuron in two further batch orders: compared with the
    first arm, it shows what the comparison itself makes of no difference at all.

    Parameters
    ----------
    lrs : sequence of float
        Learning rates.
    placebo : bool
        Whether there is a placebo arm.
    schedule : str
        Schedule of the learning rate.
    **more
        What else all settings share, as arguments of a `Recipe`.

    Examples
    --------
    >>> len(grid((0.01, 0.02))), len(grid((0.01, 0.02), placebo=True))
    (8, 12)
    >>> grid((0.01,))[-1]
    {'lr': 0.01, 'schedule': 'cosine', 'order': 1, 'exponential': True, 'lam': 1.0}
    """
    arms: list[dict[str, Any]] = [{"order": order} for order in (0, 1)]
    arms += [{"order": order, "exponential": True, "lam": lam} for order, lam in enumerate(LAMS)]
    arms += [{"order": order} for order in (2, 3) if placebo]
    return tuple({"lr": lr, "schedule": schedule, **more, **arm} for arm in arms for lr in lrs)


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A problem, the settings tried on it, and the seeds: one row of one or more tables.

    Parameters
    ----------
    tables : tuple of str
        Which of `SWEEPS` and `CHECKS` it belongs to.
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
CHECKS = ("long", "sensitivity")
PROFILES = ("quick", "laptop")


def _doubled(first: float, count: int) -> tuple[float, ...]:
    return tuple(first * 2**step for step in range(count))


def _spheres(outer: float, train: int, epochs: int, **more: Any) -> dict[str, Any]:
    return {"data": "spheres", "inner": 1.0, "outer": outer, "train": train, "model": "fc1", "epochs": epochs, **more}


def _gaussians(shift: float, train: int, epochs: int, **more: Any) -> dict[str, Any]:
    return {"data": "gaussians", "shift": shift, "train": train, "model": "fc1", "epochs": epochs, **more}


# What each row of the report tries. Pilot runs, on seeds that are not used here, chose the range of learning rates.
_MNIST = {"data": "mnist-1v7", "model": "conv", "epochs": 12, "measure": "test"}
_CIFAR = {"data": "cifar10-0v1", "model": "fc2", "epochs": 30, "measure": "test"}
_REPORT = [
    (("2",), _spheres(1.01, 1000, 100), grid(_doubled(0.005, 5), placebo=True)),
    (("2",), _spheres(1.01, 5000, 100), grid(_doubled(0.002, 5), placebo=True)),
    (("1", "2"), _spheres(1.01, 10000, 200), grid(_doubled(0.001, 5), placebo=True)),
    (("1",), _spheres(1.01, 15000, 200), grid(_doubled(0.002, 4))),
    (("1",), _spheres(1.01, 20000, 200), grid(_doubled(0.002, 4))),
    (("3",), _spheres(1.5, 5000, 100, measure="test"), grid(_doubled(0.0005, 5), placebo=True)),
    (("3",), _spheres(5.0, 5000, 100, measure="test"), grid(_doubled(0.004, 7), placebo=True)),
    (("2",), _gaussians(0.1, 10000, 100), grid(_doubled(0.002, 5), placebo=True)),
    (("1", "2"), _gaussians(0.1, 15000, 200), grid(_doubled(0.002, 4), placebo=True)),
    (("1",), _gaussians(0.1, 20000, 200), grid(_doubled(0.002, 4))),
    (("3",), _gaussians(0.5, 5000, 100, measure="test"), grid(_doubled(0.00025, 8), placebo=True)),
    (("3",), _gaussians(1.0, 5000, 100, measure="test"), grid(_doubled(0.0005, 8), placebo=True)),
    (("1", "2", "3"), _CIFAR, grid(_doubled(0.0002, 4))),
    (("1", "2", "3"), _MNIST, grid(_doubled(0.00015, 4))),
]
_QUICK_GRID = grid((0.005, 0.01, 0.02), placebo=True)
_QUICK = [
    (("2", "3"), _spheres(1.5, 200, 20, measure="test"), _QUICK_GRID),
    (("1", "3"), _gaussians(0.5, 200, 20, measure="test"), _QUICK_GRID),
    (("1", "2", "3"), {"data": "digits-1v7", "model": "fc1", "epochs": 20, "measure": "test"}, _QUICK_GRID),
]
# Nothing is chosen here: which learning rate is too large, and what does standardization change?
_STABILITY = tuple(
    {"lr": lr, "schedule": schedule, **arm}
    for schedule in ("constant", "cosine")
    for arm in ({}, {"exponential": True, "lam": 0.1})
    for lr in (0.003, 0.01, 0.03, 0.1)
)
# Where the cap ends the training in Table 1: does a run get stuck, or is it still on its way? Nothing is chosen.
_LONG = [_spheres(1.01, 15000, 600), _spheres(1.01, 20000, 1000), _gaussians(0.1, 20000, 600)]
# Does a row of Table 2 depend on what the report leaves open?
_VARIANTS: tuple[dict[str, Any], ...] = (
    {"batch_size": 50},
    {"batch_size": 200},
    {"schedule": "constant"},
    {"weight_scale": 0.5},
    {"weight_scale": 2.0},
)


def experiments(table: str, profile: str) -> list[Experiment]:
    """Return the experiments of a table, or of all tables of the report, at the size of a profile.

    Parameters
    ----------
    table : str
        One of `SWEEPS`, or ``"all"`` of them; or one of `CHECKS`, each of which has a file of its own.
    profile : {"quick", "laptop"}
        Quick: synthetic data and digits, three seeds, in seconds. Laptop: every row of the report, with twenty seeds
        on synthetic data and ten on images, in hours on two cores.

    Raises
    ------
    ValueError
        If there is no such table or profile.

    Examples
    --------
    >>> [experiment.problem for experiment in experiments("1", "quick")]
    ['gaussians-0.5-200', 'digits-1v7']
    >>> sum(len(list(experiment.recipes())) for experiment in experiments("2", "laptop"))
    3200
    """
    _tools.known("table", table, [*SWEEPS, "all", *CHECKS])
    _tools.known("profile", profile, PROFILES)
    quick = profile == "quick"
    listed = _checks(table, quick) if table in CHECKS else _sweep(quick)
    return [experiment for experiment in listed if table in (*experiment.tables, "all")]


def file_of(table: str) -> str:
    """Return the name of the file that holds a table's runs.

    >>> file_of("2"), file_of("all"), file_of("long")
    ('replication', 'replication', 'long')
    """
    return "replication" if table in (*SWEEPS, "all") else table


def _sweep(quick: bool) -> Iterator[Experiment]:
    for tables, shared, settings in _QUICK if quick else _REPORT:
        seeds = 3 if quick else 20 if "train" in shared else 10
        yield Experiment(tables=tables, shared=shared, settings=settings, seeds=seeds)
    size, seeds = (200, 3) if quick else (2000, 20)
    for standardize in ("none", "global", "feature"):
        for shape in (_spheres(1.5, size, 25), _gaussians(0.5, size, 25)):
            shared = shape | {"standardize": standardize, "measure": "noise"}
            yield Experiment(tables=("stability",), shared=shared, settings=_STABILITY, seeds=seeds)
    if not quick:  # what if the optimizer were not Adam?
        shared = _spheres(1.01, 1000, 200, optimizer="momentum")
        settings = grid(_doubled(0.0125, 6), placebo=True)
        yield Experiment(tables=("ablation",), shared=shared, settings=settings, seeds=20)


def _checks(table: str, quick: bool) -> Iterator[Experiment]:
    small = {"train": 200, "epochs": 20} if quick else {}
    if table == "long":
        for shared in _LONG:
            settings = grid((0.004,))
            yield Experiment(tables=(table,), shared=shared | small, settings=settings, seeds=2 if quick else 5)
        return
    settings = tuple(setting for variant in _VARIANTS for setting in grid(_doubled(0.001, 6), **variant))
    shared = _spheres(1.01, 5000, 100) | small
    yield Experiment(tables=(table,), shared=shared, settings=settings, seeds=2 if quick else 10)


def units(recipes: Iterable[Recipe]) -> list[Unit]:
    """Group recipes by what is computed together.

    Runs of the small network on one problem with one seed and one batch order share data and batches, in all arms:
    they are one stack. Any other run is a unit of its own.

    Examples
    --------
    >>> recipes = [r for e in experiments("2", "quick") for r in e.recipes()]
    >>> len(recipes), len(units(recipes))
    (108, 24)
    """
    own: dict[str, Any] = {"exponential": False, "lam": 0.0, "lr": 1.0, "schedule": "constant", "neuron_lr": None}
    own |= {"a": 0.01, "w_std": 0.01, "weight_scale": 1.0}
    groups: dict[Recipe, list[Recipe]] = {}
    for recipe in recipes:
        together = recipe.model == "fc1" and recipe.stacked
        groups.setdefault(replace(recipe, **own) if together else recipe, []).append(recipe)
    return [tuple(group) for group in groups.values()]


def cost(unit: Iterable[Description]) -> float:
    """Return roughly how long a unit takes, in arbitrary units: the multiplications of its training."""
    return sum(run.cost for run in unit)
