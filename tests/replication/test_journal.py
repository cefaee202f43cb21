import contextlib
import hashlib
import itertools
import json
import math
import os
import random
import shutil
import signal
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enlib.replication import JournalError, read_manifest, read_rows
from enlib.replication import journal as module
from enlib.replication.journal import Journal
from enlib.replication.machine import identity

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
HERE, THERE = {"processor": "here"}, {"processor": "there"}
CSV, MANIFEST, SQLITE = "replication.csv", "replication_manifest.json", "replication.sqlite"


def identify(row):
    return hashlib.sha256(json.dumps([row["arm"], row["seed"]]).encode()).hexdigest()[:16]


def a_row(seed, **more):
    return {"arm": "EN", "seed": seed, "epochs": 18.0 + seed / 3, "status": "converged", "cause": None, **more}


def a_journal(folder, identify=identify, **options):
    return Journal(folder, **{"protocol": 1, **options}, identify=identify)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def fork(work):
    process = get_context("fork").Process(target=work)
    process.start()
    return process


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """A machine of which we know everything."""
    monkeypatch.setattr(module, "describe", lambda: HERE)


@pytest.fixture
def folder(tmp_path):
    """Five finished runs, exported."""
    folder = tmp_path / "results"
    with a_journal(folder) as journal:
        for seed in range(5):
            assert journal.add(a_row(seed))
        journal.note("digits", "ab12")
        journal.export()
    return folder


def test_what_was_added_comes_back_once(tmp_path):
    with a_journal(tmp_path) as journal:
        assert journal.finished() == set()
        assert journal.rows() == []
        assert journal.add(a_row(1))
        assert journal.add(a_row(0), machine=THERE)
        assert not journal.add(a_row(1, status="diverged"))  # the first result stands
        expected = [
            {"run": identify(a_row(seed)), **a_row(seed), "machine": identity(made)}
            for seed, made in ((1, HERE), (0, THERE))
        ]
        assert journal.rows() == expected
        assert journal.finished() == {row["run"] for row in expected}
    with a_journal(tmp_path) as journal:
        assert journal.rows() == expected


def test_a_table_that_comes_while_the_journal_is_open_is_taken_in(tmp_path, folder):
    """As from git pull, during a sweep: its export must not erase what others have made."""
    with a_journal(tmp_path / "mine") as journal:
        journal.add(a_row(7))
        for name in (CSV, MANIFEST):
            shutil.copy(folder / name, tmp_path / "mine")
        journal.export()
    assert {row["seed"] for row in read_rows(tmp_path / "mine")} == {0, 1, 2, 3, 4, 7}
    assert read_manifest(tmp_path / "mine")["notes"] == {"digits": ["ab12"]}


def test_runs_that_finished_together_are_kept_together_or_not_at_all(tmp_path):
    with a_journal(tmp_path) as journal:
        journal.add(a_row(1))
        assert journal.add_all(a_row(seed) for seed in (0, 1, 2, 2)) == 2
        with pytest.raises(ValueError, match="got list"):
            journal.add_all([a_row(3), a_row(4, loss=[])])
        with journal._store.reading() as db:
            db.execute(f"PRAGMA max_page_count = {db.execute('PRAGMA page_count').fetchone()[0]}")
        with pytest.raises(JournalError, match="full"):
            journal.add_all([a_row(5), *(a_row(seed, text="x" * 9000) for seed in range(6, 12))])
        assert [row["seed"] for row in journal.rows()] == [1, 0, 2]
        assert journal.add_all([]) == 0


values = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


