"""Work spread over the cores of this machine: processes of one thread each that end with the one that starts them."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import TypeVar

import torch
from tqdm import tqdm

from enlib import _tools

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_workers(
    work: Callable[[Item], Result], items: Iterable[Item], *, workers: int
) -> Generator[Result, None, None]:
    """Yield ``work(item)`` as they are done; each item is taken only when a worker is free for it.

    Whatever ends this early, an error, Ctrl-C or a kill, ends the workers at once, with what they have in hand.

    Parameters
    ----------
    work : callable
        What a process can import; what it raises is raised here. A script that calls this needs the usual
        ``if __name__ == "__main__":``, for each process imports the script.
    items : iterable
    workers : int
        Processes; no more are started than there are items.

    Raises
    ------
    ValueError
        If ``workers`` is not positive.
    RuntimeError
        If a worker ends by itself, as for lack of memory; what was yielded before is done.

    Examples
    --------
    >>> import math
    >>> sorted(in_workers(math.sqrt, [1, 4, 9], workers=2))
    [1.0, 2.0, 3.0]
    """
    _tools.count("workers", workers)
    waiting = iter(items)
    context = get_context("spawn")
    # Nothing is ever sent. The end that this process holds closes with it, however it ends, and workers see that.
    listen, hold = context.Pipe(duplex=False)
    with (
        listen,
        hold,
        ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker, initargs=(listen,)) as pool,
    ):
        running = set[Future[Result]]()
        try:
            while True:
                for item in waiting:
                    with _deaf_to_interrupts():
                        running.add(pool.submit(work, item))
                    if len(running) == workers:
                        break
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        except BaseException as error:
            hold.close()
            if isinstance(error, BrokenProcessPool):
                raise RuntimeError(
                    "expected every worker to live, got one that ended: if for lack of memory, start again with "
                    "fewer --workers; if the calling script has no `if __name__ == '__main__':`, add it"
                ) from error
            raise


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
