import json
import math
import os
import random
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enlib.replication import (
    Description,
    Journal,
    JournalError,
    Recipe,
    identify,
    journal,
    read_manifest,
    read_rows,
    read_traces,
)
from enlib.replication.recipe import added_later

MACHINE = {"processor": "one", "threads": 1}
OTHER = {"processor": "another", "threads": 1}


def recipe(seed=0, lr=0.01, **more):
    return Recipe(data="digits-1v7", model="fc1", lr=lr, epochs=1, seed=seed, **more)


def unit(seed=0):
    return recipe(seed), recipe(seed, exponential=True, lam=0.1)


def rows(of, loss=0.5, **more):
    return [{**one.row(), "status": "capped", "train_loss": loss, "data_digest": "d0", **more} for one in of]


@pytest.fixture
def folder(tmp_path):
    """A folder with four runs, in the journal and in the table."""
    kept = Journal(tmp_path / "out")
    for seed in (1, 0):
        kept.keep(unit(seed), rows(unit(seed)), MACHINE)
    kept.export()
    return kept.folder


def files(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".locks" not in path.parts
    }


def without_journal(folder):
    """Leave the table alone, as git does."""
    for path in (folder / "replication.runs").glob("*.json"):
        path.unlink()


def test_what_was_kept_comes_back_with_its_machine(tmp_path):
    kept = Journal(tmp_path)
    kept.keep(unit(), rows(unit(), cause=None, neuron=math.nan), MACHINE)
    found = kept.read()
    assert set(found.rows) == {one.identity for one in unit()}
    row, machine = found.rows[unit()[0].identity]
    assert repr(row) == repr(rows(unit(), cause=None, neuron=math.nan)[0])
    assert machine == MACHINE
    assert found.disagreements == []


VALUES = st.floats() | st.integers(-(2**60), 2**60) | st.text(max_size=20) | st.booleans() | st.none()


