import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from enlib.cli import main, replicate
from enlib.datasets import DataError
from enlib.replication import (
    LABS,
    Journal,
    compute,
    experiments,
    identify,
    make,
    read_manifest,
    read_rows,
    study,
    units,
)
from enlib.replication.journal import _digest
from enlib.replication.machine import describe

# Two units, one for each seed.
TINY = ["--profile", "quick", "--table", "stability", "--only", "spheres-1.5-200-none", "--seeds", "2"]
RUNS, UNIT = 32, 16
LONGER = ["--profile", "quick", "--table", "stability", "--only", "spheres-*", "--seeds", "2"]
LONG = 3 * 2 * 16
needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


def ask(*options):
    """Run the command in this process."""
    return main(["replicate", *map(str, options)])


def start(out, *options, **more):
    """Start the command in a process of its own, without the progress that it shows after a minute."""
    more.setdefault("env", os.environ | {"CI": "true"})
    command = [sys.executable, "-m", "enlib", "replicate", "--out", str(out), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)


def finish(process):
    out, err = process.communicate(timeout=600)
    return process.returncode, out, err


def until(condition, seconds=300):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.02)


def kept(out):
    return sorted((out / "replication.runs").glob("*.json"))


def table(out):
    return (out / "replication.csv").read_bytes()


def tiny_units():
    return units(experiments("stability", "quick")[0].recipes())


@pytest.fixture
def inline(monkeypatch):
    """Compute in this process, and note which units."""
    computed = []

    def noted(unit, device):
        computed.append(unit)
        return compute(unit, device)

    def run(work, todo, *, workers):
        for unit in todo:
            yield make(unit, **work.keywords, work=noted)

    monkeypatch.setattr(replicate, "in_workers", run)
    return computed


def test_a_sweep_and_its_second_start(tmp_path, capsys, inline):
    assert ask(*TINY, "--out", tmp_path) == 0
    assert capsys.readouterr().out == f"{RUNS} of {RUNS} runs in {tmp_path / 'replication.csv'}, {RUNS} of them new\n"
    before = table(tmp_path)
    assert ask(*TINY, "--out", tmp_path) == 0
    assert capsys.readouterr().out == f"nothing to do: all {RUNS} runs are in {tmp_path / 'replication.csv'}\n"
    assert [unit[0].seed for unit in inline] == [0, 1], "seed by seed, each once"
    assert table(tmp_path) == before
    rows = read_rows(folder=tmp_path)
    keys = [tuple(row[name] for name in ("problem", "seed", "exponential", "schedule", "lr", "lam")) for row in rows]
    assert keys == sorted(keys)
    assert len({row["run"] for row in rows}) == RUNS
    assert all(identify(row) == row["run"] for row in rows)
    (machine,) = read_manifest(folder=tmp_path)["machines"].values()
    assert (machine["description"], machine["rows"]) == (describe(), RUNS)


def test_the_manifest_tells_which_images_were_seen(tmp_path, inline):
    ask("--profile", "quick", "--table", "1", "--only", "digits*", "--seeds", "1", "--out", tmp_path)
    (digest,) = {row["data_digest"] for row in read_rows(folder=tmp_path)}
    assert read_manifest(folder=tmp_path)["notes"] == {"digest of digits-1v7": [digest]}


def test_more_seeds_resume_from_fewer_and_from_the_table_alone(tmp_path, inline, capsys):
    assert ask(*TINY[:-1], "1", "--out", tmp_path) == 0
    for path in kept(tmp_path):
        path.unlink()  # as on another machine, after git clone
    assert ask(*TINY, "--out", tmp_path) == 0
    assert [unit[0].seed for unit in inline] == [0, 1]
    assert f"{RUNS} of {RUNS} runs" in capsys.readouterr().out


def test_listing_and_comparing_need_no_right_to_write(tmp_path, inline, capsys):
    ask(*TINY, "--out", tmp_path)
    for path in kept(tmp_path):
        path.unlink()
    before = sorted(tmp_path.rglob("*"))
    assert ask(*TINY, "--list", "--out", tmp_path) == 0
    assert f"{RUNS:>7}{RUNS:>7}" in capsys.readouterr().out
    assert ask(*TINY, "--again", "--out", tmp_path) == 0
    assert capsys.readouterr().out == f"{RUNS} runs the same to the last bit, 0 different\n"
    assert sorted(tmp_path.rglob("*")) == before


def test_units_whose_sweep_was_killed_get_their_table(tmp_path, inline, capsys):
    ask(*TINY, "--out", tmp_path)
    before = table(tmp_path)
    for name in ("replication.csv", "replication_manifest.json"):
        (tmp_path / name).unlink()
    assert ask(*TINY, "--out", tmp_path) == 0
    assert table(tmp_path) == before


