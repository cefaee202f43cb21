"""``python -m enlib replicate``: every table of the report, with seeds."""

from __future__ import annotations

import argparse
import fnmatch
import os
import sys
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from enlib import _tools
from enlib._tools import resolve_device
from enlib.datasets import load
from enlib.replication import (
    PROTOCOL,
    TABLES,
    Journal,
    Remaining,
    Row,
    experiments,
    identify,
    read_manifest,
    read_rows,
    run_local,
    units,
)
from enlib.replication.local import Done
from enlib.replication.machine import identity
from enlib.replication.work import Unit

ENGINES = ("local", "ray")
FILES = ("replication.sqlite", "replication.csv")


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
    option(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        help="processes, a thread each; with Ray the whole cluster computes",
    )
    option("--device", default="cpu", help="cpu, cuda, mps, auto")
    option("--address", help="of the Ray cluster; by default one on this machine")
    option("--list", action="store_true", help="list the problems and what is done of them, and stop")
    option("--again", action="store_true", help="make the runs again, and compare them with those that are there")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Do what is missing; Ctrl-C and the like cost at most the runs in flight."""
    chosen = _chosen(options)
    if (options.list or options.again) and not any((options.out / name).exists() for name in FILES):
        if options.again:
            raise ValueError(f"expected finished runs in {options.out} to make again, got none: leave --again out")
        print(_listing(chosen, set()))
        return 0
    if options.list:
        print(_listing(chosen, set(_recorded(options.out))))
        return 0
    if options.again:
        return _compare(chosen, _recorded(options.out), options)
    with Journal(options.out, protocol=PROTOCOL, identify=identify) as journal:
        added = 0
        try:
            for new in _do(chosen, journal, options):
                added += new
        finally:
            if journal.finished():
                _note_images(journal)
                journal.export(order=_order)
            print(_summary(chosen, journal.finished(), added, options.out), flush=True)
    return 0


def _chosen(options: argparse.Namespace) -> list[Unit]:
    """Return the units asked for, by seed: wherever one stops, what is there is complete pairs."""
    _tools.known("engine", options.engine, ENGINES)
    _tools.count("--workers", options.workers)
    if options.engine == "local":
        resolve_device(options.device)
        if options.address is not None:
            raise ValueError(f"expected --engine ray with --address {options.address}, got 'local': add --engine ray")
    listed = experiments(options.table, options.profile)
    if not listed:
        raise ValueError(
            f"expected problems in table {options.table} of profile {options.profile}, got none: take another one"
        )
    if options.only:
        names = [experiment.problem for experiment in listed]
        listed = [e for e in listed if fnmatch.fnmatchcase(e.problem, options.only)]
        if not listed:
            _tools.known("problem", options.only, names)
    found = units(recipe for experiment in listed for recipe in experiment.recipes())
    if options.seeds is not None:
        _tools.count("--seeds", options.seeds)
        found = [unit for unit in found if unit[0].seed < options.seeds]
    return sorted(found, key=lambda unit: unit[0].seed)


def _results(units: Iterable[Unit], options: argparse.Namespace) -> Generator[Done, None, None]:
    """Yield units as the engine is done with them."""
    if options.engine == "ray":
        from enlib.replication.cluster import run_ray  # an extra: Ray is never needed on one machine

        yield from run_ray(units, address=options.address, device=options.device)
    else:
        yield from run_local(units, workers=options.workers, device=options.device)


def _do(chosen: Sequence[Unit], journal: Journal, options: argparse.Namespace) -> Iterator[int]:
    """Do what is missing; yield how many runs each unit added to the journal."""
    wanted, finished = _identities(chosen), journal.finished()
    missing = [unit for unit in chosen if any(recipe.identity not in finished for recipe in unit)]
    if not missing:
        return
    _fetch(missing, options)
    remaining = Remaining(missing)
    progress = _Progress(len(wanted), remaining)
    # Two sweeps on one folder share the work: a lock for each unit in flight, which ends with its process.
    folder, locks = options.out / ".locks", dict[Unit, FileLock]()
    folder.mkdir(exist_ok=True)
    (folder / ".gitignore").write_text("*\n", encoding="utf-8")

    def free() -> Iterator[Unit]:
        left = missing
        while left:
            locked = []
            for unit in left:
                lock = FileLock(folder / f"{unit[0].identity}.lock")
                try:
                    lock.acquire(blocking=False)
                except Timeout:
                    locked.append(unit)
                    continue
                if journal.finished() >= _identities([unit]):
                    lock.release()
                    remaining.drop(unit)
                    continue
                locks[unit] = lock
                yield unit
            if len(locked) == len(left):
                # Each is in the hands of another process. Had one of these died meanwhile, its unit would be free.
                return
            left = locked

    try:
        with closing(_results(remaining.taken(free()), options)) as results:
            for done in results:
                added = journal.add_all(done.rows, machine=done.machine)
                locks.pop(done.unit).release()
                remaining.done(done.unit, done.seconds)
                progress.show(len(wanted & journal.finished()))
                yield added
    finally:
        progress.close()


def _fetch(units: Sequence[Unit], options: argparse.Namespace) -> None:
    """Load the images once: should they be missing, it shows now and not in the middle of the night."""
    if options.engine == "local":
        for name in sorted({unit[0].data for unit in units if unit[0].train is None}):
            load(name, seed=0)


def _identities(units: Iterable[Unit]) -> set[str]:
    return {recipe.identity for unit in units for recipe in unit}


def _summary(chosen: Sequence[Unit], finished: set[str], added: int, out: Path) -> str:
    """Say what there is now; in the end as after Ctrl-C."""
    wanted = _identities(chosen)
    missing = len(wanted - finished)
    lines = [f"{len(wanted) - missing} of {len(wanted)} runs in {out / 'replication.csv'}, {added} of them new"]
    if not missing and not added:
        lines[0] = f"nothing to do: all {len(wanted)} runs were in {out / 'replication.csv'}"
    if missing:
        lines.append(f"{missing} runs are missing, or under way in another process: the same command does them")
    return "\n".join(lines)


def _recorded(out: Path) -> dict[str, Row]:
    """Return the runs that there are; where there is only a table, as after git clone, no journal is made of it."""
    journal, table = (out / name for name in FILES)
    if table.exists() and not journal.exists() and read_manifest(out)["protocol"] == PROTOCOL:
        return {str(row["run"]): row for row in read_rows(out)}
    with Journal(out, protocol=PROTOCOL, identify=identify) as opened:
        return {str(row["run"]): row for row in opened.rows()}


def _note_images(journal: Journal) -> None:
    """Write into the manifest which images the runs saw; drawn data have a digest for each seed, in the table."""
    for data, digest in {(row["data"], row["data_digest"]) for row in journal.rows() if row["train"] is None}:
        journal.note(f"digest of {data}", str(digest))


def _compare(chosen: Sequence[Unit], recorded: Mapping[str, Row], options: argparse.Namespace) -> int:
    """Make runs again, and say where they differ from those that were recorded."""
    again = [unit for unit in chosen if not recorded.keys().isdisjoint(_identities([unit]))]
    if not again:
        raise ValueError(f"expected finished runs of these in {options.out}, got none: leave --again out")
    remaining = Remaining(again)
    progress = _Progress(sum(map(len, again)), remaining)
    seen = same = different = elsewhere = 0
    try:
        with closing(_results(remaining.taken(again), options)) as results:
            for done in results:
                for row in done.rows:
                    seen += 1
                    before = recorded.get(identify(row))
                    if before is None:
                        continue
                    columns = [name for name, value in row.items() if repr(value) != repr(before.get(name))]
                    same += not columns
                    if columns:
                        elsewhere += before["machine"] != identity(done.machine)
                        different += 1
                        what = f"{row['problem']}, seed {row['seed']}, run {before['run']}"
                        print(f"{what}: {', '.join(columns)} differ", flush=True)
                remaining.done(done.unit, done.seconds)
                progress.show(seen)
    finally:
        progress.close()
        print(f"{same} runs the same to the last bit, {different} different")
        if elsewhere:
            print(
                f"{elsewhere} of the different ones were recorded on another machine, with another version or from "
                "another commit, where rounding may differ"
            )
    return 1 if different else 0


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

    def __init__(self, total: int, remaining: Remaining) -> None:
        self._total, self._remaining = total, remaining
        self._terminal = sys.stderr.isatty()
        self._last = time.monotonic()
        self._open = False

    def show(self, done: int) -> None:
        now = time.monotonic()
        if not self._terminal and now - self._last < 60:
            return
        self._last, self._open = now, self._terminal
        line = f"{done} of {self._total} runs, {self._remaining}".ljust(60)
        print(line, end="\r" if self._terminal else "\n", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Leave the line to what is printed next."""
        if self._open:
            print(file=sys.stderr, flush=True)
            self._open = False
