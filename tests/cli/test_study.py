import csv
import json

from enlib.cli import main, study
from enlib.replication import studies


def test_a_study_writes_its_tables(tmp_path, monkeypatch, capsys):
    trials = [
        studies.Trial(arm, 0.01, seed, watch=True) for seed in (1, 0) for arm in (studies.WITH, studies.WITHOUT)
    ]
    monkeypatch.setitem(study.STUDIES, "mechanism", trials)

    def results(trials, journal, workers):
        for t in reversed(list(trials)):
            trace = [{"update": k, "sharpness": float(k), "batch_loss": -float(k)} for k in range(1, 13)]
            yield {"condition": t.condition, "lr": t.lr, "seed": t.seed, "watch": True, "x": 1 / 3, "trace": trace}

    monkeypatch.setattr(study, "run_study", results)
    assert main(["study", "mechanism", "--out", str(tmp_path), "--workers", "1"]) == 0
    assert "4 runs in" in capsys.readouterr().out
    with (tmp_path / "mechanism.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["condition"], row["seed"]) for row in rows] == [(t.condition, str(t.seed)) for t in trials]
    assert rows[0]["x"] == "0.333333"
    with (tmp_path / "mechanism_traces.csv").open() as file:
        points = list(csv.DictReader(file))[:2]
    assert [(p["update"], p["sharpness"], p["batch_loss"]) for p in points] == [
        ("10", "10", "-1"),
        ("12", "12", "-11"),
    ]
    assert json.loads((tmp_path / "mechanism_manifest.json").read_text())["runs"] == 4
    assert not list(tmp_path.glob("*.tmp"))


def test_fewer_seeds(tmp_path, monkeypatch):
    seen = []

    def results(trials, journal, workers):
        seen.extend(trials)
        tmp_path.mkdir(exist_ok=True)
        t = seen[0]
        yield {"condition": t.condition, "lr": t.lr, "seed": t.seed, "watch": False, "trace": []}

    monkeypatch.setattr(study, "run_study", results)
    assert main(["study", "cures", "--out", str(tmp_path), "--seeds", "1"]) == 0
    assert {t.seed for t in seen} == {0}
    assert not (tmp_path / "cures_traces.csv").exists()


def test_fewer_runs_do_not_take_the_place_of_more(tmp_path, capsys):
    table = tmp_path / "cures.csv"
    table.write_text("condition,seed\n" + "with the neuron,0\n" * 440)
    before = table.read_text()
    assert main(["study", "cures", "--seeds", "1", "--out", str(tmp_path)]) == 1
    assert "expected room for a table of 22 runs" in capsys.readouterr().err
    assert main(["study", "cures", "--seeds", "0", "--out", str(tmp_path)]) == 1
    assert "expected --seeds to be an integer >= 1" in capsys.readouterr().err
    assert (table.read_text(), list(tmp_path.iterdir())) == (before, [table])
