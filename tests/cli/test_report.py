import csv

import pytest
from replication_rows import row

from enlib.cli import main
from enlib.replication import PROTOCOL, Journal, identify


@pytest.fixture
def results(tmp_path):
    with Journal(tmp_path, protocol=PROTOCOL, identify=identify) as journal:
        for seed in range(6):
            for arm in (False, True):
                journal.add(row(seed, arm, epochs_to_zero=20.0 + 2 * seed + arm))
        journal.export()
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


def test_bad_input(results, tmp_path, capsys):
    assert main(["report", "--results", str(tmp_path / "nowhere")]) == 1
    assert main(["report", "--results", str(results), "--table", "4"]) == 1
    assert "expected table to be one of" in capsys.readouterr().err
