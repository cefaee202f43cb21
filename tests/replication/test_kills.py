"""Kills, signals and damaged folders, many times over: nothing lost, nothing twice, no wrong table, no traceback.

The runs are stand-ins, so that a hundred processes can be killed within a minute: each is forked from this one, keeps
units and exports tables as a sweep does, and dies at a random moment.
"""

import itertools
import os
import random
import shutil
import signal
import time

import pytest

from enlib.cli import main
from enlib.replication import Journal, JournalError, Recipe, compute, experiments, read_rows, units

KILLS = 40
MACHINE = {"processor": "one", "threads": 1}
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")]


def unit(seed):
    return tuple(
        Recipe(data="digits-1v7", model="fc1", lr=0.01 * k, epochs=1, seed=seed, exponential=k > 2, lam=0.1 * (k > 2))
        for k in range(1, 5)
    )


def rows(of):
    return [
        {**one.row(), "status": "capped", "train_loss": one.lr * (one.seed + 1), "data_digest": "d"} for one in of
    ]


def forked(work):
    """Run ``work(report)`` in a forked process; return its id and the end of a pipe from which its reports come."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    try:
        work(lambda seed: os.write(writing, bytes([seed])))
    finally:
        os._exit(0)


def kill_after(pid, reading, seconds, how=signal.SIGKILL):
    time.sleep(seconds)
    os.kill(pid, how)
    os.waitpid(pid, 0)
    with os.fdopen(reading, "rb") as pipe:
        return list(pipe.read())


@pytest.fixture
def undisturbed(tmp_path):
    journal = Journal(tmp_path / "undisturbed")
    for seed in range(30):
        journal.keep(unit(seed), rows(unit(seed)), MACHINE)
    journal.export()
    return (journal.folder / "replication.csv").read_bytes()


def sweep(journal, seeds, report, *, exports):
    """What a worker and the process above it do, for stand-ins of runs."""
    for seed in seeds:
        with journal.claim(unit(seed)) as claimed:
            if claimed and not journal.path(unit(seed)).exists():
                journal.keep(unit(seed), rows(unit(seed)), MACHINE)
                report(seed)
        if exports:
            journal.export()


@pytest.mark.parametrize("exports", [False, True], ids=["in a worker", "in an export"])
def test_kills(tmp_path, undisturbed, exports):
    generator, reported = random.Random(exports), []
    journal = Journal(tmp_path / "out")
    for kill in range(KILLS):
        pid, reading = forked(lambda report: sweep(journal, range(30), report, exports=exports))
        reported += kill_after(pid, reading, generator.uniform(0, 0.05))
        if (journal.folder / "replication.csv").exists():
            read_rows(folder=journal.folder)  # whole, whatever was interrupted
        if kill % 8 == 7:
            there = {recipe.identity for seed in reported for recipe in unit(seed)}
            assert there <= journal.read().rows.keys(), "what was reported is kept"
    assert len(set(reported)) == len(reported), "no unit was made twice"
    assert reported
    sweep(journal, range(30), reported.append, exports=False)
    journal.export()
    assert (journal.folder / "replication.csv").read_bytes() == undisturbed
    assert journal.read().disagreements == []


def test_two_writers_and_their_kills(tmp_path, undisturbed):
    generator, reported = random.Random(2), []
    journal = Journal(tmp_path / "out")
    for _ in range(KILLS // 2):
        orders = [generator.sample(range(30), 30) for _ in range(2)]
        running = [forked(lambda report, o=order: sweep(journal, o, report, exports=True)) for order in orders]
        for pid, reading in running:
            reported += kill_after(pid, reading, generator.uniform(0, 0.05))
    assert len(set(reported)) == len(reported)
    sweep(journal, range(30), reported.append, exports=False)
    assert sorted(reported) == sorted(set(reported))
    journal.export()
    assert (journal.folder / "replication.csv").read_bytes() == undisturbed


def test_leftovers_of_killed_processes_do_not_stay(tmp_path):
    journal = Journal(tmp_path / "out")
    journal.keep(unit(0), rows(unit(0)), MACHINE)
    old = journal.folder / "replication.runs" / f".{journal.path(unit(0)).name}.0123456789abcdef.part"
    old.write_bytes(b"half")
    os.utime(old, (0, 0))
    journal.keep(unit(1), rows(unit(1)), MACHINE)
    journal.path(unit(0)).unlink()
    journal.keep(unit(0), rows(unit(0)), MACHINE)
    assert not old.exists()


WAYS = 7


def spoil(path, how, generator):
    """Damage a file in one of several ways."""
    content = path.read_bytes()
    if how == 0:
        path.unlink()
    elif how == 1:
        path.write_bytes(content[: generator.randrange(len(content) + 1)])
    elif how == 2:
        path.write_bytes(content + generator.randbytes(20))
    elif how == 3:
        path.write_bytes(generator.randbytes(len(content)))
    elif how == 4:
        lines = content.splitlines(keepends=True)
        generator.shuffle(lines)
        path.write_bytes(b"".join(lines))
    elif how == 5:
        path.unlink()
        path.mkdir()
    else:
        place = generator.randrange(len(content)) if content else 0
        path.write_bytes(content[:place] + b"\xff" + content[place + 1 :])


def test_commands_on_damaged_folders(tmp_path, capsys):
    """Each file in each way, three times, and three commands: the numbers that were kept, or an error in words."""
    generator = random.Random(3)
    refused = 0
    todo = units(experiments("2", "quick")[0].recipes())[:2]
    journal = Journal(tmp_path / "whole")
    for unit in todo:
        journal.keep(unit, compute(unit), MACHINE)
    journal.export()
    expected = {run: repr(row) for run, (row, _) in journal.read().rows.items()}
    files = sorted(p for p in journal.folder.rglob("*") if p.is_file() and ".locks" not in p.parts)
    assert len(files) == 5, "the table, its manifest, two units and what git ignores"
    for file, how, tried in itertools.product(files, range(WAYS), range(3)):
        folder = tmp_path / f"{file.name}-{how}-{tried}"
        shutil.copytree(journal.folder, folder)
        path = folder / file.relative_to(journal.folder)
        spoil(path, how, generator)
        try:
            found = Journal(folder).read().rows
            assert all(repr(row) == expected[run] for run, (row, _) in found.items()), (path, how)
        except JournalError:
            refused += 1
        listing, again = ["replicate", "--list"], ["replicate", "--again", "--only", "gaussians-0.5-200"]
        for command in ([*listing, "--out"], [*again, "--out"], ["report", "--results"]):
            status = main([*command, str(folder)])
            said = capsys.readouterr()
            assert status in (0, 1), (path, how, said.err)
            assert (status == 0) == (said.err == ""), (path, how, said.err)
            assert "expected" in said.err or status == 0, (path, how, said.err)
    assert refused > 50
