"""Why training with the exponential neuron spikes, and what prevents it: each explanation with its control."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from enlib import _tools
from enlib.replication.recipe import Recipe
from enlib.replication.tidy import Row

STUDIES = ("causes",)
SEEDS = 30
WITHOUT, WITH = "without the neuron", "with the neuron"

_COMMON: dict[str, Any] = {
    "data": "spheres", "inner": 1.0, "outer": 1.5, "train": 2000, "standardize": "global", "model": "fc1",
    "epochs": 25, "stacked": False,
}  # fmt: skip
_ALL = (0.015, 0.02, 0.025, 0.03)  # from spikes in few seeds to spikes in most
_TWO, _ONE = (0.02, 0.03), (0.03,)
# Each learning rate has seeds of its own, so that tests may take learning rates as independent strata.
_FIRST_SEED = {0.03: 0, 0.04: 0, 0.1: 0, 0.02: 30, 0.015: 60, 0.025: 90}


@dataclass(frozen=True)
class _Condition:
    """What differs from the plain neuron, at which learning rates; a run is watched every ``watch`` updates."""

    lrs: tuple[float, ...]
    watch: int = 0
    neuron: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict)
    neuron_factor: float = 1.0
    others_factor: float = 1.0

    def recipe(self, lr: float, seed: int) -> Recipe:
        plain = {"exponential": True, "lam": 0.1} if self.neuron else {}
        own: dict[str, Any] = {"watch": self.watch, "lr": self.others_factor * lr, **self.settings}
        if self.neuron_factor != self.others_factor:
            own["neuron_lr"] = self.neuron_factor * lr
        if self.settings.get("cut_at") == _RANDOM:
            own["cut_at"] = 20 + _tools.stream(seed, "time of the cut") % 100
        return Recipe(**(_COMMON | plain | own), seed=seed)


_RANDOM = -1
_FULL = {"batch_size": None, "epochs": 500}

_CONDITIONS = {
    WITHOUT: _Condition(_TWO, watch=5, neuron=False),
    WITH: _Condition(_ALL, watch=2),
    # Is it the escape to infinity, which the penalty drives?
    "lambda 0": _Condition(_TWO, watch=2, settings={"lam": 0.0}),
    "lambda 100": _Condition(_TWO, settings={"lam": 100.0}),
    # Whose learning rate is it?
    "a tenth for the neuron": _Condition(_TWO, neuron_factor=0.1),
    "a tenth for the neuron, ten times as long": _Condition(
        _ONE, watch=50, neuron_factor=0.1, settings={"epochs": 250}
    ),
    "a tenth for all others": _Condition(_TWO, others_factor=0.1),
    # Does the crossing of the limit do it, and in which direction?
    "neuron cut at the crossing": _Condition(_TWO, watch=2, settings={"cut": "neuron"}),
    "others cut at the crossing": _Condition(_TWO, watch=2, settings={"cut": "others"}),
    "amplitude cut at the crossing": _Condition(_TWO, watch=2, settings={"cut": "amplitude"}),
    "exponent cut at the crossing": _Condition(_TWO, watch=2, settings={"cut": "exponent"}),
    "neuron cut at a random time": _Condition(_TWO, settings={"cut": "neuron", "cut_at": _RANDOM}),
    # Is it Adam, its small batches, the loss, the precision, the width, or the number of samples?
    "full batch": _Condition(_TWO, watch=5, settings=_FULL),
    "gradient descent": _Condition((0.04,), settings={"optimizer": "sgd", "epochs": 75}),
    "gradient descent without the neuron": _Condition(
        (0.04,), neuron=False, settings={"optimizer": "sgd", "epochs": 75}
    ),
    "momentum": _Condition((0.04,), watch=10, settings={"optimizer": "momentum", "epochs": 75}),
    "momentum without the neuron": _Condition(
        (0.04,), neuron=False, settings={"optimizer": "momentum", "epochs": 75}
    ),
    "squared hinge": _Condition(_ONE, settings={"loss": "squared hinge"}),
    "logistic loss": _Condition((0.03, 0.1), settings={"loss": "logistic"}),
    "float64": _Condition(_ONE, settings={"dtype": "float64"}),
    "half as wide": _Condition(_ONE, settings={"width": 0.5}),
    "twice as wide": _Condition(_ONE, settings={"width": 2.0}),
    "n = 500": _Condition(_ONE, settings={"train": 500, "epochs": 100}),
    "n = 8000": _Condition(_ONE, settings={"train": 8000, "epochs": 6}),
    # Remedies.
    "gradient clipped to norm 1": _Condition(_ONE, settings={"clip_norm": 1.0}),
    "cosine schedule": _Condition(_ONE, settings={"schedule": "cosine"}),
    "exponent cut off at 3": _Condition(_ONE, settings={"max_exponent": 3.0}),
    "neuron off at the start": _Condition(_ONE, settings={"a": 0.0, "w_std": 0.0}),
    "inputs as they are": _Condition(_ONE, settings={"standardize": "none"}),
}


def study_recipe(condition: str, lr: float, seed: int, **more: Any) -> Recipe:
    """Return one run of the study: spheres with radii 1 and 1.5, n = 2000, and Adam for 25 epochs.

    Parameters
    ----------
    condition : str
        What differs from the plain neuron, such as ``"cosine schedule"``.
    lr : float
        Learning rate; any, also one that the study does not have.
    seed : int
    **more
        Further settings of the `Recipe`, such as ``watch=1``.

    Raises
    ------
    ValueError
        If there is no such condition.

    Examples
    --------
    >>> study_recipe("gradient clipped to norm 1", 0.03, seed=0).clip_norm
    1.0
    """
    return replace(_CONDITIONS[_tools.known("condition", condition, _CONDITIONS)].recipe(lr, seed), **more)


def study(profile: str) -> Iterator[tuple[str, float, Recipe]]:
    """Yield the name of the condition, the learning rate and the recipe of each run of the study, seed by seed.

    Parameters
    ----------
    profile : {"quick", "laptop"}
        Quick: a tenth of the samples and two seeds at each learning rate, in seconds. Laptop: thirty seeds at each,
        in an hour.

    Raises
    ------
    ValueError
        If there is no such profile.

    Examples
    --------
    >>> len(list(study("quick")))
    88
    """
    quick = _tools.known("profile", profile, ("quick", "laptop")) == "quick"
    for index in range(2 if quick else SEEDS):
        for name, condition in _CONDITIONS.items():
            for lr in condition.lrs:
                recipe = condition.recipe(lr, _FIRST_SEED[lr] + index)
                yield name, lr, _small(recipe) if quick else recipe


def with_conditions(rows: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Return the runs of the study, seed by seed, each with its ``condition`` and the learning rate it is ``at``.

    Raises
    ------
    ValueError
        If a run is not one of the study.
    """
    found = {Recipe.from_row(row): row for row in rows}
    named = [
        {"condition": name, "at": lr, **found.pop(recipe)}
        for seed in sorted({recipe.seed for recipe in found})
        for name, condition in _CONDITIONS.items()
        for lr in condition.lrs
        for recipe in (condition.recipe(lr, seed), _small(condition.recipe(lr, seed)))
        if recipe in found
    ]
    if found:
        raise ValueError(
            f"expected runs of {' or '.join(STUDIES)}, got one of {next(iter(found)).problem}: read its table"
        )
    return named


def _small(recipe: Recipe) -> Recipe:
    assert recipe.train is not None
    return replace(recipe, train=recipe.train // 10)
