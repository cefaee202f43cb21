import contextlib
import os
import random
import signal
import sqlite3
from multiprocessing import get_context

import pytest

from enlib.replication import store as module
from enlib.replication.manifest import JournalError
from enlib.replication.store import Store

MACHINE = {"processor": "imagined"}
ROWS = [(f"{i:04x}", {"seed": i, "loss": 1 / (i + 1), "text": "λ" * 50}) for i in range(200)]
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def open_store(path, protocol=1):
    store = Store(path, protocol)
    try:
        with store.writing() as db:
            store.prepare(db)
    except BaseException:
        store.close()
        raise
    return store


def read(path):
    with contextlib.closing(open_store(path)) as store, store.reading() as db:
        rows = [(run, content) for run, content, _ in store.rows(db)]
        assert {run for (run,) in db.execute("SELECT run FROM runs")} == {run for run, _ in rows}  # by the index
        return rows


def fill(store, runs=100):
    for i in range(runs):
        with store.writing() as db:
            store.insert(db, f"{10_000 + i:x}", {"text": "x" * 500}, MACHINE)


def interrupted(store):
    with store.writing() as db:
        store.insert(db, "ffff", {}, MACHINE)
        raise KeyboardInterrupt


@pytest.fixture
def path(tmp_path):
    """A file with all rows."""
    path = tmp_path / "replication.sqlite"
    with contextlib.closing(open_store(path)) as store, store.writing() as db:
        assert all(store.insert(db, run, content, MACHINE) for run, content in ROWS)
    return path


def in_another_process(work):
    process = get_context("fork").Process(target=work)
    process.start()
    process.join(60)
    return process.exitcode


def test_rows_come_back_in_their_order_and_only_once(path):
    assert read(path) == ROWS
    with contextlib.closing(open_store(path)) as store, store.writing() as db:
        assert not store.insert(db, ROWS[0][0], {"another": 1}, MACHINE)
    assert read(path) == ROWS


def test_one_file_and_every_commit_on_the_disk(path):
    with contextlib.closing(open_store(path)) as store, store.reading() as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert db.execute("PRAGMA synchronous").fetchone() == (3,)  # EXTRA
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_what_fails_within_leaves_nothing(path):
    with contextlib.closing(open_store(path)) as store:
        with pytest.raises(KeyboardInterrupt):
            interrupted(store)
        with store.writing() as db:
            store.insert(db, "fffe", {}, MACHINE)
    assert [run for run, _ in read(path)] == [run for run, _ in ROWS] + ["fffe"]


DAMAGES = {
    "half": lambda b: b[: len(b) // 2],
    "a tenth": lambda b: b[: len(b) // 10],
    "some pages": lambda b: b[: 4096 * 5],
    "one page": lambda b: b[:4096],
    "the last page gone": lambda b: b[:-4096],
    "no header": lambda b: b[4096:],
    "a few bytes": lambda b: b[:50],
    "text": lambda b: b"run,seed\n1,2\n",
    "garbage": lambda b: random.Random(0).randbytes(len(b)),
    "garbage in the middle": lambda b: b[:20_000] + random.Random(0).randbytes(9000) + b[29_000:],
    "zeros in the middle": lambda b: b[:20_000] + bytes(9000) + b[29_000:],
    "zeros at the end": lambda b: b[:-4096] + bytes(4096),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_file_is_refused_and_left_as_it_is(path, damage):
    bad = damage(path.read_bytes())
    path.write_bytes(bad)
    with pytest.raises(JournalError, match=r"expected a whole journal .*got .*move it away.*safe in replication.csv"):
        open_store(path)
    assert path.read_bytes() == bad


def test_a_flipped_byte_is_noticed_or_does_not_matter(path):
    whole = path.read_bytes()
    random_ = random.Random(0)
    refused = 0
    for _ in range(300):
        place = random_.randrange(len(whole))
        path.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << random_.randrange(8))]) + whole[place + 1 :])
        try:
            assert read(path) == ROWS, f"byte {place}"
        except JournalError:
            refused += 1
    assert refused > 200


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE runs SET content = replace(content, '0.5', '0.6') WHERE run = '0001'",
        "UPDATE runs SET run = 'ffff' WHERE run = '0001'",
        "UPDATE runs SET machine = 'another' WHERE run = '0001'",
        "UPDATE machines SET description = replace(description, 'imagined', 'real')",
        "UPDATE machines SET description = 'real'",
        "DROP TABLE meta",
        "DROP TABLE runs",
    ],
)
def test_what_was_changed_by_hand_is_refused(path, statement):
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        assert db.execute(statement).rowcount in (1, -1)
    with pytest.raises(JournalError, match="expected a whole journal"):
        open_store(path)


def test_another_database_is_refused(tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "x.sqlite")) as db, db:
        db.execute("CREATE TABLE bookmarks (a)")
    with pytest.raises(JournalError, match=r"expected a whole journal .*no such table: meta"):
        open_store(tmp_path / "x.sqlite")