@pytest.mark.slow
def test_a_study_has_a_table_of_its_own(tmp_path, inline, capsys):
    runs = sum(recipe.seed == 0 for _, _, recipe in study("quick"))
    assert ask("--profile", "quick", "--table", "causes", "--seeds", "1", "--out", tmp_path) == 0
    assert f"{runs} of {runs} runs in" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "causes.csv", "causes.runs", "causes_manifest.json", "causes_traces.csv",
    ]  # fmt: skip
    assert ask("--profile", "quick", "--table", "causes", "--seeds", "1", "--again", "--out", tmp_path) == 0
    assert capsys.readouterr().out == f"{runs} runs the same to the last bit, 0 different\n"


def test_list_says_what_is_done_and_makes_nothing(tmp_path, capsys, inline):
    out = tmp_path / "new"
    assert ask("--profile", "quick", "--list", "--out", out) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["problem", "network", "seeds", "runs", "done"]
    assert lines[4].split() == ["spheres-1.5-200-none", "fc1", "3", f"{3 * UNIT}", "0"]
    assert len(lines) == 1 + 9
    assert not out.exists()
    ask(*TINY[:-1], "1", "--out", out)
    capsys.readouterr()
    assert ask("--profile", "quick", "--list", "--out", out) == 0
    assert capsys.readouterr().out.splitlines()[4].split()[-2:] == [f"{3 * UNIT}", f"{UNIT}"]
    assert len(inline) == 1


def test_list_counts_all_runs_of_a_lab_whose_units_mix_problems(tmp_path, capsys):
    assert ask("--profile", "laptop", "--table", "transfer", "--list", "--out", tmp_path / "new") == 0
    lines = [line.rsplit(maxsplit=4) for line in capsys.readouterr().out.splitlines()[1:]]
    runs = sum(map(len, LABS["transfer"].units("laptop")))
    assert sum(int(line[3]) for line in lines) == runs
    assert [line[0] for line in lines][1:3] == ["cifar10-0v1, 20", "cifar10-0v1, 1500"]


def test_only_takes_names_and_patterns(tmp_path, capsys):
    def listed(*options):
        assert ask("--profile", "laptop", "--list", "--out", tmp_path / "none", *options) == 0
        return [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]]

    assert listed("--only", "mnist-1v7") == ["mnist-1v7"]
    assert listed("--only", "spheres-1.01-*", "--table", "1") == [f"spheres-1.01-{n}" for n in (10000, 15000, 20000)]


@pytest.mark.parametrize(
    "options, message",
    [
        (["--only", "sphere-1.5-200"], "got 'sphere-1.5-200': did you mean 'spheres-1.5-200'?"),
        (["--only", "mnist-*"], "expected problem to be one of spheres-1.5-200"),
        (
            ["--table", "4"],
            "expected table to be one of 1, 2, 3, stability, ablation, all",
        ),
        (["--profile", "quik"], "did you mean 'quick'?"),
        (["--engine", "rai"], "expected engine to be one of local, ray; got 'rai': did you mean 'ray'?"),
        (["--seeds", "0"], "expected --seeds to be an integer >= 1, got 0"),
        (["--workers", "0"], "expected --workers to be an integer >= 1, got 0"),
        (["--workers", "99999999999999999999"], "expected --workers to be an integer"),
        (["--device", "cuba"], "did you mean 'cuda'?"),
        (["--address", "auto"], "expected --engine ray with"),
        (["--table", "ablation"], "expected problems"),
        (["--again"], "expected finished runs of these in"),
    ],
)
def test_what_fails_at_once_leaves_nothing_behind(tmp_path, capsys, options, message):
    assert ask("--profile", "quick", "--out", tmp_path / "new", *options) == 1
    said = capsys.readouterr()
    assert message in said.err
    assert (said.out, (tmp_path / "new").exists()) == ("", False)


def test_again_finds_a_number_that_is_another(tmp_path, capsys, inline):
    """A journal of rows that were not computed so: no digest can know, only making them again."""
    (unit, *_) = tiny_units()
    rows = [{**row, "test_loss": row["test_loss"] * (1 + 1e-15 * (k == 2))} for k, row in enumerate(compute(unit))]
    Journal(tmp_path).keep(unit, rows, describe())
    assert ask(*TINY, "--again", "--out", tmp_path) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == [
        f"spheres-1.5-200-none, seed 0, run {unit[2].identity}: test_loss differ",
        f"{UNIT - 1} runs the same to the last bit, 1 different",
    ]


