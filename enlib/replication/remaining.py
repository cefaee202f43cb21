"""How long a sweep still takes, from what it took so far."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from enlib.replication.work import Unit, cost


class Remaining:
    """An estimate of the remaining time of a sweep.

    A kind of network has a rate of its own, seconds by multiplications, as measured on the units of it that are done.
    A kind of which none is done yet counts at the mean rate of the others, and the estimate is a rough one.

    Parameters
    ----------
    units : iterable of tuple of Recipe
        All that there is to do. How many are computed at a time is seen from what is taken and not yet done.

    Examples
    --------
    >>> from enlib.replication import experiments, units
    >>> todo = units(r for e in experiments("2", "quick") for r in e.recipes())
    >>> remaining = Remaining(todo)
    >>> for unit in remaining.taken(todo[:2]): pass  # two workers
    >>> str(remaining)
    'remaining time unknown yet'
    >>> remaining.done(todo[0], seconds=20.0)
    >>> str(remaining)
    'about 53 s left'
    """

    def __init__(self, units: Iterable[Unit]) -> None:
        self._left: dict[str, float] = defaultdict(float)
        self._seconds: dict[str, float] = defaultdict(float)
        self._cost: dict[str, float] = defaultdict(float)
        self._units = 0
        self._running = self._workers = 0
        for unit in units:
            self._left[unit[0].model] += cost(unit)
            self._units += 1

    def taken(self, units: Iterable[Unit]) -> Iterator[Unit]:
        """Yield units to an engine that takes each only when a worker is free for it, and count them as taken."""
        for unit in units:
            self._running += 1
            self._workers = self._running
            yield unit

    def done(self, unit: Unit, seconds: float) -> None:
        """Note that a unit is done, and what time its worker took."""
        kind = unit[0].model
        self._running -= 1
        self.drop(unit)
        self._seconds[kind] += seconds
        self._cost[kind] += cost(unit)

    def drop(self, unit: Unit) -> None:
        """Note that a unit is done elsewhere."""
        self._left[unit[0].model] -= cost(unit)
        self._units -= 1

    def seconds(self) -> float | None:
        """Return the estimate, None before the first unit is done."""
        if not self._cost:
            return None
        mean = sum(self._seconds.values()) / sum(self._cost.values())
        rates = {kind: self._seconds[kind] / self._cost[kind] for kind in self._cost}
        left = sum(left * rates.get(kind, mean) for kind, left in self._left.items())
        return left / max(1, min(self._workers, self._units))

    def __str__(self) -> str:
        seconds = self.seconds()
        if seconds is None:
            return "remaining time unknown yet"
        rough = (
            "very roughly" if any(self._left[kind] and not self._cost.get(kind) for kind in self._left) else "about"
        )
        minutes = round(seconds / 60)
        if seconds < 90:
            return f"{rough} {seconds:.0f} s left"
        if minutes < 90:
            return f"{rough} {minutes} min left"
        return f"{rough} {minutes // 60} h {minutes % 60} min left"
