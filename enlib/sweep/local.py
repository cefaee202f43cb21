"""Units of work on the cores of this machine, one process and one thread for each."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context

import torch

from enlib import _check
from enlib.sweep.work import Row, Unit, compute

Work = Callable[[Unit, str], list[Row]]


@dataclass(frozen=True)
class Done:
    """A unit that is done, its rows, and the time that its worker took."""

    unit: Unit
    rows: list[Row]
    seconds: float


def run_local(units: Iterable[Unit], *, workers: int, device: str = "cpu", work: Work = compute) -> Iterator[Done]:
    """Yield units as they are done; each is taken from ``units`` only when a worker is free for it.

    Parameters
    ----------
    units : iterable of Unit
    workers : int
        Processes, one thread each. On a GPU, one is enough.
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
    _check.count("workers", workers)
    waiting = iter(units)
    with ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_start_worker, initargs=(os.getpid(),)
    ) as pool:
        running: dict[Future[Done], Unit] = {}
        try:
            while True:
                while len(running) < workers and (unit := next(waiting, None)) is not None:
                    running[pool.submit(timed, work, unit, device)] = unit
                if not running:
                    return
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    del running[future]
                    yield future.result()
        except BrokenProcessPool as error:
            raise RuntimeError(
                "expected every worker to live, got one that was killed, perhaps for lack of memory: start again, "
                "with fewer --workers if it happens again"
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def timed(work: Work, unit: Unit, device: str) -> Done:
    """Return what ``work`` makes of a unit, and how long it took."""
    start = time.perf_counter()
    rows = work(unit, device)
    return Done(unit, rows, time.perf_counter() - start)


def _start_worker(parent: int) -> None:
    torch.set_num_threads(1)

    def follow() -> None:
        # A pool whose owner is killed leaves its workers running.
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