@settings(max_examples=15, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["loss", "a, b", "é", '"x"']), values), max_size=4))
def test_every_value_comes_back_from_the_journal_the_table_and_another_journal(tmp_path_factory, results):
    one, other = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("other")
    with a_journal(one) as journal:
        for seed, result in enumerate(results):
            journal.add({"arm": "EN", "seed": seed, **result})
        kept = journal.rows()
        journal.export(order=lambda row: row["seed"])
    for seed, (row, result) in enumerate(zip(kept, results, strict=True)):
        given_ = {"arm": "EN", "seed": seed, **result}
        assert repr({name: row[name] for name in given_}) == repr(
            given_
        )  # repr: nan is nan, -0.0 is not 0, True not 1
        assert all(row[name] is None for name in set(row) - set(given_) - {"run", "machine"})
    assert repr(read_rows(one)) == repr(kept)
    for name in (CSV, MANIFEST):
        shutil.copy(one / name, other)
    with a_journal(other) as journal:
        assert repr(journal.rows()) == repr(kept)
        journal.export(order=lambda row: row["seed"])
    assert all((one / name).read_bytes() == (other / name).read_bytes() for name in (CSV, MANIFEST))


def test_the_same_runs_are_the_same_table_in_whichever_order_they_ended(tmp_path, folder):
    with a_journal(tmp_path / "other") as journal:
        for seed in (3, 1, 4, 0, 2):
            journal.add(a_row(seed))
        journal.note("digits", "ab12")
        journal.export()
        assert all((tmp_path / "other" / name).read_bytes() == contents(folder)[name] for name in (CSV, MANIFEST))
        journal.export(order=lambda row: -row["seed"])
    assert [row["seed"] for row in read_rows(tmp_path / "other")] == [4, 3, 2, 1, 0]


def test_the_manifest_says_what_the_table_is(folder):
    manifest = read_manifest(folder)
    assert (manifest["protocol"], manifest["rows"], manifest["notes"]) == (1, 5, {"digits": ["ab12"]})
    assert manifest["sha256"] == hashlib.sha256((folder / CSV).read_bytes()).hexdigest()
    assert manifest["machines"] == {identity(HERE): {"rows": 5, "description": HERE}}


def test_a_real_machine_is_described_by_default(tmp_path, monkeypatch):
    monkeypatch.undo()
    with a_journal(tmp_path) as journal:
        journal.add(a_row(0))
        journal.export()
    (made,) = read_manifest(tmp_path)["machines"].values()
    assert made["description"] == module.describe()


def test_two_values_of_a_note_stand_side_by_side(tmp_path):
    with a_journal(tmp_path) as journal:
        for value in ("b", "a", "b"):
            journal.note("digits", value)
        assert journal.notes() == {"digits": ["a", "b"]}


@pytest.mark.parametrize(
    "row, message",
    [
        (a_row(0, loss=[1]), "expected str, int, float, bool or None in column 'loss', got list"),
        (a_row(0, machine="x"), "expected a row without a column 'machine'"),
        (a_row(0, run="abc"), "expected run '[0-9a-f]+', which identifies the row, got 'abc'"),
    ],
)
def test_a_row_that_cannot_stand_in_a_table_is_refused(tmp_path, row, message):
    with a_journal(tmp_path) as journal:
        with pytest.raises(ValueError, match=message):
            journal.add(row)
        assert journal.add(a_row(0, run=identify(a_row(0))))
        assert len(journal.rows()) == 1


def test_an_identifier_that_is_no_hash_is_refused(tmp_path):
    journal = a_journal(tmp_path, identify=lambda row: "EN/0")
    with journal, pytest.raises(ValueError, match="expected a hexadecimal hash from identify, got 'EN/0'"):
        journal.add(a_row(0))


