import json
import multiprocessing
import os

import pytest

from enlib.replication import manifest as module
from enlib.replication.machine import identity
from enlib.replication.manifest import JournalError, make_manifest, paths, read_manifest, read_rows, replace
from enlib.replication.tidy import to_csv

SLOW, FAST = {"processor": "slow"}, {"processor": "fast"}
ROWS = [{"run": f"{i:02x}", "x": i / 3, "machine": identity(SLOW if i < 3 else FAST)} for i in range(4)]
MACHINES = {identity(machine): machine for machine in (SLOW, FAST, {"processor": "idle"})}


@pytest.fixture
def table(tmp_path):
    csv, manifest = paths(tmp_path, "replication")
    csv.write_bytes(to_csv(ROWS))
    made = make_manifest(ROWS, csv.read_bytes(), protocol=3, machines=MACHINES, notes={"digits": ["ab12"]})
    manifest.write_text(json.dumps(made))
    return csv, manifest


def test_a_table_and_what_it_was_made_with(table, tmp_path):
    assert read_rows(tmp_path) == ROWS
    manifest = read_manifest(tmp_path)
    assert manifest["protocol"] == 3
    assert manifest["rows"] == 4
    assert manifest["notes"] == {"digits": ["ab12"]}
    made = {machine: (entry["rows"], entry["description"]) for machine, entry in manifest["machines"].items()}
    assert made == {identity(SLOW): (3, SLOW), identity(FAST): (1, FAST)}


def test_the_digest_is_the_one_that_other_tools_compute(table, tmp_path):
    import hashlib

    assert read_manifest(tmp_path)["sha256"] == hashlib.sha256(table[0].read_bytes()).hexdigest()


def test_an_edited_table_is_noticed(table, tmp_path):
    table[0].write_bytes(table[0].read_bytes().replace(b"0.333", b"0.334"))
    with pytest.raises(JournalError, match=r"expected .*replication.csv with the SHA-256 .* edited.*git checkout"):
        read_rows(tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda m: None,
        lambda m: "",
        lambda m: "{",
        lambda m: "[]",
        lambda m: "{}",
        lambda m: json.dumps({k: v for k, v in m.items() if k != "sha256"}),
        lambda m: json.dumps(m).replace("slow", "swift"),
        lambda m: json.dumps(m | {"machines": {}}),
        lambda m: json.dumps(m | {"machines": []}),
        lambda m: json.dumps(m | {"format": 99}),
    ],
)
def test_a_table_without_its_manifest_is_refused(table, tmp_path, damage):
    text = damage(json.loads(table[1].read_text()))
    table[1].unlink()
    if text is not None:
        table[1].write_text(text)
    with pytest.raises(JournalError, match=r"expected .*replication.*got .*(restore it|use the version of enlib)"):
        read_rows(tmp_path)


def test_no_table(tmp_path):
    with pytest.raises(JournalError, match=r"expected a table in .*replication.csv, got No such file"):
        read_rows(tmp_path)


def test_a_table_that_is_none_is_refused_though_its_digest_is_right(table, tmp_path):
    table[0].write_bytes(b"hello\n")
    made = json.loads(table[1].read_text()) | {"sha256": module.digest(b"hello\n")}
    table[1].write_text(json.dumps(made))
    with pytest.raises(JournalError, match="cannot be read"):
        read_rows(tmp_path)


def test_replaced_files_are_whole_and_nothing_is_left_over(tmp_path):
    contents = {tmp_path / "a": b"1", tmp_path / "b": b"2"}
    replace(dict.fromkeys(contents, b"old"))
    (tmp_path / "a.part").write_bytes(b"left by a kill, and longer than what comes")
    replace(contents)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == contents


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_files_that_do_not_fit_leave_the_old_ones(tmp_path):
    import resource

    old = {tmp_path / "a": b"old", tmp_path / "b": b"old"}
    replace(old)

    def writer(said):
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        try:
            replace({tmp_path / "a": b"new", tmp_path / "b": b"x" * 20_000})
        except JournalError as error:
            said.send(str(error))

    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=writer, args=(there,))
    process.start()
    process.join(60)
    assert here.poll()
    assert "free space" in here.recv()
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == old