def test_two_results_of_one_run_are_said(tmp_path, capsys, inline):
    (unit, *_) = tiny_units()
    ask(*TINY[:-1], "1", "--out", tmp_path)
    Journal(tmp_path).keep(unit, [{**row, "train_loss": 0.5} for row in compute(unit)], describe())
    capsys.readouterr()
    assert ask(*TINY, "--out", tmp_path) == 0
    said = capsys.readouterr().out
    assert said.count("two results of one run, of which the first stands: spheres-1.5-200-none, seed 0") == UNIT
    assert 0.5 not in {row["train_loss"] for row in read_rows(folder=tmp_path)}


def test_a_damaged_journal_is_refused(tmp_path, capsys, inline):
    ask(*TINY[:-1], "1", "--out", tmp_path)
    (path,) = kept(tmp_path)
    path.write_bytes(path.read_bytes().replace(b'"train_errors": ', b'"train_errors": 1'))
    for options in ([], ["--again"], ["--list"]):
        capsys.readouterr()
        assert ask(*TINY, "--out", tmp_path, *options) == 1
        assert "a damaged or edited file: move it away; its runs will be made again" in capsys.readouterr().err


def test_what_a_worker_said_is_said_and_the_table_written(tmp_path, capsys, monkeypatch):
    def run(work, todo, *, workers):
        yield make(todo[0], **work.keywords)
        raise RuntimeError("expected every worker to live, got one that died")

    monkeypatch.setattr(replicate, "in_workers", run)
    assert ask(*TINY, "--out", tmp_path) == 1
    said = capsys.readouterr()
    assert "error: expected every worker to live" in said.err
    assert f"{UNIT} of {RUNS} runs" in said.out
    assert f"{UNIT} runs are missing" in said.out
    assert len(read_rows(folder=tmp_path)) == UNIT


def test_missing_images_are_told_before_the_first_run(tmp_path, capsys, monkeypatch, inline):
    def load(name, *, seed):
        raise DataError(f"expected {name}, got nothing: fetch it")

    monkeypatch.setattr(replicate, "load", load)
    assert ask("--profile", "quick", "--seeds", "1", "--out", tmp_path / "new") == 1
    assert "expected digits-1v7, got nothing: fetch it" in capsys.readouterr().err
    assert inline == []


def test_a_unit_in_other_hands_is_left_alone_until_they_are_gone(tmp_path, capsys, monkeypatch, inline):
    (unit, *_) = tiny_units()
    with Journal(tmp_path).claim(unit):
        assert ask(*TINY, "--out", tmp_path) == 0
        assert [unit[0].seed for unit in inline] == [1]
        assert f"{UNIT} runs are missing, or under way in another process" in capsys.readouterr().out
    assert ask(*TINY, "--out", tmp_path) == 0
    assert [unit[0].seed for unit in inline] == [1, 0]


def test_a_unit_whose_owner_died_is_made_in_the_end(tmp_path, capsys, monkeypatch, inline):
    (unit, *_) = tiny_units()
    owner = Journal(tmp_path).claim(unit)
    owner.__enter__()
    now = replicate.in_workers

    def run(work, todo, **settings):
        for made in now(work, todo, **settings):
            yield made
            if made.rows:
                owner.__exit__(None, None, None)

    monkeypatch.setattr(replicate, "in_workers", run)
    assert ask(*TINY, "--out", tmp_path) == 0
    assert [unit[0].seed for unit in inline] == [1, 0]
    assert f"{RUNS} of {RUNS} runs" in capsys.readouterr().out


def test_what_another_process_finished_meanwhile_is_not_made_again(tmp_path, monkeypatch, inline):
    second = tiny_units()[1]
    now = replicate.in_workers

    def run(work, todo, **settings):
        for made in now(work, todo, **settings):
            Journal(tmp_path).keep(second, compute(second), describe())
            yield made

    monkeypatch.setattr(replicate, "in_workers", run)
    assert ask(*TINY, "--out", tmp_path) == 0
    assert [unit[0].seed for unit in inline] == [0]
    assert len(read_rows(folder=tmp_path)) == RUNS