@settings(max_examples=25)
@given(values=st.lists(VALUES, min_size=1, max_size=20))
def test_every_value_comes_back_from_the_journal_and_from_the_table(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("journal")
    kept = Journal(folder)
    named = {f"value {i}": value for i, value in enumerate(values)}
    kept.keep(unit()[:1], rows(unit()[:1], **named), MACHINE)
    ((row, _),) = kept.read().rows.values()
    kept.export()
    (line,) = read_rows(folder=folder)
    for name, value in named.items():
        assert repr(row[name]) == repr(line[name]) == repr(value)


def test_the_same_runs_are_the_same_files_in_whichever_order_they_ended(tmp_path, folder):
    other = Journal(tmp_path / "other")
    for seed in (0, 1):
        other.keep(unit(seed), rows(unit(seed)), MACHINE)
        other.export()
    assert files(other.folder) == files(folder)


def test_the_table_has_its_rows_in_the_order_of_their_kind(folder):
    found = [(row["seed"], row["exponential"]) for row in read_rows(folder=folder)]
    assert found == [(0, False), (0, True), (1, False), (1, True)]


def test_the_manifest_says_what_the_table_is(folder):
    manifest = read_manifest(folder=folder)
    assert manifest["rows"] == 4
    assert [(m["rows"], m["description"]) for m in manifest["machines"].values()] == [(4, MACHINE)]
    assert manifest["notes"] == {"digest of digits-1v7": ["d0"]}
    assert all(identify(row) == row["run"] for row in read_rows(folder=folder))


def test_traces_have_a_table_of_their_own(tmp_path):
    watched = (recipe(watch=1, stacked=False),)
    kept = Journal(tmp_path, "mechanism")
    kept.keep(
        watched, rows(watched, trace=[{"update": 10, "sharpness": 0.1}, {"update": 20, "sharpness": 1e300}]), MACHINE
    )
    kept.export()
    expected = [{"run": watched[0].identity, "update": 10 * k, "sharpness": s} for k, s in ((1, 0.1), (2, 1e300))]
    assert read_traces("mechanism", folder=tmp_path) == expected
    before = files(tmp_path)
    for path in (tmp_path / "mechanism.runs").glob("*.json"):
        path.unlink()
    kept.export()
    assert files(tmp_path).items() <= before.items(), "the table alone gives the same table"
    (tmp_path / "mechanism_traces.csv").write_bytes(before[Path("mechanism_traces.csv")].replace(b"0.1", b"0.2"))
    with pytest.raises(JournalError, match="mechanism_traces.csv, got another SHA-256"):
        kept.read()


@pytest.mark.parametrize("later", [False, True])
def test_a_sweep_resumes_from_a_table_that_came_from_another_machine(folder, later):
    """Also when it comes while the sweep runs."""
    without_journal(folder)
    kept = Journal(folder)
    if later:
        table = files(folder)
        for name in table:
            (folder / name).unlink()
    kept.keep(unit(2), rows(unit(2)), OTHER)
    if later:
        for name, content in table.items():
            (folder / name).write_bytes(content)
    kept.export()
    assert {row["seed"] for row in read_rows(folder=folder)} == {0, 1, 2}
    assert sorted(m["rows"] for m in read_manifest(folder=folder)["machines"].values()) == [2, 4]


def test_machines_are_merged_by_copying_their_files(tmp_path, folder):
    other = Journal(tmp_path / "other")
    other.keep(unit(2), rows(unit(2)), OTHER)
    for path in (other.folder / "replication.runs").glob("*.json"):
        (folder / "replication.runs" / path.name).write_bytes(path.read_bytes())
    Journal(folder).export()
    assert len(read_rows(folder=folder)) == 6


def test_two_results_of_one_run_are_said_and_the_first_stands(folder):
    """One bit of one number is enough; a table of two machines, or code that no longer gives what it gave."""
    kept = Journal(folder)
    kept.keep(unit(0), rows(unit(0), loss=math.nextafter(0.5, 1)), OTHER)
    found = kept.export()
    assert len(found.disagreements) == 2
    assert found.disagreements[0].endswith(": train_loss")
    assert found.disagreements[0].startswith("digits-1v7, seed 0, run ")
    assert {row["train_loss"] for row in read_rows(folder=folder)} == {0.5}
    (said,) = (
        text for name, text in read_manifest(folder=folder)["notes"].items() if "of which the first stands" in name
    )
    assert said == sorted(found.disagreements)


def test_another_result_of_a_unit_is_kept_beside_the_first(tmp_path):
    kept = Journal(tmp_path)
    for loss, machine in ((0.5, MACHINE), (0.6, OTHER), (0.5, OTHER)):
        kept.keep(unit(), rows(unit(), loss=loss), machine)
    assert len(kept.export().disagreements) == 2
    assert {row["train_loss"] for row in read_rows(folder=tmp_path)} == {0.5}
    for path in (tmp_path / "replication.runs").glob("*.json"):
        path.unlink()
    assert len(kept.export().disagreements) == 2, "the note stays with the table"


def test_a_trace_that_an_interrupted_export_did_not_write_is_not_lost(tmp_path, monkeypatch):
    watched = [(recipe(seed, watch=1, stacked=False),) for seed in range(3)]
    kept, write = Journal(tmp_path, "mechanism"), journal._write
    for steps in range(4):
        one = watched[min(steps, 2)]
        kept.keep(one, rows(one, trace=[{"update": 10, "sharpness": float(steps)}]), MACHINE)
        left = [steps]

        def interrupted(path, content, left=left):
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
            write(path, content)

        monkeypatch.setattr(journal, "_write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            kept.export()
        monkeypatch.setattr(journal, "_write", write)
        assert len(kept.read().disagreements) == (steps == 3)
    found = kept.export()
    assert (
        set(found.traces) == set(found.rows) == {point["run"] for point in read_traces("mechanism", folder=tmp_path)}
    )


def test_readers_and_writers_at_once_are_never_refused(tmp_path):
    """A reader may come between any two writes of an export."""
    kept = Journal(tmp_path)
    seen = []
    write = journal._write
    for seed in range(4):
        kept.keep(unit(seed), rows(unit(seed)), {"processor": f"{seed}", "threads": 1})

        def watched(path, content):
            write(path, content)
            if (tmp_path / TABLE).exists():
                seen.append(len(read_rows(folder=tmp_path)))

        journal._write = watched
        try:
            kept.export()
        finally:
            journal._write = write
    assert seen == sorted(seen)
    assert seen[-1] == 8


def test_what_is_no_file_is_not_read(folder):
    (folder / TABLE).unlink()
    (folder / TABLE).mkdir()
    with pytest.raises(JournalError, match="something that is no file"):
        read_rows(folder=folder)
    (folder / TABLE).rmdir()
    with pytest.raises(JournalError, match="No such file"):
        Journal(folder).read()


def test_a_run_that_is_not_the_units_is_refused(tmp_path):
    with pytest.raises(ValueError, match="expected the row of run"):
        Journal(tmp_path).keep(unit(0), rows(unit(1)), MACHINE)
    with pytest.raises(ValueError, match="got ndarray: convert it|got Tensor|got list"):
        Journal(tmp_path).keep(unit(0), rows(unit(0), value=[1]), MACHINE)
    assert not (tmp_path / "replication.runs").exists()


def test_a_claim_is_for_one_process_and_ends_with_it(tmp_path):
    kept = Journal(tmp_path)
    program = (
        "import sys, time; from pathlib import Path; from enlib.replication import Journal, Recipe\n"
        "unit = (Recipe(data='digits-1v7', model='fc1', lr=0.01, epochs=1, seed=0),)\n"
        "with Journal(Path(sys.argv[1])).claim(unit) as claimed: print(claimed, flush=True); time.sleep(600)\n"
    )
    mine = (recipe(),)
    other = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "True\n"
        with kept.claim(mine) as claimed:
            assert not claimed
        with kept.claim((recipe(1),)) as claimed:
            assert claimed
    finally:
        other.kill()
        other.communicate()
    with kept.claim(mine) as claimed:
        assert claimed


def damaged_json(name, change):
    def damage(folder):
        path = folder / name
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return damage


def edited(name, change):
    """Change a table, and its manifest so that its digest fits: what a digest alone does not notice."""

    def damage(folder):
        path = folder / name
        lines = change(path.read_text().splitlines(keepends=True))
        path.write_text("".join(lines))
        manifest = json.loads((folder / "replication_manifest.json").read_text())
        manifest["sha256"] = journal._digest(path.read_bytes())
        (folder / "replication_manifest.json").write_text(json.dumps(manifest))

    return damage


def machine_of(manifest):
    return next(iter(manifest["machines"].values()))


TABLE, MANIFEST = "replication.csv", "replication_manifest.json"


@pytest.mark.parametrize(
    "damage, message",
    [
        (lambda f: (f / TABLE).write_text("run,machine\n"), "another SHA-256 than its manifest's"),
        (lambda f: (f / MANIFEST).unlink(), "No such file"),
        (lambda f: (f / MANIFEST).write_text("{"), "Expecting property name"),
        (lambda f: (f / MANIFEST).write_text("[]"), "got list indices"),
        (damaged_json(MANIFEST, lambda m: m.pop("machines")), "got 'machines'"),
        (damaged_json(MANIFEST, lambda m: m.pop("notes")), "got 'notes'"),
        (damaged_json(MANIFEST, lambda m: m.update(replaces=None)), "NoneType"),
        (damaged_json(MANIFEST, lambda m: m.update(sha256=[1])), "missing entries"),
        (damaged_json(MANIFEST, lambda m: machine_of(m).update(rows=1e999)), "infinity"),
        (damaged_json(MANIFEST, lambda m: m.update(protocol=9)), "expected format 1 and protocol 2"),
        (damaged_json(MANIFEST, lambda m: m.update(rows=5)), "4 rows where the manifest counts 5"),
        (damaged_json(MANIFEST, lambda m: machine_of(m).update(rows=3)), "counts of other machines"),
        (damaged_json(MANIFEST, lambda m: machine_of(m).update(description={})), "not the one described"),
        (damaged_json(MANIFEST, lambda m: m.update(protocol=1)), "got 1 and 1: use the version of enlib"),
        (edited(TABLE, lambda lines: [*lines, lines[-1]]), "2 times"),
        (edited(TABLE, lambda lines: lines[:-1]), "3 rows where the manifest counts 4"),
        (edited(TABLE, lambda lines: [lines[0], lines[1].replace(",0.5,", ",a,"), *lines[2:]]), "text among the"),
        (edited(TABLE, lambda lines: [line.replace(",0.01,", ",0.02,") for line in lines]), "with settings of"),
        (edited(TABLE, lambda lines: [line.replace("fc1", "") for line in lines]), "with settings of None"),
        (edited(TABLE, lambda lines: [lines[0], *(line[:-13] + "0\n" for line in lines[1:])]), "is not described"),
    ],
)  # fmt: skip
def test_a_table_that_is_not_what_was_written_is_refused_and_left_as_it_is(folder, damage, message):
    damage(folder)
    before = files(folder)
    for use in (lambda: read_rows(folder=folder), Journal(folder).read, Journal(folder).export):
        with pytest.raises(JournalError, match=message) as refused:
            use()
        assert "(git checkout, or" in str(refused.value) or "use the version of enlib that wrote it" in str(
            refused.value
        )
    assert files(folder) == before


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda text: text.replace(b"0.5", b"0.6"), "a damaged or edited file"),
        (lambda text: text[: len(text) // 2], "a damaged or edited file"),
        (lambda text: b"", "a damaged or edited file"),
        (lambda text: resealed(text, b'"protocol": 2', b'"protocol": 9'), "expected runs of protocol 2 in .*, got 9"),
        (lambda text: resealed(text, b'"lr": 0.01', b'"lr": 0.02'), "or made by other code"),
        (lambda text: resealed(text, b'"runs"', b'"sums"'), "expected a unit of runs in .*, got 'runs'"),
        (lambda text: resealed(text, b'"lr": 0.01', b'"lr": NaN'), "expected a unit of runs in .*, got expected lr"),
        (lambda text: resealed(text, b'"problem": "digits-1v7"', b'"problem": "mnist"'), "rows that are not runs"),
        (lambda text: resealed(text, b'{"protocol"', b"[" * 9999), "expected a unit of runs in"),
    ],
)
def test_a_unit_that_is_not_what_was_written_is_refused_and_left_as_it_is(folder, change, message):
    path = next((folder / "replication.runs").glob("*.json"))
    path.write_bytes(change(path.read_bytes()))
    before = files(folder)
    for use in (Journal(folder).read, Journal(folder).export):
        with pytest.raises(JournalError, match=f"{message}.*: move it away; its runs will be made again"):
            use()
    assert files(folder) == before


def resealed(text, old, new):
    content = text.partition(b"\n")[2].replace(old, new)
    return journal._digest(content).encode() + b"\n" + content


def test_no_flipped_bit_gives_another_table(folder):
    """In any file of the journal: either it is refused, or nothing changes."""
    generator = random.Random(0)
    expected = repr(sorted(Journal(folder).read().rows.items()))
    refused = 0
    for _ in range(200):
        path = generator.choice([folder / name for name in sorted(files(folder)) if name.name != ".gitignore"])
        content = path.read_bytes()
        position, bit = generator.randrange(len(content)), 1 << generator.randrange(8)
        path.write_bytes(content[:position] + bytes([content[position] ^ bit]) + content[position + 1 :])
        try:
            found = Journal(folder).read()
            assert repr(sorted(found.rows.items())) == expected, f"bit {bit} of byte {position} of {path.name}"
            read_rows(folder=folder)
        except JournalError:
            refused += 1
        finally:
            path.write_bytes(content)
    assert refused > 150


def test_an_export_that_is_stopped_at_any_step_leaves_a_table_that_can_be_read(folder, monkeypatch):
    kept = Journal(folder)
    old = repr(read_rows(folder=folder))
    write = journal._write
    for steps in range(4):
        kept.keep(unit(2 + steps), rows(unit(2 + steps)), MACHINE)
        left = [steps]

        def interrupted(path, content, left=left):
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
            write(path, content)

        monkeypatch.setattr(journal, "_write", interrupted)
        if steps < 3:
            with pytest.raises(KeyboardInterrupt):
                kept.export()
        else:
            kept.export()
        monkeypatch.setattr(journal, "_write", write)
        found = repr(read_rows(folder=folder))
        assert (found == old) == (steps < 2)
        old = found
        kept.export()
        old = repr(read_rows(folder=folder))
    assert len(read_rows(folder=folder)) == 4 + 2 * 4


def test_a_full_disk_keeps_every_run_before(folder, monkeypatch):
    def full(path, data):
        raise OSError(28, f"expected to write {path}, got 'No space left on device': free space")

    before = files(folder)
    monkeypatch.setattr(journal._tools, "write_atomically", full)
    with pytest.raises(JournalError, match="No space left on device.*; every finished run is kept"):
        Journal(folder).keep(unit(2), rows(unit(2)), MACHINE)
    with pytest.raises(JournalError, match="No space left"):
        Journal(folder).export()
    assert files(folder) == before


def test_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="expected a folder that can be written at .*: name another folder"):
        Journal(tmp_path / "file").keep(unit(), rows(unit()), MACHINE)


