"""``python -m enlib replicate``: every table of the report and the study of spikes, with seeds."""

from __future__ import annotations

import argparse
import fnmatch
import functools
import sys
from collections.abc import Collection, Generator, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import joblib
from tqdm import tqdm

from enlib import _tools
from enlib.datasets import load
from enlib.replication import (
    CHECKS,
    LABS,
    PROFILES,
    STUDIES,
    SURFACE,
    SWEEPS,
    Description,
    Finished,
    Journal,
    Made,
    Recipe,
    cost,
    experiments,
    file_of,
    identify,
    in_workers,
    make,
    run_ray,
    study,
    units,
    write_surface,
)

ENGINES = ("local", "ray")
Unit = tuple[Description, ...]


def add_parser(commands: Any) -> None:
    """Add ``replicate`` to the commands."""
    own = (*CHECKS, *STUDIES, SURFACE, *LABS)
    parser = commands.add_parser(
        "replicate",
        help="train every run behind the tables of the report",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        description="Train all runs behind a table, seed by seed, and write them to OUT/replication.csv, those of "
        f"{', '.join(own)} to tables of their own. Stop it whenever you like: started again, it does only what is "
        "missing.",
    )
    option = parser.add_argument
    option("--table", default="all", help=f"{', '.join(SWEEPS)}, all of these, or one of {', '.join(own)}")
    option("--profile", default="quick", help="quick: seconds; laptop: hours")
    option("--only", metavar="PROBLEM", help="only problems of this name, such as mnist-1v7 or 'spheres-*'")
    option("--seeds", type=int, help="only the seeds below this number")
    option("--out", type=Path, default=Path("replication"), help="folder of the results")
    option("--engine", default="local", help=", ".join(ENGINES))
    option(
        "--workers",
        type=int,
        default=joblib.cpu_count(),  # of this process's share of the machine
        help="processes, one thread each; with Ray the whole cluster computes",
    )
    option("--device", default="cpu", help="cpu, cuda, mps, auto")
    option("--address", help="of the Ray cluster; by default one on this machine")
    option("--list", action="store_true", help="list the problems and how many of their runs are done, and stop")
    option("--again", action="store_true", help="make finished runs once more, and compare them with the first ones")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Make the runs that are missing; an interruption costs at most the runs under way."""
    if options.table == SURFACE:
        return _surface(options)
    chosen = _chosen(options)
    journal = Journal(options.out, file_of(options.table), _kind(options))
    recorded = journal.read()
    if options.list:
        print(_listing(chosen, recorded.rows.keys()))
        return 0
    if options.again:
        return _compare(chosen, recorded, options)
    missing = [unit for unit in chosen if not recorded.rows.keys() >= _identities([unit])]
    if not missing:
        if recorded.unwritten:  # by a sweep that was killed
            recorded = journal.export()
        _say(recorded.disagreements)
        print(f"nothing to do: all {len(_identities(chosen))} runs are in {journal.table}")
        return 0
    _load_images(missing, options)
    try:
        _make_all(missing, journal, options)
    finally:
        finished = journal.export()
        _say(finished.disagreements)
        print(_summary(chosen, recorded.rows.keys(), finished.rows.keys(), journal.table), flush=True)
    return 0


def _surface(options: argparse.Namespace) -> int:
    """Make the table for searches, one seed at a time; it has no runs to list or to compare."""
    usual = {"--only": None, "--list": False, "--again": False, "--engine": "local", "--device": "cpu"}
    for name, value in usual.items():
        if getattr(options, name.removeprefix("--")) != value:
            raise ValueError(f"expected --table {SURFACE} without {name}, got it: leave it out")
    _tools.count("--workers", options.workers)
    if options.seeds is not None:
        _tools.count("--seeds", options.seeds)
    print(write_surface(options.out, profile=options.profile, seeds=options.seeds, workers=options.workers))
    return 0


def _say(disagreements: Iterable[str]) -> None:
    for disagreement in disagreements:
        print(f"two results of one run, of which the first stands: {disagreement}")


def _chosen(options: argparse.Namespace) -> list[Unit]:
    """Return the units asked for, ordered by seed, so that an interrupted sweep still holds complete pairs."""
    _tools.known("engine", options.engine, ENGINES)
    _tools.count("--workers", options.workers)
    if options.engine == "local":
        _tools.resolve_device(options.device)
        if options.address is not None:
            raise ValueError(f"expected --engine ray with --address {options.address}, got 'local': add --engine ray")
    found: list[Unit]
    if options.table in LABS:
        found = [*LABS[options.table].units(_tools.known("profile", options.profile, PROFILES))]
    elif options.table in STUDIES:
        found = [*units(recipe for _, _, recipe in study(options.profile))]
    else:
        found = [*units(run for each in experiments(options.table, options.profile) for run in each.recipes())]
    if not found:
        raise ValueError(
            f"expected problems in table {options.table} of profile {options.profile}, got none: choose another one"
        )
    if options.only is not None:
        names = dict.fromkeys(unit[0].problem for unit in found)
        found = [unit for unit in found if fnmatch.fnmatchcase(unit[0].problem, options.only)]
        if not found:
            _tools.known("problem", options.only, names)
    if options.seeds is not None:
        _tools.count("--seeds", options.seeds)
        found = [unit for unit in found if unit[0].seed < options.seeds]
    return sorted(found, key=lambda unit: unit[0].seed)


def _make_all(missing: Sequence[Unit], journal: Journal, options: argparse.Namespace) -> None:
    """Make units and keep them. Two sweeps on one folder share the work: each leaves alone what the other claimed."""
    with _progress(missing) as bar:
        while missing:
            elsewhere = []
            for made in _results(missing, options, journal):
                if made.rows is None:
                    elsewhere.append(made.unit)
                    continue
                bar.update(cost(made.unit))
            if len(elsewhere) == len(missing):
                return
            # Had the other process died meanwhile, its units would be free.
            missing = elsewhere


def _results(
    todo: Sequence[Unit], options: argparse.Namespace, journal: Journal | None = None
) -> Generator[Made, None, None]:
    """Yield units as the engine finishes them; with a journal they are kept there."""
    how = {"device": options.device} | ({"work": LABS[options.table].work} if options.table in LABS else {})
    if options.engine == "ray":
        with closing(run_ray(todo, address=options.address, **how)) as results:
            for made in results:
                if journal is not None and made.rows is not None:
                    journal.keep(made.unit, made.rows, made.machine)
                yield made
        return
    work = functools.partial(make, journal=journal, **how)
    with closing(in_workers(work, todo, workers=options.workers)) as results:
        yield from results


def _progress(todo: Iterable[Unit]) -> tqdm[Any]:
    """Return a progress bar; without a terminal it prints a line a minute."""
    terminal = sys.stderr is not None and sys.stderr.isatty()
    return tqdm(
        total=sum(map(cost, todo)),
        bar_format="{percentage:3.0f} % done, {remaining} left" + ("" if terminal else "\n"),
        mininterval=0.1 if terminal else 60,
        delay=0 if terminal else 60,
        disable=sys.stderr is None,
        leave=False,
    )


def _load_images(todo: Iterable[Unit], options: argparse.Namespace) -> None:
    """Load the images once, so that missing ones are noticed now and not in the middle of the night."""
    if options.engine == "local":
        for name in sorted({r.data for (r, *_) in todo if isinstance(r, Recipe) and r.train is None}):
            load(name, seed=0)


def _identities(todo: Iterable[Unit]) -> set[str]:
    return {recipe.identity for unit in todo for recipe in unit}


def _summary(chosen: Iterable[Unit], before: Iterable[str], now: Iterable[str], table: Path) -> str:
    """Return how many runs are finished, for the end of a sweep, interrupted or not."""
    wanted, now = _identities(chosen), set(now)
    missing, new = len(wanted - now), len(now - set(before))
    lines = [f"{len(wanted) - missing} of {len(wanted)} runs in {table}, {new} of them new"]
    if missing:
        lines.append(f"{missing} runs are missing, or under way in another process: the same command makes them")
    return "\n".join(lines)


def _kind(options: argparse.Namespace) -> type[Description]:
    return LABS[options.table].kind if options.table in LABS else Recipe


def _compare(chosen: Sequence[Unit], recorded: Finished, options: argparse.Namespace) -> int:
    """Make finished runs once more, and print in which columns they differ from those that were recorded."""
    again = [unit for unit in chosen if not recorded.rows.keys().isdisjoint(_identities([unit]))]
    if not again:
        raise ValueError(f"expected finished runs of these in {options.out}, got none: leave --again out")
    same = different = 0
    with _progress(again) as bar:
        try:
            for made in _results(again, options):
                for row in made.rows or ():
                    run, trace = identify(row, _kind(options)), row.pop("trace", [])
                    if run not in recorded.rows:
                        continue
                    columns = recorded.differences(run, row, trace)
                    same += not columns
                    different += bool(columns)
                    if columns:
                        what = f"{row['problem']}, seed {row['seed']}, run {run}"
                        print(f"{what}: {', '.join(columns)} differ", flush=True)
                bar.update(cost(made.unit))
        finally:
            print(f"{same} runs the same to the last bit, {different} different")
    if different:
        print(
            "on another processor, or with another version, rounding may differ: the manifest says what made each run"
        )
    return 1 if different else 0


def _listing(chosen: Sequence[Unit], finished: Collection[str]) -> str:
    lines = [f"{'problem':<30}{'network':>8}{'seeds':>7}{'runs':>7}{'done':>7}"]
    for problem in dict.fromkeys(recipe.problem for unit in chosen for recipe in unit):
        recipes = [recipe for unit in chosen for recipe in unit if recipe.problem == problem]
        done = sum(recipe.identity in finished for recipe in recipes)
        seeds = len({recipe.seed for recipe in recipes})
        lines.append(f"{problem:<30}{recipes[0].network:>8}{seeds:>7}{len(recipes):>7}{done:>7}")
    return "\n".join(lines)
