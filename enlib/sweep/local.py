"""Units of work on the cores of this machine, one process and one thread for each."""

from __future__ import annotations

import functools
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection

import torch
from tqdm import tqdm

from enlib import _check
from enlib.results import describe
from enlib.results.machine import Machine
from enlib.sweep.work import Row, Unit, compute

Work = Callable[[Unit, str], list[Row]]


@dataclass(frozen=True)
class Done:
    """A unit that is done, its rows, the seconds that its worker took, and the machine that it ran on."""

    unit: Unit
    rows: list[Row]
    seconds: float
    machine: Machine = field(default_factory=describe)


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
    _check.count("workers", workers)
    waiting = iter(units)
    context = get_context("spawn")
    # Nothing is ever sent. The end that this process holds closes with it, however it ends, and workers see that.
    listen, hold = context.Pipe(duplex=False)
    with (
        listen,
        hold,
        ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker, initargs=(listen,)) as pool,
    ):
        running: dict[Future[Done], Unit] = {}
        try:
            while True:
                while len(running) < workers and (unit := next(waiting, None)) is not None:
                    with _deaf_to_interrupts():
                        running[pool.submit(timed, work, unit, device)] = unit
                if not running:
                    return
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    del running[future]
                    yield future.result()
        except BaseException as error:
            hold.close()
            if isinstance(error, BrokenProcessPool):
                raise RuntimeError(
                    "expected every worker to live, got one that was killed, perhaps for lack of memory: start "
                    "again, with fewer --workers if it happens again"
                ) from error
            raise


def timed(work: Work, unit: Unit, device: str) -> Done:
    """Return what ``work`` makes of a unit, and how long it took where."""
    start = time.perf_counter()
    rows = work(unit, device)
    return Done(unit, rows, time.perf_counter() - start, _machine(device))


@functools.lru_cache
def _machine(device: str) -> Machine:
    return describe(device)


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Let the processes that are started within ignore Ctrl-C, which is for this one to handle, a moment later."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_worker(listen: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    # Its own lock would be a semaphore between processes, which one that ends at once leaves behind.
    tqdm.set_lock(threading.RLock())

    def follow() -> None:
        listen.poll(None)
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