def test_another_protocol_or_format_is_refused(path):
    with pytest.raises(JournalError, match=r"expected runs of protocol 2 in .*got 1: move it away, or pass another"):
        open_store(path, protocol=2)
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE meta SET value = '99' WHERE key = 'format'")
    with pytest.raises(JournalError, match=r"expected format 1 in .*got 99: use the version of enlib"):
        open_store(path)


def test_an_empty_file_is_a_new_one(tmp_path):
    (tmp_path / "x.sqlite").touch()
    assert read(tmp_path / "x.sqlite") == []


def test_a_folder_in_its_place_is_refused(tmp_path):
    with pytest.raises(JournalError, match=r"expected a journal that can be written in .*unable to open"):
        open_store(tmp_path)


@needs_fork
def test_a_killed_write_that_had_reached_the_file_is_rolled_back(path):
    whole = path.read_bytes()

    def write_and_die():
        store = open_store(path)
        with store.writing() as db:
            db.execute("PRAGMA cache_size = 1")  # pages reach the file long before the commit
            for i in range(300):
                store.insert(db, f"{10_000 + i:x}", {"text": "x" * 500}, MACHINE)
            db.execute("UPDATE runs SET content = 'nothing'")
            os.kill(os.getpid(), signal.SIGKILL)

    assert in_another_process(write_and_die) == -signal.SIGKILL
    assert path.with_name("replication.sqlite-journal").stat().st_size > 0
    assert path.read_bytes() != whole
    assert read(path) == ROWS
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@needs_fork
def test_a_write_ahead_log_that_was_left_is_taken_in(path):
    def write_and_die():
        db = sqlite3.connect(path)
        db.execute("PRAGMA journal_mode = WAL")
        store = Store.__new__(Store)
        store.insert(db, "ffff", {"seed": -1}, MACHINE)
        db.commit()
        os.kill(os.getpid(), signal.SIGKILL)

    assert in_another_process(write_and_die) == -signal.SIGKILL
    assert path.with_name("replication.sqlite-wal").stat().st_size > 0
    assert read(path) == [*ROWS, ("ffff", {"seed": -1})]
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", ["-journal", "-wal", "-shm"])
@pytest.mark.parametrize("leftover", [b"", b"garbage" * 1000, bytes(5000)])
def test_a_leftover_that_is_no_log_does_no_harm(path, suffix, leftover):
    path.with_name(path.name + suffix).write_bytes(leftover)
    assert read(path) == ROWS


def test_a_log_left_without_its_journal_does_no_harm(path):
    path.with_name("replication.sqlite-journal").write_bytes(path.read_bytes())
    path.unlink()
    assert read(path) == []


def test_a_full_disk_keeps_what_was_there(path):
    with contextlib.closing(open_store(path)) as store:
        with store.reading() as db:
            pages = db.execute("PRAGMA page_count").fetchone()[0]
            db.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(JournalError, match=r"expected room on the disk .*full.*: free space .* start again"):
            fill(store)
        with store.reading() as db:
            kept = store.rows(db)
            assert [(run, content) for run, content, _ in kept[:200]] == ROWS
            db.execute("PRAGMA max_page_count = 100000")
        with store.writing() as db:
            assert store.insert(db, "ffff", {}, MACHINE)
    assert [run for run, _ in read(path)] == [run for run, *_ in kept] + ["ffff"]


@needs_fork
def test_a_file_that_cannot_grow_keeps_what_was_there(path):
    import resource

    size = path.stat().st_size

    def write():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        with contextlib.closing(open_store(path)) as store:
            with pytest.raises(JournalError, match="free space"):
                fill(store)
            with store.reading() as db:
                assert [(run, content) for run, content, _ in store.rows(db)][:200] == ROWS

    assert in_another_process(write) == 0
    assert read(path)[:200] == ROWS


def test_a_file_that_someone_holds_is_waited_for_and_then_named(path, monkeypatch):
    monkeypatch.setattr(module, "BUSY_SECONDS", 0.05)
    with contextlib.closing(open_store(path)) as store:
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(JournalError, match=r"expected .* to be free within .*locked.*stop the process"):
            open_store(path)
        with pytest.raises(JournalError, match="locked"), store.writing():
            pass
        holder.close()
        with store.writing() as db:
            assert store.insert(db, "ffff", {}, MACHINE)


@pytest.mark.skipif(os.name == "nt", reason="Windows does not move an open file")
def test_a_file_that_is_moved_under_its_writer_is_noticed(path):
    with contextlib.closing(open_store(path)) as store:
        path.rename(path.with_name("elsewhere"))
        with pytest.raises(JournalError, match=r"nobody moved the file"), store.writing() as db:
            store.insert(db, "ffff", {}, MACHINE)


def test_a_closed_file_says_so(path):
    store = open_store(path)
    store.close()
    store.close()
    with (
        pytest.raises(JournalError, match=r"expected the journal .* got a closed one: open it again"),
        store.writing(),
    ):
        pass


def test_a_mistake_in_this_code_is_not_called_damage(path):
    with (
        contextlib.closing(open_store(path)) as store,
        pytest.raises(sqlite3.ProgrammingError),
        store.reading() as db,
    ):
        db.execute("SELECT ?")