def test_a_sweep_goes_on_from_a_committed_table_on_another_machine(folder, tmp_path, monkeypatch):
    clone = tmp_path / "clone"
    clone.mkdir()
    for name in (CSV, MANIFEST):
        shutil.copy(folder / name, clone)
    monkeypatch.setattr(module, "describe", lambda: THERE)
    with a_journal(clone) as journal:
        assert journal.finished() == {identify(a_row(seed)) for seed in range(5)}
        assert not journal.add(a_row(4))
        assert journal.add(a_row(5))
        journal.note("digits", "cd34")
        journal.export()
    manifest = read_manifest(clone)
    assert manifest["machines"] == {
        identity(HERE): {"rows": 5, "description": HERE},
        identity(THERE): {"rows": 1, "description": THERE},
    }
    assert manifest["notes"] == {"digits": ["ab12", "cd34"]}
    assert {row["seed"]: row["machine"] for row in read_rows(clone)} == {
        **{seed: identity(HERE) for seed in range(5)},
        5: identity(THERE),
    }
    for name in (CSV, MANIFEST):  # and back
        shutil.copy(clone / name, folder)
    with a_journal(folder) as journal:
        assert len(journal.finished()) == 6
        assert journal.rows() == sorted(journal.rows(), key=lambda row: row["seed"])  # what was here came first


def test_of_two_results_of_a_run_the_journals_own_stands(folder, tmp_path):
    with a_journal(tmp_path / "other") as journal:
        journal.add(a_row(0, status="diverged"), machine=THERE)
        journal.export()
    for name in (CSV, MANIFEST):
        shutil.copy(tmp_path / "other" / name, folder)
    with a_journal(folder) as journal:
        assert {(row["status"], row["machine"]) for row in journal.rows()} == {("converged", identity(HERE))}


def test_a_lost_journal_costs_only_what_was_not_exported(folder):
    with a_journal(folder) as journal:
        journal.add(a_row(5))
    (folder / SQLITE).write_bytes((folder / SQLITE).read_bytes()[:5000])
    with pytest.raises(JournalError, match=r"move it away; .* safe in replication.csv, and the sweep goes on"):
        a_journal(folder)
    (folder / SQLITE).rename(folder / "damaged")
    with a_journal(folder) as journal:
        assert sorted(row["seed"] for row in journal.rows()) == [0, 1, 2, 3, 4]


def other_code(row):
    return hashlib.sha256(json.dumps([row["arm"], row["seed"], "changed"]).encode()).hexdigest()[:16]


@pytest.mark.parametrize("journal_is_there", [True, False])
@pytest.mark.parametrize(
    "spoil, options, message",
    [
        (
            lambda f: (f / CSV).write_text((f / CSV).read_text().replace("18.0", "8.0")),
            {},
            "with the SHA-256 .*edited",
        ),
        (lambda f: (f / CSV).write_text((f / CSV).read_text() + "a,b,c\n"), {}, "with the SHA-256 .*edited"),
        (lambda f: (f / MANIFEST).unlink(), {}, "expected a manifest in .* got No such file"),
        (lambda f: (f / MANIFEST).write_text("{"), {}, "expected a manifest in .* or pass another --out"),
        (lambda f: None, {"protocol": 2}, "expected runs of protocol 2 in .* got 1: move it"),
        (lambda f: None, {"identify": other_code}, "(made by|content that) other code"),
        (lambda f: None, {"identify": lambda row: row["a new column"]}, "(made by|content that) other code"),
    ],
)
def test_what_cannot_be_gone_on_from_is_refused_and_left_as_it_is(folder, spoil, options, message, journal_is_there):
    if not journal_is_there:
        (folder / SQLITE).unlink()
    elif not options:  # its own table is known to a journal; one that came from elsewhere is not
        (folder / SQLITE).unlink()
        (folder / CSV).rename(folder / "aside")
        a_journal(folder).close()
        (folder / "aside").rename(folder / CSV)
    spoil(folder)
    before = contents(folder)
    with pytest.raises(JournalError, match=message):
        a_journal(folder, **options)
    assert contents(folder) == before


def test_an_edited_table_is_noticed_by_the_journal_that_wrote_it(folder):
    (folder / CSV).write_text((folder / CSV).read_text().replace("18.0", "8.0"))
    with pytest.raises(JournalError, match="edited"):
        a_journal(folder)


