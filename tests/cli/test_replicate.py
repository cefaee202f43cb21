import csv
import io
import json
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock

from enlib.cli import main, replicate
from enlib.datasets import DataError
from enlib.replication import (
    PROTOCOL,
    Journal,
    Remaining,
    compute,
    describe,
    experiments,
    identify,
    read_manifest,
    read_rows,
    units,
)
from enlib.replication.local import Done

TINY = ["--profile", "quick", "--table", "2", "--only", "spheres-1.5-200", "--seeds", "2"]
RUNS = 16
needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


def ask(*options):
    """Run the command in this process."""
    return main(["replicate", *map(str, options)])


def start(out, *options, **more):
    """Start the command in a process of its own."""
    command = [sys.executable, "-m", "enlib", "replicate", "--out", str(out), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)


def finish(process):
    out, err = process.communicate(timeout=600)
    return process.returncode, out, err


def kept(out):
    """Count the runs in a journal, from outside."""
    try:
        with sqlite3.connect(f"file:{out / 'replication.sqlite'}?mode=ro", uri=True, timeout=60) as db:
            return db.execute("SELECT count(*) FROM runs").fetchone()[0]
    except sqlite3.OperationalError:
        return 0


def until(condition, seconds=300):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.02)


def table(out):
    return (out / "replication.csv").read_bytes()


WORKER = {**describe(), "processor": "the worker's"}