@pytest.mark.skipif(os.name != "posix", reason="needs a umask")
def test_the_rights_of_files_are_what_the_umask_says(tmp_path):
    before = os.umask(0o002)
    try:
        Journal(tmp_path).keep(unit(), rows(unit()), MACHINE)
        Journal(tmp_path).export()
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*") if path.is_file()} <= {0o664, 0o644}
    assert (tmp_path / TABLE).stat().st_mode & 0o777 == 0o664
    assert next((tmp_path / "replication.runs").glob("*.json")).stat().st_mode & 0o777 == 0o664


def test_nothing_is_written_to_follow_a_link(folder, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (folder / TABLE).unlink()
    (folder / TABLE).symlink_to(victim)
    (folder / MANIFEST).unlink()
    with pytest.raises(JournalError):
        Journal(folder).export()
    (folder / TABLE).unlink()
    Journal(folder).export()
    assert victim.read_text() == "precious"


def test_no_runs_are_no_table(tmp_path):
    assert Journal(tmp_path).export().rows == {}
    assert not (tmp_path / TABLE).exists()


@dataclass(frozen=True, kw_only=True)
class Toss(Description):
    """A run that is no recipe: the journal keeps it with the same promises."""

    sides: int
    seed: int
    bias: float = added_later(0.0)
    _may_be_zero = frozenset({"seed", "bias"})

    @property
    def problem(self):
        return f"coin-{self.sides}"


def test_a_run_that_is_no_recipe(tmp_path):
    mine = Journal(tmp_path, "tosses", Toss)
    fair, loaded = Toss(sides=2, seed=0), Toss(sides=2, seed=1, bias=0.5)
    assert Toss(sides=2, seed=0, bias=0).identity == fair.identity != loaded.identity
    for toss in (fair, loaded):
        mine.keep((toss,), [{**toss.row(), "heads": 1, "trace": [{"toss": 0}]}], MACHINE)
    mine.export()
    for path in (tmp_path / "tosses.runs").glob("*.json"):
        path.unlink()
    assert mine.read().rows.keys() == {fair.identity, loaded.identity}
    rows = read_rows("tosses", Toss, folder=tmp_path)
    assert {Toss.from_row(row) for row in rows} == {fair, loaded}
    assert [point["toss"] for point in read_traces("tosses", Toss, folder=tmp_path)] == [0, 0]
    with pytest.raises(JournalError, match="with settings of None"):
        read_rows("tosses", folder=tmp_path)
    with pytest.raises(ValueError, match="expected the row of run"):
        mine.keep((fair,), [{**loaded.row()}], MACHINE)


def test_traces_of_two_kinds_in_one_table_are_no_disagreement(tmp_path):
    mine = Journal(tmp_path, "tosses", Toss)
    for seed, trace in enumerate(([{"toss": 0}], [{"height": 0.5}])):
        toss = Toss(sides=2, seed=seed)
        mine.keep((toss,), [{**toss.row(), "heads": 1, "trace": trace}], MACHINE)
    mine.export()
    assert mine.read().disagreements == []
