import json
import math
import subprocess
import sys
import time
from pathlib import Path

import pytest

from enlib.replication import studies
from enlib.replication.studies import CONDITIONS, STUDIES, WITH, WITHOUT, Trial, read_journal, run_study, run_trial


def quick(trial):
    """A stand-in for a run, for the tests of the journal."""
    return {
        "condition": trial.condition,
        "lr": trial.lr,
        "seed": trial.seed,
        "watch": trial.watch,
        "square": trial.seed**2,
    }


TRIALS = [Trial(WITH, 0.01, seed) for seed in range(5)]


@pytest.fixture
def one_process(monkeypatch):
    """Functions of a test cannot be sent to another process."""
    monkeypatch.setattr(studies, "in_workers", lambda work, items, *, workers: (work(item) for item in items))


def test_studies_are_paired_and_complete():
    for name, seeds in (("mechanism", 10), ("cures", 20)):
        trials = STUDIES[name]
        assert len(set(trials)) == len(trials)
        arms = {(t.condition, t.lr) for t in trials}
        assert all(sum((t.condition, t.lr) == arm for t in trials) == seeds for arm in arms)
    assert {t.condition for t in STUDIES["cures"]} == set(CONDITIONS)


def test_a_finished_study_is_read_and_not_run_again(tmp_path, one_process):
    journal = tmp_path / "out" / "j.jsonl"
    first = list(run_study(TRIALS, journal, workers=2, work=quick))
    assert sorted(row["square"] for row in first) == [0, 1, 4, 9, 16]

    def never(trial):
        raise AssertionError("ran again")

    assert list(run_study(TRIALS, journal, workers=1, work=never)) == read_journal(journal)


def test_a_study_goes_on_where_it_was_cut_off(tmp_path, one_process):
    journal = tmp_path / "j.jsonl"
    list(run_study(TRIALS, journal, workers=1, work=quick))
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(lines[:2]) + lines[2][:-9])  # killed while writing the third
    rows = list(run_study(TRIALS, journal, workers=1, work=quick))
    assert sorted(row["seed"] for row in rows) == [0, 1, 2, 3, 4]
    assert sorted(row["seed"] for row in read_journal(journal)) == [0, 1, 2, 3, 4]
    journal.write_text(lines[0][:-5])
    assert read_journal(journal) == []
    assert journal.read_text() == ""


def test_a_stopped_study_keeps_what_was_finished(tmp_path, one_process):
    journal = tmp_path / "j.jsonl"
    going = run_study(TRIALS, journal, workers=1, work=quick)
    first = next(going)
    going.close()
    assert read_journal(journal)[0] == first


def test_fewer_trials_than_the_journal_has(tmp_path, one_process):
    journal = tmp_path / "j.jsonl"
    trials = STUDIES["cures"][:4]
    list(run_study(trials, journal, workers=1, work=quick))
    assert [row["seed"] for row in run_study(trials[:2], journal, workers=1, work=quick)] == [
        t.seed for t in trials[:2]
    ]


def test_a_second_process_is_refused(tmp_path, one_process):
    journal = tmp_path / "j.jsonl"
    going = run_study(TRIALS, journal, workers=1, work=quick)
    next(going)
    with pytest.raises(RuntimeError, match="expected to be alone with .*j.jsonl"):
        next(run_study(TRIALS, journal, workers=1, work=quick))
    assert len(list(going)) == len(TRIALS) - 1
    assert len(read_journal(journal)) == len(TRIALS)


def test_what_fails_in_another_process_is_said_here(tmp_path):
    with pytest.raises(ValueError, match="expected condition to be one of"):
        list(run_study([Trial("nonsense", 0.01, 0)], tmp_path / "j.jsonl", workers=1))


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads Linux's /proc")
def test_a_killed_study_leaves_no_worker_behind(tmp_path):
    program = [sys.executable, "-m", "enlib", "study", "cures", "--out", str(tmp_path), "--workers", "1"]
    study = subprocess.Popen(program, stderr=subprocess.DEVNULL)
    try:
        journal = tmp_path / "cures.jsonl"
        wait(lambda: journal.exists() and children(study.pid))
        workers = children(study.pid)
    finally:
        study.kill()
        study.wait()
    wait(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
    read_journal(journal)


def children(pid):
    found = Path(f"/proc/{pid}/task/{pid}/children")
    return found.read_text().split() if found.exists() else []


def wait(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.2)


def test_damaged_and_foreign_journals(tmp_path):
    journal = tmp_path / "j.jsonl"
    journal.write_text("{}}\n" + json.dumps(quick(TRIALS[0])) + "\n")
    with pytest.raises(ValueError, match="a run as a JSON object in line 1"):
        read_journal(journal)
    journal.write_text(json.dumps(quick(Trial(WITHOUT, 0.5, 7))) + "\n")
    with pytest.raises(ValueError, match="journal of this study, got a run of another"):
        list(run_study(TRIALS, journal, workers=1, work=quick))
    with pytest.raises(ValueError, match="workers"):
        list(run_study(TRIALS, tmp_path / "new.jsonl", workers=0, work=quick))


def test_one_trial_of_each_condition(monkeypatch):
    monkeypatch.setattr(studies, "EPOCHS", 1)
    monkeypatch.setattr(studies, "SAMPLES", 200)
    for condition in CONDITIONS:
        row = run_trial(Trial(condition, 0.01, 0))
        assert row["status"] in ("capped", "converged")
        assert math.isnan(row["largest_exponent"]) == (condition == WITHOUT)
        assert row["trace"] == []
    with pytest.raises(ValueError, match="condition"):
        run_trial(Trial("nonsense", 0.01, 0))


def test_a_watched_trial_has_a_trace_and_repeats(monkeypatch):
    monkeypatch.setattr(studies, "EPOCHS", 2)
    monkeypatch.setattr(studies, "SAMPLES", 200)
    first, second = (run_trial(Trial(WITH, 0.01, 0, watch=True)) for _ in range(2))
    assert [row["update"] for row in first["trace"]] == [1, 2, 3]
    assert first["trace"] == second["trace"]


@pytest.mark.slow
def test_the_neuron_spikes_and_a_smaller_step_of_its_own_prevents_it():
    arms = {
        arm: [run_trial(Trial(arm, 0.03, seed)) for seed in range(6)]
        for arm in (WITHOUT, WITH, "a tenth of the step size")
    }
    spikes = {arm: sum(not math.isnan(row["first_spike"]) for row in rows) for arm, rows in arms.items()}
    assert spikes[WITHOUT] == 0
    assert spikes[WITH] >= 3
    assert spikes["a tenth of the step size"] == 0
