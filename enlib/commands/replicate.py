"""``python -m enlib replicate``: every table of the report, with seeds."""

from __future__ import annotations

import argparse
import fnmatch
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from enlib import _check
from enlib.results import Journal, describe
from enlib.results.tidy import Row
from enlib.sweep import PROTOCOL, TABLES, Remaining, experiments, identify, run_local, units
from enlib.sweep.local import Done
from enlib.sweep.work import Unit

ENGINES = ("local", "ray")


def add_parser(commands: Any) -> None:
    """Add ``replicate`` to the commands."""
    parser = commands.add_parser(
        "replicate",
        help="train every run behind the tables of the report",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        description="Train all runs behind a table, without and with the neuron, seed by seed, and write them to "
        "OUT/replication.csv. Stop it whenever you like: started again, it does only what is missing.",
    )
    option = parser.add_argument
    option("--table", default="all", help=", ".join([*TABLES, "all"]))
    option("--profile", default="quick", help="quick: seconds; laptop: hours; paper: 20 seeds and the full grid")
    option("--only", metavar="PROBLEM", help="only problems of this name, such as mnist-1v7 or 'spheres-*'")
    option("--seeds", type=int, help="only the seeds below this number")
    option("--out", type=Path, default=Path("replication"), help="folder of the results")
    option("--engine", default="local", help=", ".join(ENGINES))
    option("--workers", type=int, default=os.cpu_count() or 1, help="processes of the local engine, a thread each")
    option("--device", default="cpu", help="cpu, cuda, mps, auto")
    option("--address", help="of the Ray cluster; by default one on this machine")
    option("--list", action="store_true", help="list the problems and what is done of them, and stop")
    option("--again", action="store_true", help="make the runs again, and compare them with those that are there")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Do what is missing; Ctrl-C and the like cost at most the runs in flight."""
    chosen = _chosen(options)
    with Journal(options.out, protocol=PROTOCOL, identify=identify) as journal:
        if options.list:
            print(_listing(chosen, journal.finished()))
            return 0
        if options.again:
            return _compare(chosen, journal, _engine(options))
        try:
            _do(chosen, journal, options)
        finally:
            journal.export(order=_order)
        finished = journal.finished()
        missing = sum(recipe.identity not in finished for unit in chosen for recipe in unit)
        print(
            f"{sum(map(len, chosen)) - missing} of {sum(map(len, chosen))} runs in {options.out / 'replication.csv'}"
        )
        if missing:
            print(f"{missing} runs are under way in another process on {options.out}")
    return 0


def _chosen(options: argparse.Namespace) -> list[Unit]:
    """Return the units asked for, by seed: wherever one stops, what is there is complete pairs."""
    _check.known("engine", options.engine, ENGINES)
    _check.count("--workers", options.workers)
    listed = experiments(options.table, options.profile)
    if options.only:
        names = [experiment.problem for experiment in listed]
        listed = [e for e in listed if fnmatch.fnmatchcase(e.problem, options.only)]
        if not listed:
            _check.known("problem", options.only, names)
    found = units(recipe for experiment in listed for recipe in experiment.recipes())
    if options.seeds is not None:
        _check.count("--seeds", options.seeds)
        found = [unit for unit in found if unit[0].seed < options.seeds]
    return sorted(found, key=lambda unit: unit[0].seed)


def _engine(options: argparse.Namespace) -> Callable[[Iterable[Unit]], Iterator[Done]]:
    if options.engine == "ray":
        from enlib.sweep.cluster import run_ray  # an extra: Ray is never needed on one machine

        return lambda todo: run_ray(todo, address=options.address, device=options.device)
    return lambda todo: run_local(todo, workers=options.workers, device=options.device)


def _do(chosen: Sequence[Unit], journal: Journal, options: argparse.Namespace) -> None:
    finished = journal.finished()
    missing = [unit for unit in chosen if any(recipe.identity not in finished for recipe in unit)]
    machine = describe(options.device)
    remaining = Remaining(missing, options.workers)
    progress = _Progress(sum(map(len, chosen)), sum(map(len, chosen)) - sum(map(len, missing)), remaining)
    # Two sweeps on one folder share the work: a lock for each unit in flight, which ends with its process.
    folder, locks = options.out / ".locks", dict[Unit, FileLock]()
    folder.mkdir(exist_ok=True)

    def free() -> Iterator[Unit]:
        for unit in missing:
            lock = FileLock(folder / f"{unit[0].identity}.lock")
            try:
                lock.acquire(blocking=False)
            except Timeout:
                continue
            if journal.finished() >= {recipe.identity for recipe in unit}:
                lock.release()
                continue
            locks[unit] = lock
            yield unit

    for done in _engine(options)(free()):
        for row in done.rows:
            journal.add(row, machine=machine)
        locks.pop(done.unit).release()
        remaining.done(done.unit, done.seconds)
        progress.add(len(done.unit))


def _compare(chosen: Sequence[Unit], journal: Journal, engine: Callable[[Iterable[Unit]], Iterator[Done]]) -> int:
    """Make runs again, and say where they differ from what is in the journal."""
    recorded = {row["run"]: row for row in journal.rows()}
    same, new, other = 0, 0, []
    for done in engine(chosen):
        for row in done.rows:
            before = recorded.get(identify(row))
            if before is None:
                new += 1
            elif differing := [name for name, value in row.items() if repr(value) != repr(before[name])]:
                other.append(f"{row['problem']}, seed {row['seed']}, {before['run']}: {', '.join(differing)}")
            else:
                same += 1
    print(f"{same} runs the same to the last bit, {len(other)} different, {new} not in the journal")
    print("\n".join(other), end="\n" if other else "")
    return 1 if other else 0


def _listing(chosen: Sequence[Unit], finished: set[str]) -> str:
    lines = [f"{'problem':<28}{'network':>8}{'seeds':>7}{'runs':>7}{'done':>7}"]
    for problem in dict.fromkeys(unit[0].problem for unit in chosen):
        recipes = [recipe for unit in chosen for recipe in unit if recipe.problem == problem]
        done = sum(recipe.identity in finished for recipe in recipes)
        seeds = len({recipe.seed for recipe in recipes})
        lines.append(f"{problem:<28}{recipes[0].model:>8}{seeds:>7}{len(recipes):>7}{done:>7}")
    return "\n".join(lines)


def _order(row: Row) -> tuple[Any, ...]:
    return row["problem"], row["seed"], row["exponential"], row["schedule"], row["lr"], row["lam"]


class _Progress:
    """A line on a terminal, overwritten; elsewhere a line a minute."""

    def __init__(self, total: int, done: int, remaining: Remaining) -> None:
        self._total, self._done, self._remaining = total, done, remaining
        self._terminal = sys.stderr.isatty()
        self._last = time.monotonic()

    def add(self, runs: int) -> None:
        self._done += runs
        now = time.monotonic()
        if not self._terminal and now - self._last < 60:
            return
        self._last = now
        end = "\r" if self._terminal and self._done < self._total else "\n"
        print(
            f"{self._done} of {self._total} runs, {self._remaining}".ljust(60), end=end, file=sys.stderr, flush=True
        )
