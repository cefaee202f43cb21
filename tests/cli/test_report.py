import csv

import pytest
from replication_rows import row

from enlib.cli import main, report


@pytest.fixture
def results(tmp_path, monkeypatch):
    rows = [row(seed, arm, epochs_to_zero=20.0 + 2 * seed + arm) for seed in range(6) for arm in (False, True)]
    monkeypatch.setattr(report, "read_rows", lambda *, folder: rows if folder == tmp_path else [])
    return tmp_path


def test_prints_ours_beside_the_reports(results, capsys):
    assert main(["report", "--results", str(results), "--table", "2"]) == 0
    line = next(text for text in capsys.readouterr().out.splitlines() if text.startswith("spheres 1/1.01, n = 1000"))
    assert "20 / 23" in line
    assert "25 [20, 30]" in line


@pytest.mark.parametrize("shape, mark", [("markdown", "|:---|"), ("csv", "p_holm")])
def test_other_formats(results, capsys, shape, mark):
    assert main(["report", "--results", str(results), "--table", "2", "--format", shape]) == 0
    assert mark in capsys.readouterr().out


def test_writes_all_tables_in_all_formats(results, tmp_path, capsys):
    out = tmp_path / "tables"
    assert main(["report", "--results", str(results), "--out", str(out), "--by", "others"]) == 0
    assert len(list(out.iterdir())) == 15
    with (out / "speed.csv").open() as file:
        assert next(csv.DictReader(file))["without"] == "25.0"


@pytest.mark.parametrize("by", ["own", "others"])
def test_by_is_for_the_tables_in_which_a_trial_is_chosen(results, capsys, by):
    assert main(["report", "--results", str(results), "--by", by]) == 0
    assert main(["report", "--results", str(results), "--table", "stability", "--by", by]) == 0
    assert "Stability. Runs that spike" in capsys.readouterr().out


@pytest.mark.parametrize(
    "options, message",
    [
        (["--table", "4"], "expected table to be one of"),
        (["--by", "mine"], "expected --by to be one of own, others; got 'mine'"),
        (["--format", "pdf"], "expected --format to be one of text, markdown, csv; got 'pdf'"),
    ],
)
def test_unknown_options(results, capsys, options, message):
    assert main(["report", "--results", str(results), *options]) == 1
    assert message in capsys.readouterr().err


def test_a_folder_without_results(tmp_path, capsys):
    assert main(["report", "--results", str(tmp_path / "nowhere")]) == 1
    assert str(tmp_path / "nowhere") in capsys.readouterr().err
