"""The experiments of the replication, as data: what the report did, at three sizes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from enlib import _tools
from enlib.replication.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The settings among which each arm may choose, the same number of them in both.

    The neuron brings a setting of its own, lambda. So that it does not buy its arm more tries, the arm without it
    gets a finer grid of step sizes over the same range.

    Parameters
    ----------
    without, with_neuron : tuple of float
        Step sizes of the two arms.
    lams : tuple of float
        Weights of the neuron's penalty.
    schedules : tuple of str

    Raises
    ------
    ValueError
        If the arms do not get the same number of trials.

    Examples
    --------
    >>> len(list(Grid(without=(0.01, 0.02), with_neuron=(0.01,), lams=(0.1, 1.0)).settings()))
    8
    """

    without: tuple[float, ...]
    with_neuron: tuple[float, ...]
    lams: tuple[float, ...]
    schedules: tuple[str, ...] = ("constant", "cosine")

    def __post_init__(self) -> None:
        trials = len(self.with_neuron) * len(self.lams)
        if len(self.without) != trials:
            raise ValueError(
                f"expected the same number of trials in both arms, got {len(self.without)} step sizes without the "
                f"neuron and {trials} pairs of step size and lambda with it: extend the smaller grid"
            )

    def settings(self) -> Iterator[dict[str, Any]]:
        """Yield the settings of all trials as arguments of a `Recipe`, those without the neuron first."""
        for schedule in self.schedules:
            for lr in self.without:
                yield {"exponential": False, "lr": lr, "schedule": schedule}
        for schedule in self.schedules:
            for lr in self.with_neuron:
                for lam in self.lams:
                    yield {"exponential": True, "lr": lr, "schedule": schedule, "lam": lam}


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A data set, a network, a grid and the seeds: one row of one or more of the report's tables.

    Parameters
    ----------
    tables : tuple of str
        In which of `TABLES` it stands.
    what : dict
        What all its runs share, as arguments of a `Recipe`.
    grid : Grid
    seeds : int
        The seeds 0 ... seeds - 1, in both arms.
    """

    tables: tuple[str, ...]
    what: dict[str, Any]
    grid: Grid
    seeds: int

    def recipes(self) -> Iterator[Recipe]:
        """Yield all its runs, seed by seed."""
        for seed in range(self.seeds):
            for setting in self.grid.settings():
                yield Recipe(**self.what, **setting, seed=seed)

    @property
    def problem(self) -> str:
        """Its name, which is its data set's."""
        return next(self.recipes()).problem


TABLES = ("1", "2", "3", "stability", "ablation")
PROFILES = ("quick", "laptop", "paper")

# Steps of 1.5; the arm with the neuron has every other one, and two lambdas.
_LRS = (0.001, 0.0015, 0.0023, 0.0035, 0.0055, 0.0085, 0.013, 0.02)
_FINE = tuple(round(0.0005 * 1.131**k, 7) for k in range(32))
_FC2 = Grid(
    without=(0.0004, 0.0006, 0.0009, 0.0013), with_neuron=(0.0006, 0.0009), lams=(0.01, 1.0), schedules=("cosine",)
)
_CONV = Grid(
    without=(0.0003, 0.0006, 0.0012, 0.0024), with_neuron=(0.0006, 0.0012), lams=(0.01, 1.0), schedules=("cosine",)
)
_GRIDS = {
    "quick": {
        "fc1": Grid(
            without=(0.005, 0.01, 0.015, 0.02), with_neuron=(0.005, 0.015), lams=(0.01, 1.0), schedules=("cosine",)
        ),
    },
    "laptop": {
        "fc1": Grid(without=_LRS, with_neuron=_LRS[1::2], lams=(0.01, 1.0)),
        "fc2": _FC2,
        "conv": _CONV,
    },
    "paper": {
        "fc1": Grid(without=_FINE, with_neuron=_FINE[2::4], lams=(0.001, 0.01, 0.1, 1.0)),
        "fc2": Grid(without=_FINE[:16], with_neuron=_FINE[2:16:4], lams=(0.001, 0.01, 0.1, 1.0)),
        "conv": Grid(without=_FINE[:16], with_neuron=_FINE[2:16:4], lams=(0.001, 0.01, 0.1, 1.0)),
    },
}
# Here nothing is chosen: which step size is too large, and what does the standardization change?
_STABILITY = Grid(without=(0.003, 0.01, 0.03, 0.1), with_neuron=(0.003, 0.01, 0.03, 0.1), lams=(0.1,))
# What if the optimizer were not Adam?
_MOMENTUM = Grid(
    without=(0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2), with_neuron=(0.02, 0.05, 0.1, 0.2), lams=(0.01, 1.0)
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
    """Return the experiments of a table, or of all, at the size of a profile.

    Parameters
    ----------
    table : {"1", "2", "3", "stability", "ablation", "all"}
    profile : {"quick", "laptop", "paper"}
        Synthetic data and digits, three seeds, in seconds; every row of the report with ten seeds (twenty for
        stability), in hours on two cores; twenty seeds and grids with four times as many trials, of the large
        networks eight times; stability and ablation as before.

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
    _tools.known("table", table, [*TABLES, "all"])
    _tools.known("profile", profile, PROFILES)
    grids = _GRIDS[profile]
    seeds = {"quick": 3, "laptop": 10, "paper": 20}[profile]
    rows = _QUICK if profile == "quick" else _REPORT
    listed = [Experiment(tables=tables, what=what, grid=grids[what["model"]], seeds=seeds) for tables, what in rows]
    for standardize in ("none", "global", "feature"):
        for shape in (_spheres(1.5, 2000, 25), _gaussians(0.5, 2000, 25)):
            if profile == "quick":
                shape |= {"train": 200}
            what = {**shape, "standardize": standardize, "measure": "noise"}
            listed.append(
                Experiment(tables=("stability",), what=what, grid=_STABILITY, seeds=3 if profile == "quick" else 20)
            )
    if profile != "quick":
        what = _spheres(1.01, 1000, 200, optimizer="momentum")
        listed.append(Experiment(tables=("ablation",), what=what, grid=_MOMENTUM, seeds=seeds))
    return [experiment for experiment in listed if table in (*experiment.tables, "all")]
