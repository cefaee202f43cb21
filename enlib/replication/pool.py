"""Worker processes that end with the process that starts them; nothing here imports torch."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_workers(
    work: Callable[[Item], Result], items: Iterable[Item], *, workers: int
) -> Generator[Result, None, None]:
    """Yield ``work(item)`` for each item, in the order in which they finish.

    Whatever ends this early, an error, Ctrl-C or a kill, ends the workers at once. joblib's workers would outlive a
    killed parent until their item is done, minutes later.

    Parameters
    ----------
    work : callable
        What a process can import; what it raises is raised here. A script that calls this needs the usual
        ``if __name__ == "__main__":``, because each process imports the script.
    items : iterable
    workers : int
        Number of processes; no more are started than there are items.

    Raises
    ------
    ValueError
        If ``workers`` is not positive.
    RuntimeError
        If a worker dies, for example for lack of memory; what was yielded before is done.

    Examples
    --------
    >>> import math
    >>> sorted(in_workers(math.sqrt, [1, 4, 9], workers=1))
    [1.0, 2.0, 3.0]
    """
    if workers < 1:
        raise ValueError(f"expected workers >= 1, got {workers}: pass the number of processes")
    items = list(items)
    workers = min(workers, max(1, len(items)))
    context = get_context("spawn")
    # Nothing is ever sent. The end that this process holds closes with it, however it ends, and workers notice.
    listen, hold = context.Pipe(duplex=False)
    with listen, hold:
        with _signals_blocked():
            pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker, initargs=(listen,))
            futures = [pool.submit(work, item) for item in items]
        with pool:
            try:
                for future in as_completed(futures):
                    yield future.result()
            except BaseException as error:
                hold.close()
                if isinstance(error, BrokenProcessPool):
                    raise RuntimeError(
                        "expected every worker to live, got one that died: if it ran out of memory, start again with "
                        "fewer --workers; if the calling script has no `if __name__ == '__main__':`, add it"
                    ) from error
                raise


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Keep what a terminal sends to all processes from the ones started within: it is for this one to handle."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_worker(listen: Connection) -> None:
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)

    def follow() -> None:
        listen.poll(None)
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