def test_progress_on_a_terminal_is_one_line_and_elsewhere_none_within_a_minute(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for stream, lines in ((Terminal(), 1), (io.StringIO(), 0)):
        monkeypatch.setattr(sys, "stderr", stream)
        with replicate._progress(tiny_units()) as bar:
            for unit in tiny_units():
                bar.update(replicate.cost(unit))
                bar.refresh() if lines else None
        assert bool(stream.getvalue()) == bool(lines)
        assert stream.getvalue().count("\n") == 0
    monkeypatch.setattr(sys, "stderr", None)
    with replicate._progress(tiny_units()) as bar:
        bar.update(1)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The table of a sweep that nobody disturbed, from two workers."""
    out = tmp_path_factory.mktemp("undisturbed")
    code, said, err = finish(start(out, *LONGER, "--workers", "2"))
    assert (code, err) == (0, "")
    assert f"{LONG} of {LONG} runs in {out / 'replication.csv'}, {LONG} of them new" in said
    return table(out)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_a_sweep_with_its_table_and_a_message(tmp_path, undisturbed, how):
    process = start(tmp_path, *LONGER, "--workers", "1")
    until(lambda: kept(tmp_path))
    process.send_signal(getattr(signal, how))
    code, said, err = finish(process)
    assert code == 128 + getattr(signal, how)
    assert err.startswith("interrupted")
    assert "Traceback" not in err
    before = len(read_rows(folder=tmp_path))
    assert 0 < before < LONG
    assert f"{before} of {LONG} runs in {tmp_path / 'replication.csv'}, {before} of them new" in said
    assert f"{LONG - before} runs are missing" in said
    if how == "SIGINT":  # the others leave the same behind
        code, said, _ = finish(start(tmp_path, *LONGER, "--workers", "2"))
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
@pytest.mark.slow
def test_a_kill_loses_nothing_doubles_nothing_and_leaves_no_worker(tmp_path, undisturbed):
    process = start(tmp_path, *LONGER, "--workers", "2")
    until(lambda: kept(tmp_path))
    workers = children(process.pid)
    assert len(workers) >= 2
    process.kill()
    process.communicate()
    until(lambda: not any(alive(pid) for pid in workers), seconds=30)
    before = 16 * len(kept(tmp_path))
    assert 0 < before < LONG
    assert not (tmp_path / "replication.csv").exists()
    code, said, err = finish(start(tmp_path, *LONGER, "--workers", "2"))
    assert (code, err) == (0, "")
    assert f"{LONG} of {LONG} runs in {tmp_path / 'replication.csv'}, {LONG - before} of them new" in said
    assert table(tmp_path) == undisturbed
    assert len(list(csv.reader(io.StringIO(table(tmp_path).decode())))) == LONG + 1


@pytest.mark.slow
def test_two_sweeps_on_one_folder_share_the_work(tmp_path, undisturbed):
    processes = [start(tmp_path, *LONGER, "--workers", "1") for _ in range(2)]
    ends = [finish(process) for process in processes]
    assert [(code, err) for code, _, err in ends] == [(0, "")] * 2
    assert len(kept(tmp_path)) == LONG // 16
    assert table(tmp_path) == undisturbed


@pytest.mark.slow
def test_settings_of_the_user_do_not_matter(tmp_path, undisturbed):
    """A closed stderr, two threads asked for, one core given, a strict umask, and a module of a name that is ours."""
    (tmp_path / "shadow").mkdir()
    for name in ("pool.py", "journal.py", "runs.py", "tables.py"):
        (tmp_path / "shadow" / name).write_text("raise SystemExit('shadowed')")
    path = os.pathsep.join([str(tmp_path / "shadow"), *filter(None, [os.environ.get("PYTHONPATH")])])
    out = tmp_path / "out"
    process = start(
        out,
        *LONGER,
        env={**os.environ, "OMP_NUM_THREADS": "2", "PYTHONPATH": path, "PYTHONIOENCODING": "ascii"},
        preexec_fn=lambda: (os.umask(0o077), os.close(2), os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})),
    )
    out_text, _ = process.communicate(timeout=600)
    assert process.returncode == 0, out_text
    assert table(out) == undisturbed


@pytest.mark.slow
def test_as_many_workers_as_this_process_may_use_cores():
    command = [sys.executable, "-m", "enlib", "replicate", "--help"]
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("no affinity here")
    core = {min(os.sched_getaffinity(0))}
    said = subprocess.run(command, capture_output=True, text=True, preexec_fn=lambda: os.sched_setaffinity(0, core))
    assert "(default: 1)" in said.stdout.split("--workers")[-1]


def test_an_edited_table_is_said_by_name(tmp_path, inline, capsys):
    ask(*TINY[:-1], "1", "--out", tmp_path)
    content = table(tmp_path).replace(b"capped", b"converged")
    (tmp_path / "replication.csv").write_bytes(content)
    assert ask(*TINY, "--out", tmp_path) == 1
    assert "replication.csv, got another SHA-256 than its manifest's" in capsys.readouterr().err
    manifest = json.loads((tmp_path / "replication_manifest.json").read_text())
    (tmp_path / "replication_manifest.json").write_text(json.dumps(manifest | {"sha256": _digest(content)}))
    capsys.readouterr()
    assert ask(*TINY, "--out", tmp_path) == 0
    assert "two results of one run" in capsys.readouterr().out