@pytest.mark.parametrize("first_time", [True, False])
def test_an_export_that_was_cut_short_between_its_files_heals(folder, monkeypatch, first_time):
    if first_time:
        (folder / CSV).unlink()
        (folder / MANIFEST).unlink()

    def cut_short(files):
        (csv, table), _ = files.items()
        csv.write_bytes(table)
        raise KeyboardInterrupt

    with a_journal(folder) as journal, monkeypatch.context() as patch:
        journal.add(a_row(5))
        patch.setattr(module, "replace", cut_short)
        with pytest.raises(KeyboardInterrupt):
            journal.export()
    with pytest.raises(JournalError, match=r"git checkout"):
        read_rows(folder)
    with a_journal(folder) as journal:
        journal.export()
    assert len(read_rows(folder)) == 6


def test_an_older_export_does_not_replace_a_newer_one(folder, monkeypatch):
    with a_journal(folder) as slow, a_journal(folder) as fast:
        writing, overtaken = slow._store.writing, []

        @contextlib.contextmanager
        def overtaking():
            with writing() as db:
                yield db
            if not overtaken:
                overtaken.append(True)
                fast.add(a_row(5), machine=HERE)
                fast.export()

        monkeypatch.setattr(slow._store, "writing", overtaking)
        slow.export()
    assert len(read_rows(folder)) == 6


@needs_fork
def test_a_killed_writer_loses_nothing_that_it_reported(tmp_path):
    random_ = random.Random(0)
    reported = set()
    context = get_context("fork")
    for _ in range(5):
        here, there = context.Pipe(duplex=False)

        def write(there=there):
            with a_journal(tmp_path) as journal:
                for seed in itertools.count(len(journal.finished())):
                    assert journal.add(a_row(seed))
                    there.send(seed)

        writer = fork(write)
        for _ in range(random_.randrange(1, 20)):
            assert here.poll(60)
            reported.add(here.recv())
        time.sleep(random_.random() / 200)
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        while here.poll():
            reported.add(here.recv())
        with a_journal(tmp_path) as journal:
            kept = [row["seed"] for row in journal.rows()]
        assert kept == list(range(len(kept)))  # in order, nothing twice
        assert set(kept) >= reported
        assert len(kept) <= len(reported) + 5  # the run that was being added
    assert len(kept) > 5


@needs_fork
def test_an_export_that_is_killed_at_any_step_leaves_a_table_or_is_made_again(folder, monkeypatch):
    def dying(step, at):
        def dies(*arguments, **options):
            if next(steps) == at:
                os.kill(os.getpid(), signal.SIGKILL)
            return step(*arguments, **options)

        return dies

    def export(at):
        with a_journal(folder) as journal:
            journal.add(a_row(5 + at))
            with journal._store.reading() as db:
                db.set_trace_callback(dying(lambda statement: None, at))
            for owner, name in ((Path, "open"), (os, "fsync"), (Path, "replace"), (Path, "unlink")):
                monkeypatch.setattr(owner, name, dying(getattr(owner, name), at))
            journal.export()

    unreadable = 0
    for at in itertools.count():
        steps = itertools.count()
        exporter = fork(lambda at=at: export(at))
        exporter.join(60)
        try:
            read_rows(folder)
        except JournalError:
            unreadable += 1  # between the two files
        with a_journal(folder) as journal:
            kept = journal.rows()
            journal.export()
        assert [row["seed"] for row in kept] == list(range(6 + at))
        assert sorted(read_rows(folder), key=lambda row: row["seed"]) == kept
        assert set(contents(folder)) == {CSV, MANIFEST, SQLITE}
        if exporter.exitcode == 0:
            break
        assert exporter.exitcode == -signal.SIGKILL
    assert at > 12
    assert unreadable == 1


