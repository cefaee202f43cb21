"""Seven searchers with one protocol: ask for a setting and a budget, train, tell the value, and ask again.

Each algorithm is a generator: it yields the setting that it wants trained, with the budget, and receives the value.
So it reads from top to bottom, as in a textbook; `Searcher` gives it its two doors, ask and tell.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Generator, Iterable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve
from scipy.spatial.distance import cdist
from scipy.stats import norm

from enlib import _tools
from enlib.search.space import Setting, Space

Array = npt.NDArray[np.float64]
Asked = tuple[Setting, int]
Algorithm = Generator[Asked, float, None]
Rungs = list[tuple[int, int]]


class Searcher:
    """A search that is asked for a setting and a budget, and told the value that came of them. Smaller is better.

    Parameters
    ----------
    algorithm : generator
        Yields (setting, budget), and receives the value.

    Examples
    --------
    >>> def two_tries():
    ...     first = yield {"lr": 0.1}, 9
    ...     if first > 0.2:
    ...         yield {"lr": 0.01}, 9
    >>> searcher = Searcher(two_tries())
    >>> setting, budget = searcher.ask()
    >>> searcher.tell(setting, budget, 0.5)
    >>> searcher.ask()
    ({'lr': 0.01}, 9)
    """

    def __init__(self, algorithm: Algorithm) -> None:
        self._algorithm = algorithm
        self._asked = next(algorithm, None)

    def ask(self) -> Asked | None:
        """Return the next setting and the budget to train it for, the same until it is told; None at the end."""
        return self._asked

    def tell(self, setting: Setting, budget: int, value: float) -> None:
        """Take the value of what was asked for; NaN, from a run that diverged, counts as infinite.

        Raises
        ------
        ValueError
            If it is the value of another setting or budget.
        """
        if (setting, budget) != self._asked:
            raise ValueError(f"expected the value of {self._asked}, got that of {(setting, budget)}: ask first")
        value = float(value)
        try:
            self._asked = self._algorithm.send(math.inf if math.isnan(value) else value)
        except StopIteration:
            self._asked = None


class GridSearch(Searcher):
    """Every combination of evenly spaced values, in random order, for whoever stops early; then it ends.

    Parameters
    ----------
    space : Space
    budget : int
        What every setting is trained for.
    seed : int
        Of the order.
    levels : int
        Values of each hyper-parameter, both limits among them; of a choice all are taken.

    Examples
    --------
    >>> search = GridSearch(Space(lr=("log", 0.01, 1.0), momentum=("choice", 0, 0.9)), budget=81, seed=0, levels=3)
    >>> search.ask()
    ({'lr': 0.1, 'momentum': 0.9}, 81)
    """

    def __init__(self, space: Space, *, budget: int, seed: int, levels: int = 5) -> None:
        rng, levels = _rng(seed), _tools.count("levels", levels, least=2)

        def algorithm() -> Algorithm:
            settings = space.grid(levels)
            for index in rng.permutation(len(settings)):
                yield settings[index], budget

        super().__init__(algorithm())


class RandomSearch(Searcher):
    """Settings drawn uniformly from the unit cube, without end.

    Parameters
    ----------
    space, budget, seed
        As for `GridSearch`.

    Examples
    --------
    >>> setting, budget = RandomSearch(Space(lr=("log", 0.01, 1.0)), budget=81, seed=0).ask()
    >>> round(setting["lr"], 3), budget
    (0.188, 81)
    """

    def __init__(self, space: Space, *, budget: int, seed: int) -> None:
        rng = _rng(seed)

        def algorithm() -> Algorithm:
            while True:
                yield space.setting(rng.random(len(space))), budget

        super().__init__(algorithm())


def _halving(space: Space, rungs: Rungs, rng: np.random.Generator) -> Algorithm:
    """Draw as many settings as the first rung has, and keep on each rung the best of the one before."""
    settings = [space.setting(rng.random(len(space))) for _ in range(rungs[0][0])]
    for trials, budget in rungs:
        settings = settings[:trials]
        values = []
        for setting in settings:
            values.append((yield setting, budget))
        settings = [settings[i] for i in np.argsort(values, kind="stable")]


class SuccessiveHalving(Searcher):
    """Many random settings for a small budget, the best of them for a larger one, and so on; then it starts anew.

    Parameters
    ----------
    space : Space
    budgets : sequence of int
        Of the rungs, ascending.
    seed : int
        Of the settings.
    trials : int
        Settings on the first rung.
    eta : int
        Each rung keeps one setting in ``eta``, at least one.

    Raises
    ------
    ValueError
        If the budgets do not ascend, or a number is out of range.

    Notes
    -----
    K. Jamieson, A. Talwalkar, *Non-stochastic Best Arm Identification*, arXiv:1502.07943.

    Examples
    --------
    >>> search = SuccessiveHalving(Space(lr=("log", 0.01, 1.0)), budgets=(1, 3), seed=0, trials=3)
    >>> told = []
    >>> for value in (0.3, 0.1, 0.2, 0.1):
    ...     told.append(search.ask())
    ...     search.tell(*told[-1], value)
    >>> [budget for _, budget in told], told[3][0] == told[1][0]
    ([1, 1, 1, 3], True)
    """

    def __init__(self, space: Space, *, budgets: Sequence[int], seed: int, trials: int, eta: int = 3) -> None:
        rng, eta = _rng(seed), _tools.count("eta", eta, least=2)
        steps = [_tools.count("a budget", budget) for budget in budgets]
        if not steps or steps != sorted(set(steps)):
            raise ValueError(f"expected ascending budgets, got {_tools.shown(budgets)}: pass some such as (1, 3, 9)")
        trials = _tools.count("trials", trials)
        rungs = [(max(1, trials // eta**i), budget) for i, budget in enumerate(steps)]

        def algorithm() -> Algorithm:
            while True:
                yield from _halving(space, rungs, rng)

        super().__init__(algorithm())


def hyperband_brackets(budget: int, eta: int = 3) -> list[Rungs]:
    """Return Hyperband's brackets, the most eager one first: for each rung, how many settings, and their budget.

    With :math:`s_{max} = \\lfloor \\log_\\eta R \\rfloor`, bracket s starts
    :math:`\\lceil (s_{max} + 1) \\eta^s / (s + 1) \\rceil` settings on :math:`R \\eta^{-s}`. All in whole numbers:
    rounded, log(243) / log(3) is below 5.

    Parameters
    ----------
    budget : int
        The largest budget R of one setting; others are rounded down to whole epochs.
    eta : int
        Each rung keeps one setting in ``eta``.

    Notes
    -----
    L. Li, K. Jamieson, G. DeSalvo, A. Rostamizadeh, A. Talwalkar, *Hyperband*, arXiv:1603.06560.

    Examples
    --------
    >>> for rungs in hyperband_brackets(9):
    ...     print(rungs)
    [(9, 1), (3, 3), (1, 9)]
    [(5, 3), (1, 9)]
    [(3, 9)]
    """
    budget, eta = _tools.count("budget", budget), _tools.count("eta", eta, least=2)
    most = 0
    while eta ** (most + 1) <= budget:
        most += 1
    brackets = []
    for s in range(most, -1, -1):
        trials = -(-(most + 1) * eta**s // (s + 1))
        brackets.append([(trials // eta**i, budget // eta ** (s - i)) for i in range(s + 1)])
    return brackets


class Hyperband(Searcher):
    """Successive halving from every starting budget, the smallest first, over and over; see `hyperband_brackets`.

    Parameters
    ----------
    space, budget, seed
        As for `GridSearch`; the budget is the largest one.
    eta : int
        Each rung keeps one setting in ``eta``.

    Examples
    --------
    >>> Hyperband(Space(lr=("log", 0.01, 1.0)), budget=81, seed=0).ask()[1]
    1
    """

    def __init__(self, space: Space, *, budget: int, seed: int, eta: int = 3) -> None:
        rng, brackets = _rng(seed), hyperband_brackets(budget, eta)

        def algorithm() -> Algorithm:
            for rungs in itertools.cycle(brackets):
                yield from _halving(space, rungs, rng)

        super().__init__(algorithm())


def _matern(a: Array, b: Array, scale: float) -> Array:
    r = np.sqrt(5) * cdist(a, b) / scale
    kernel: Array = (1 + r + r**2 / 3) * np.exp(-r)
    return kernel


def _surrogate(x: Array, y: Array, new: Array) -> tuple[Array, Array]:
    """Return mean and standard deviation at new points of the likeliest of a few Gaussian processes."""
    fits = []
    for scale, noise in itertools.product((0.1, 0.2, 0.4, 0.8), (1e-4, 1e-2)):
        factor = cho_factor(_matern(x, x, scale) + noise * np.eye(len(x)), lower=True)
        weights = cho_solve(factor, y)
        fits.append((-y @ weights / 2 - np.log(np.diag(factor[0])).sum(), scale, factor, weights))
    _, scale, factor, weights = max(fits, key=lambda fit: fit[0])
    cross = _matern(new, x, scale)
    variance = 1 - (cross * cho_solve(factor, cross.T).T).sum(axis=1)
    return cross @ weights, np.sqrt(np.maximum(variance, 1e-12))


class BayesianOptimization(Searcher):
    """Where a Gaussian process, fitted to what is known, expects the largest improvement; without end.

    Parameters
    ----------
    space, budget, seed
        As for `GridSearch`.
    first : int
        Random settings before the first model.
    candidates : int
        Random points among which the largest expected improvement is sought.

    Notes
    -----
    J. Snoek, H. Larochelle, R. P. Adams, *Practical Bayesian Optimization of Machine Learning Algorithms*,
    arXiv:1206.2944. The kernel is Matérn's with 5/2; its length scale and the noise are the likeliest of a few. An
    infinite value counts as the largest finite one.

    Examples
    --------
    >>> search = BayesianOptimization(Space(x=("linear", 0.0, 1.0)), budget=1, seed=0, first=3)
    >>> for _ in range(20):
    ...     setting, budget = search.ask()
    ...     search.tell(setting, budget, (setting["x"] - 0.3) ** 2)
    >>> abs(search.ask()[0]["x"] - 0.3) < 0.05
    True
    """

    def __init__(self, space: Space, *, budget: int, seed: int, first: int = 5, candidates: int = 200) -> None:
        rng = _rng(seed)
        first, candidates = _tools.count("first", first, least=2), _tools.count("candidates", candidates)

        def algorithm() -> Algorithm:
            points: list[Array] = []
            values: list[float] = []
            while True:
                point = rng.random(len(space))
                if len(points) >= first:
                    new, y = rng.random((candidates, len(space))), _standardized(values)
                    mean, deviation = _surrogate(np.array(points), y, new)
                    z = (y.min() - mean) / deviation
                    point = new[np.argmax(deviation * (z * norm.cdf(z) + norm.pdf(z)))]
                points.append(point)
                values.append((yield space.setting(point), budget))

        super().__init__(algorithm())


def _standardized(values: Iterable[float]) -> Array:
    y = np.array(list(values))
    finite = y[np.isfinite(y)]
    y = np.minimum(y, finite.max(initial=0.0))
    scaled: Array = (y - y.mean()) / (y.std() or 1.0)
    return scaled


class GeneticAlgorithm(Searcher):
    """Generations: the better half survives, and its children, mixed and mutated, replace the other half.

    Parameters
    ----------
    space, budget, seed
        As for `GridSearch`.
    population : int
        An even number of settings.
    mutation : float
        Standard deviation of a mutation, as a share of each axis.

    Examples
    --------
    >>> search = GeneticAlgorithm(Space(x=("linear", 0.0, 1.0)), budget=1, seed=0)
    >>> for _ in range(200):
    ...     setting, budget = search.ask()
    ...     search.tell(setting, budget, abs(setting["x"] - 0.3))
    >>> abs(setting["x"] - 0.3) < 0.3
    True
    """

    def __init__(self, space: Space, *, budget: int, seed: int, population: int = 10, mutation: float = 0.1) -> None:
        rng = _rng(seed)
        half = _tools.count("half of the population", population // 2)
        mutation = _tools.positive("mutation", mutation)

        def algorithm() -> Algorithm:
            units, values = rng.random((2 * half, len(space))), []
            for unit in units:
                values.append((yield space.setting(unit), budget))
            while True:
                best = np.argsort(values, kind="stable")[:half]
                units, values = units[best], [values[i] for i in best]
                mothers, fathers = rng.integers(half, size=(2, half))
                children = np.where(rng.random((half, len(space))) < 0.5, units[mothers], units[fathers])
                children = (children + mutation * rng.standard_normal(children.shape)).clip(0, 1)
                for child in children:
                    values.append((yield space.setting(child), budget))
                units = np.concatenate([units, children])

        super().__init__(algorithm())


class ParticleSwarm(Searcher):
    """Particles that fly on, drawn to the best place that each has seen and to the best that any has seen.

    Parameters
    ----------
    space, budget, seed
        As for `GridSearch`.
    particles : int
        Number of particles.
    start : float
        Share of each axis, from its lower end, in which the particles start.

    Notes
    -----
    The constants are those of M. Clerc, J. Kennedy, *The particle swarm: explosion, stability, and convergence*, IEEE
    Transactions on Evolutionary Computation 6 (2002). A particle that would leave the cube stays on its face.

    Examples
    --------
    >>> search = ParticleSwarm(Space(x=("linear", 0.0, 1.0)), budget=1, seed=0)
    >>> for _ in range(200):
    ...     setting, budget = search.ask()
    ...     search.tell(setting, budget, abs(setting["x"] - 0.3))
    >>> abs(setting["x"] - 0.3) < 0.1
    True
    """

    INERTIA, PULL = 0.7298, 1.4962

    def __init__(self, space: Space, *, budget: int, seed: int, particles: int = 10, start: float = 1.0) -> None:
        rng, particles = _rng(seed), _tools.count("particles", particles)
        start = _tools.positive("start", start)

        def algorithm() -> Algorithm:
            x, best = start * rng.random((particles, len(space))), np.full(particles, math.inf)
            v, at = np.zeros_like(x), x.copy()
            while True:
                for i in range(particles):
                    value = yield space.setting(x[i]), budget
                    if value < best[i]:
                        best[i], at[i] = value, x[i]
                own, common = rng.random((2, *x.shape))
                v = self.INERTIA * v + self.PULL * (own * (at - x) + common * (at[best.argmin()] - x))
                x = (x + v).clip(0, 1)

        super().__init__(algorithm())


def _rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(_tools.count("seed", seed, least=0))
