"""Units of work on the cores of this machine, one process and one thread for each."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from enlib.replication.machine import Machine, describe
from enlib.replication.work import Row, Unit, compute
from enlib.replication.workers import in_workers

Work = Callable[[Unit, str], list[Row]]


@dataclass(frozen=True)
class Done:
    """A unit that is done, its rows, the seconds that its worker took, and the machine that it ran on."""

    unit: Unit
    rows: list[Row]
    seconds: float
    machine: Machine


def run_local(units: Iterable[Unit], *, workers: int, device: str = "cpu", work: Work = compute) -> Iterator[Done]:
    """Yield units as they are done; each is taken from ``units`` only when a worker is free for it.

    Whatever ends this early, an error, Ctrl-C or a kill, ends the workers at once, with what they have in hand.

    Parameters
    ----------
    units : iterable of Unit
    workers : int
        Processes, one thread each; no more are started than there are units. On a GPU, one is enough.
    device : str
    work : callable
        What to do with a unit.

    Raises
    ------
    ValueError
        If ``workers`` is not positive.
    RuntimeError
        If a worker dies, as for lack of memory; what was yielded before is done.
    """
    return in_workers(functools.partial(timed, work, device=device), units, workers=workers)


def timed(work: Work, unit: Unit, device: str) -> Done:
    """Return what ``work`` makes of a unit, and how long it took where."""
    machine = _machine(device)  # as it is before: the code may be edited while a long run goes on
    start = time.perf_counter()
    rows = work(unit, device)
    return Done(unit, rows, time.perf_counter() - start, machine)


@functools.lru_cache
def _machine(device: str) -> Machine:
    return describe(device)