@needs_fork
def test_two_writers_and_an_exporter_share_a_journal(tmp_path):
    context = get_context("fork")
    together, counts = context.Barrier(3), context.Queue()

    def write(seeds):
        together.wait(60)  # a new journal is made by one of them
        with a_journal(tmp_path) as journal:
            counts.put(sum(journal.add(a_row(seed)) for seed in seeds))

    def export():
        together.wait(60)
        with a_journal(tmp_path) as journal:
            for _ in range(10):
                journal.export()

    processes = [fork(lambda: write(range(0, 60))), fork(lambda: write(range(30, 90))), fork(export)]
    added = [counts.get(timeout=60) for _ in range(2)]
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert sum(added) == 90
    with a_journal(tmp_path) as journal:
        assert sorted(row["seed"] for row in journal.rows()) == list(range(90))
        journal.export()
    assert len(read_rows(tmp_path)) == 90


@needs_fork
def test_a_table_that_does_not_fit_leaves_the_old_one(folder):
    import resource

    with a_journal(folder) as journal:
        for seed in range(5, 60):
            journal.add(a_row(seed, text="λ" * 2000))
    before = contents(folder)

    def export():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))  # the journal's first pages, not the table
        with a_journal(folder) as journal:
            with pytest.raises(JournalError, match=r"expected to write .*replication.csv .*free space"):
                journal.export()
            assert len(journal.rows()) == 60

    process = fork(export)
    process.join(60)
    assert process.exitcode == 0
    after = contents(folder)
    assert set(after) == set(before)
    assert all(after[name] == before[name] for name in (CSV, MANIFEST))
    with a_journal(folder) as journal:
        journal.export()
    assert len(read_rows(folder)) == 60


def test_a_full_disk_keeps_every_run_before(folder):
    with a_journal(folder) as journal:
        with journal._store.reading() as db:
            db.execute(f"PRAGMA max_page_count = {db.execute('PRAGMA page_count').fetchone()[0]}")
        added = []

        def fill():
            for seed in range(5, 500):
                journal.add(a_row(seed, text="x" * 500))
                added.append(seed)

        with pytest.raises(JournalError, match=r"full.*: free space .* and start again"):
            fill()
        assert [row["seed"] for row in journal.rows()] == [*range(5), *added]
    with a_journal(folder) as journal:
        assert journal.add(a_row(len(added) + 5))


def test_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "results").write_text("hello")
    with pytest.raises(JournalError, match=r"expected a folder that can be written in .*: pass another --out"):
        a_journal(tmp_path / "results")
    with pytest.raises(JournalError, match=r"expected a folder that can be written in .*: pass another --out"):
        a_journal(tmp_path / "results" / "deeper")


@contextlib.contextmanager
def powerless():
    """Be nobody for a while if we are root, to whom every folder is open."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
@pytest.mark.parametrize("rights", [0o000, 0o555])
@pytest.mark.parametrize("present", [[CSV, MANIFEST, SQLITE], [CSV, MANIFEST], []])
def test_a_folder_without_rights(folder, rights, present):
    with tempfile.TemporaryDirectory() as open_to_all:  # pytest's own folders are their owner's alone
        Path(open_to_all).chmod(0o755)
        closed = Path(open_to_all) / "results"
        closed.mkdir()
        for name in present:
            shutil.copy(folder / name, closed)
            (closed / name).chmod(0o444)
        closed.chmod(rights)
        with powerless(), pytest.raises(JournalError, match=r"expected a .*: (check the rights|pass another --out)"):
            a_journal(closed)
        closed.chmod(0o755)
        assert contents(closed) == {name: contents(folder)[name] for name in present}


def test_a_closed_journal_says_so(folder):
    journal = a_journal(folder)
    journal.close()
    for call in (lambda: journal.add(a_row(9)), journal.rows, journal.finished, journal.export, journal.notes):
        with pytest.raises(JournalError, match=r"got a closed one: open it again"):
            call()


def test_not_a_number_is_one_in_the_journal(tmp_path):
    with a_journal(tmp_path) as journal:
        journal.add(a_row(0, loss=math.nan, largest=math.inf, zero=-0.0))
        (row,) = journal.rows()
    assert math.isnan(row["loss"])
    assert row["largest"] == math.inf
    assert math.copysign(1, row["zero"]) == -1