@pytest.fixture
def inline(monkeypatch):
    """Compute in this process, and note which units."""
    computed = []

    def run(todo, *, workers, device):
        for unit in todo:
            computed.append(unit)
            yield Done(unit, compute(unit, device), 0.1, WORKER)

    monkeypatch.setattr(replicate, "run_local", run)
    return computed


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The table of a sweep that nobody disturbed, from two workers."""
    out = tmp_path_factory.mktemp("undisturbed")
    code, said, err = finish(start(out, *LONGER, "--workers", "2"))
    assert (code, err) == (0, "")
    assert f"{LONG} of {LONG} runs in {out / 'replication.csv'}, {LONG} of them new" in said
    return table(out)


LONGER = ["--profile", "quick", "--table", "stability", "--only", "spheres-*", "--seeds", "2"]
LONG = 3 * 2 * 16


def test_a_sweep_and_its_second_start(tmp_path, capsys, inline):
    assert ask(*TINY, "--out", tmp_path) == 0
    assert capsys.readouterr().out == f"{RUNS} of {RUNS} runs in {tmp_path / 'replication.csv'}, {RUNS} of them new\n"
    before = table(tmp_path)
    assert ask(*TINY, "--out", tmp_path) == 0
    assert capsys.readouterr().out == f"nothing to do: all {RUNS} runs were in {tmp_path / 'replication.csv'}\n"
    assert len(inline) == 2
    assert table(tmp_path) == before


def test_rows_are_credited_to_the_machine_of_their_worker(tmp_path, inline):
    ask(*TINY, "--out", tmp_path)
    (machine,) = read_manifest(tmp_path)["machines"].values()
    assert (machine["description"], machine["rows"]) == (WORKER, RUNS)


def test_the_manifest_tells_which_images_were_seen(tmp_path, inline):
    ask("--profile", "quick", "--table", "1", "--only", "digits*", "--seeds", "1", "--out", tmp_path)
    (digest,) = {row["data_digest"] for row in read_rows(tmp_path)}
    assert read_manifest(tmp_path)["notes"] == {"digest of digits-1v7": [digest]}


def test_listing_and_comparing_need_no_right_to_write(tmp_path, inline, capsys):
    """As after git clone: a table, and no journal."""
    ask(*TINY, "--out", tmp_path)
    (tmp_path / "replication.sqlite").unlink()
    before = sorted(tmp_path.iterdir())
    assert ask(*TINY, "--list", "--out", tmp_path) == 0
    assert f"{RUNS:>7}{RUNS:>7}" in capsys.readouterr().out
    assert ask(*TINY, "--again", "--out", tmp_path) == 0
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "options, message",
    [(["--device", "cuba"], "expected device to be one of"), (["--address", "auto"], "expected --engine ray with")],
)
def test_what_fails_at_once_leaves_nothing_behind(tmp_path, capsys, options, message):
    assert ask(*TINY, *options, "--out", tmp_path / "new") == 1
    said = capsys.readouterr()
    assert message in said.err
    assert (said.out, (tmp_path / "new").exists()) == ("", False)


def test_the_table_is_sorted_and_each_run_in_it_once(tmp_path, inline):
    assert ask("--profile", "quick", "--seeds", "1", "--table", "3", "--out", tmp_path) == 0
    rows = read_rows(tmp_path)
    keys = [tuple(row[name] for name in ("problem", "seed", "exponential", "schedule", "lr", "lam")) for row in rows]
    assert keys == sorted(keys)
    assert len({row["run"] for row in rows}) == len(rows) == 24
    assert all(identify(row) == row["run"] for row in rows)


def test_more_seeds_go_on_from_fewer(tmp_path, inline, capsys):
    assert ask(*TINY[:-1], "1", "--out", tmp_path) == 0
    assert ask(*TINY, "--out", tmp_path) == 0
    assert [unit[0].seed for unit in inline] == [0, 1]
    assert "16 of 16 runs" in capsys.readouterr().out


def test_units_come_seed_by_seed(tmp_path, inline):
    ask("--profile", "quick", "--table", "2", "--seeds", "2", "--out", tmp_path)
    assert [unit[0].seed for unit in inline] == [0, 0, 1, 1]


def test_a_folder_with_the_table_alone_is_enough(tmp_path, inline, capsys):
    """As on another machine, after git clone."""
    ask(*TINY, "--out", tmp_path)
    (tmp_path / "replication.sqlite").unlink()
    inline.clear()
    assert ask(*TINY, "--out", tmp_path) == 0
    assert inline == []
    assert "nothing to do" in capsys.readouterr().out


def test_a_unit_that_was_kept_in_part_is_completed(tmp_path, inline, capsys):
    """As after a kill between two of its rows: what is there stands, the rest is added."""
    ask(*TINY, "--out", tmp_path)
    before = table(tmp_path)
    for name in ("replication.csv", "replication_manifest.json"):
        (tmp_path / name).unlink()
    with sqlite3.connect(tmp_path / "replication.sqlite") as db:
        db.execute("DELETE FROM runs WHERE rowid > 3 AND rowid <= 8")
    inline.clear()
    capsys.readouterr()
    assert ask(*TINY, "--out", tmp_path) == 0
    assert [unit[0].seed for unit in inline] == [0]
    assert "16 of 16 runs" in (said := capsys.readouterr().out)
    assert "5 of them new" in said
    assert table(tmp_path) == before


def test_list_says_what_is_done_and_makes_nothing(tmp_path, capsys, inline):
    out = tmp_path / "new"
    assert ask("--profile", "quick", "--list", "--out", out) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["problem", "network", "seeds", "runs", "done"]
    assert lines[1].split() == ["spheres-1.5-200", "fc1", "3", "24", "0"]
    assert len(lines) == 1 + 9
    assert not out.exists()
    ask(*TINY[:-1], "1", "--out", out)
    capsys.readouterr()
    assert ask("--profile", "quick", "--list", "--out", out) == 0
    assert capsys.readouterr().out.splitlines()[1].split() == ["spheres-1.5-200", "fc1", "3", "24", "8"]
    assert len(inline) == 1


def test_only_takes_names_and_patterns(tmp_path, capsys):
    def listed(*options):
        assert ask("--profile", "laptop", "--list", "--out", tmp_path / "none", *options) == 0
        return [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]]

    assert listed("--only", "mnist-1v7") == ["mnist-1v7"]
    assert listed("--only", "spheres-1.01-*", "--table", "1") == [f"spheres-1.01-{n}" for n in (10000, 15000, 20000)]
    assert listed("--only", "*", "--table", "3") == [
        "spheres-1.5-5000", "spheres-5-5000", "gaussians-0.5-5000", "gaussians-1-5000", "mnist-1v7", "cifar10-0v1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "options, message",
    [
        (["--only", "sphere-1.5-200"], "got 'sphere-1.5-200': did you mean 'spheres-1.5-200'?"),
        (["--only", "mnist-*"], "expected problem to be one of spheres-1.5-200"),
        (["--table", "4"], "expected table to be one of 1, 2, 3, stability, ablation, all; got '4'"),
        (["--profile", "quik"], "did you mean 'quick'?"),
        (["--engine", "rai"], "expected engine to be one of local, ray; got 'rai': did you mean 'ray'?"),
        (["--seeds", "0"], "expected --seeds to be an integer >= 1, got 0"),
        (["--workers", "0"], "expected --workers to be an integer >= 1, got 0"),
        (["--device", "cuba"], "did you mean 'cuda'?"),
        (["--table", "ablation"], "expected problems"),
    ],
)
def test_bad_options(tmp_path, capsys, options, message):
    assert ask("--profile", "quick", "--out", tmp_path / "new", *options) == 1
    assert message in capsys.readouterr().err


def test_again_is_the_same_to_the_last_bit(tmp_path, capsys, inline):
    ask(*TINY[:-1], "1", "--out", tmp_path)
    capsys.readouterr()
    assert ask(*TINY, "--again", "--out", tmp_path) == 0
    assert capsys.readouterr().out == "8 runs the same to the last bit, 0 different\n"
    assert [unit[0].seed for unit in inline] == [0, 0], "what is not there is not made again"


def test_again_finds_a_number_that_is_another(tmp_path, capsys, inline):
    """A journal of rows that were not computed so: no checksum can know, only making them again."""
    (unit, *_) = units(experiments("2", "quick")[0].recipes())
    with Journal(tmp_path, protocol=PROTOCOL, identify=identify) as journal:
        for place, row in enumerate(compute(unit)):
            journal.add({**row, "test_loss": row["test_loss"] * (1 + 1e-15 * (place == 2))})
        expected = journal.rows()[2]
    assert ask(*TINY, "--again", "--out", tmp_path) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == [
        f"spheres-1.5-200, seed 0, run {expected['run']}: test_loss differ",
        "7 runs the same to the last bit, 1 different",
    ]


def test_again_says_whether_it_was_another_machine(tmp_path, capsys, inline):
    (unit, *_) = units(experiments("2", "quick")[0].recipes())
    with Journal(tmp_path, protocol=PROTOCOL, identify=identify) as journal:
        for row in compute(unit):
            journal.add({**row, "train_loss": 0.5}, machine={"processor": "another"})
    assert ask(*TINY, "--again", "--out", tmp_path) == 1
    said = capsys.readouterr().out
    assert said.count("train_loss differ\n") == 8
    assert "\n0 runs the same to the last bit, 8 different\n" in said
    assert "8 of the different ones were recorded on another machine" in said


def test_again_with_nothing_to_compare(tmp_path, capsys, inline):
    assert ask(*TINY, "--again", "--out", tmp_path / "new") == 1
    assert "to make again, got none: leave --again out" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
    ask(*TINY[:-1], "1", "--out", tmp_path)
    capsys.readouterr()
    assert ask("--profile", "quick", "--table", "1", "--again", "--out", tmp_path) == 1
    assert "expected finished runs of these in" in capsys.readouterr().err


def test_a_tampered_journal_is_refused(tmp_path, capsys, inline):
    ask(*TINY[:-1], "1", "--out", tmp_path)
    with sqlite3.connect(tmp_path / "replication.sqlite") as db:
        db.execute("UPDATE runs SET content = replace(content, '\"train_errors\": ', '\"train_errors\": 1')")
    for options in ([], ["--again"], ["--list"]):
        capsys.readouterr()
        assert ask(*TINY, "--out", tmp_path, *options) == 1
        assert "is not what was written): move it away" in capsys.readouterr().err


def test_a_journal_of_another_protocol_is_refused(tmp_path, capsys):
    Journal(tmp_path, protocol=PROTOCOL + 1, identify=identify).close()
    assert ask(*TINY, "--out", tmp_path) == 1
    assert f"expected runs of protocol {PROTOCOL}" in capsys.readouterr().err


def test_a_folder_that_is_a_file(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert ask(*TINY, "--out", tmp_path / "file") == 1
    assert "pass another --out" in capsys.readouterr().err


def test_what_a_worker_said_is_said_and_the_table_written(tmp_path, capsys, monkeypatch):
    def run(todo, *, workers, device):
        todo = iter(todo)
        yield Done(unit := next(todo), compute(unit), 0.1, describe())
        next(todo)
        raise RuntimeError("expected every worker to live, got one that was killed")

    monkeypatch.setattr(replicate, "run_local", run)
    assert ask(*TINY, "--out", tmp_path) == 1
    said = capsys.readouterr()
    assert "error: expected every worker to live" in said.err
    assert "8 of 16 runs" in said.out
    assert "8 runs are missing" in said.out
    assert len(read_rows(tmp_path)) == 8


def test_missing_images_are_told_before_the_first_run(tmp_path, capsys, monkeypatch, inline):
    def load(name, *, seed):
        raise DataError(f"expected {name}, got nothing: fetch it")

    monkeypatch.setattr(replicate, "load", load)
    assert ask("--profile", "quick", "--seeds", "1", "--out", tmp_path) == 1
    assert "expected digits-1v7, got nothing: fetch it" in capsys.readouterr().err
    assert inline == []


def test_a_unit_in_other_hands_is_left_alone(tmp_path, capsys, inline):
    (unit, *_) = units(experiments("2", "quick")[0].recipes())
    (tmp_path / ".locks").mkdir()
    with FileLock(tmp_path / ".locks" / f"{unit[0].identity}.lock"):
        assert ask(*TINY, "--out", tmp_path) == 0
        assert [unit[0].seed for unit in inline] == [1]
        said = capsys.readouterr().out
        assert "8 of 16 runs" in said
        assert "8 runs are missing, or under way in another process" in said
    assert ask(*TINY, "--out", tmp_path) == 0
    assert [unit[0].seed for unit in inline] == [1, 0]


def test_a_unit_whose_owner_died_is_taken_up_in_the_end(tmp_path, capsys, monkeypatch, inline):
    (unit, *_) = units(experiments("2", "quick")[0].recipes())
    (tmp_path / ".locks").mkdir()
    owner = FileLock(tmp_path / ".locks" / f"{unit[0].identity}.lock")
    owner.acquire()
    now = replicate.run_local

    def run(todo, **settings):
        for done in now(todo, **settings):
            owner.release()
            yield done

    monkeypatch.setattr(replicate, "run_local", run)
    assert ask(*TINY, "--out", tmp_path) == 0
    assert [unit[0].seed for unit in inline] == [1, 0]
    assert "16 of 16 runs" in capsys.readouterr().out


def test_what_another_process_finished_meanwhile_is_not_made_again(tmp_path, monkeypatch, inline):
    second = units(experiments("2", "quick")[0].recipes())[1]
    now = replicate.run_local

    def run(todo, **settings):
        for done in now(todo, **settings):
            with Journal(tmp_path, protocol=PROTOCOL, identify=identify) as other:
                for row in compute(second):
                    other.add(row)
            yield done

    monkeypatch.setattr(replicate, "run_local", run)
    assert ask(*TINY, "--out", tmp_path) == 0
    assert [unit[0].seed for unit in inline] == [0]
    assert len(read_rows(tmp_path)) == 16


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_on_a_terminal_is_one_line(monkeypatch):
    todo = units(experiments("2", "quick")[0].recipes())
    monkeypatch.setattr(sys, "stderr", Terminal())
    remaining = Remaining(todo)
    progress = replicate._Progress(24, remaining)
    progress.show(8)
    remaining.done(todo[0], 3.0)
    progress.show(16)
    progress.close()
    progress.close()
    said = sys.stderr.getvalue()
    assert said.count("\n") == 1
    assert said.endswith("\n")
    assert [line.strip() for line in said.split("\r")] == [
        "8 of 24 runs, remaining time unknown yet", "16 of 24 runs, about 6 s left", "",
    ]  # fmt: skip


def test_progress_elsewhere_is_a_line_a_minute(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(replicate.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    progress = replicate._Progress(24, Remaining([]))
    for now, done in [(1, 1), (59, 2), (61, 3), (100, 4), (122, 5)]:
        clock[0] = now
        progress.show(done)
    progress.close()
    assert [line.split(",")[0] for line in sys.stderr.getvalue().splitlines()] == ["3 of 24 runs", "5 of 24 runs"]


def test_more_workers_than_units(tmp_path):
    code, _, err = finish(start(tmp_path, *TINY, "--workers", "16"))
    assert (code, err) == (0, "")
    assert len(read_rows(tmp_path)) == RUNS


def test_ctrl_c_and_going_on(tmp_path, undisturbed):
    process = start(tmp_path, *LONGER, "--workers", "1")
    until(lambda: kept(tmp_path) > 0)
    process.send_signal(signal.SIGINT)
    code, said, err = finish(process)
    assert code == 130
    assert err == "interrupted\n"
    before = len(read_rows(tmp_path))
    assert 0 < before < LONG
    assert f"{before} of {LONG} runs in {tmp_path / 'replication.csv'}, {before} of them new" in said
    assert f"{LONG - before} runs are missing" in said
    code, said, _ = finish(start(tmp_path, *LONGER))
    assert code == 0
    assert f"{LONG} of {LONG} runs in {tmp_path / 'replication.csv'}, {LONG - before} of them new" in said
    assert table(tmp_path) == undisturbed


def children(pid):
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        if fields[1] == str(pid) and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


def alive(pid):
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return False
    return fields[0] != "Z"


@needs_proc
def test_kill_and_going_on(tmp_path, undisturbed):
    """Nothing is lost, nothing is there twice, the table is the same bytes, and no worker is left behind."""
    process = start(tmp_path, *LONGER, "--workers", "2")
    until(lambda: kept(tmp_path) > 0)
    workers = children(process.pid)
    assert len(workers) >= 2
    process.kill()
    process.communicate()
    until(lambda: not any(alive(pid) for pid in workers), seconds=30)
    before = kept(tmp_path)
    assert 0 < before < LONG
    assert not (tmp_path / "replication.csv").exists()
    code, said, err = finish(start(tmp_path, *LONGER))
    assert (code, err) == (0, "")
    assert f"{LONG} of {LONG} runs in {tmp_path / 'replication.csv'}, {LONG - before} of them new" in said
    assert table(tmp_path) == undisturbed
    assert len(list(csv.reader(io.StringIO(table(tmp_path).decode())))) == LONG + 1


def test_two_sweeps_on_one_folder_share_the_work(tmp_path, undisturbed):
    processes = [start(tmp_path, *LONGER, "--workers", "1") for _ in range(2)]
    ends = [finish(process) for process in processes]
    assert [(code, err) for code, _, err in ends] == [(0, "")] * 2
    new = []
    for _, said, _ in ends:
        line = said.splitlines()[0]
        new.append(0 if line.startswith("nothing") else int(line.split(", ")[-1].split()[0]))
    assert sum(new) == LONG, "each run was made by one of them"
    assert all(count % 16 == 0 for count in new), "and each unit as a whole"
    assert kept(tmp_path) == LONG
    assert table(tmp_path) == undisturbed


def test_what_a_sweep_leaves_in_its_folder(tmp_path, inline):
    ask(*TINY[:-1], "1", "--out", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".locks", "replication.csv", "replication.sqlite", "replication_manifest.json",
    ]  # fmt: skip
    assert (tmp_path / ".locks" / ".gitignore").read_text() == "*\n"
    manifest = json.loads((tmp_path / "replication_manifest.json").read_text())
    assert manifest["protocol"] == PROTOCOL
