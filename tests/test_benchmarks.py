"""The programs in benchmarks/ that decide something: what agrees on a GPU, what is slower, what is installed."""

import importlib.util
import json
import sys
import time
from pathlib import Path

import pytest
import torch

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def load(name):
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


def test_without_a_gpu_nothing_is_written_and_that_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert load("gpu").main(["--out", str(tmp_path / "gpu.json")]) == 0
    assert capsys.readouterr().out.startswith("NOT RUN: torch")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_comparison_of_devices_rehearsed_on_the_cpu(tmp_path):
    assert load("gpu").main(["--device", "cpu", "--out", str(tmp_path / "gpu.json")]) == 0
    result = json.loads((tmp_path / "gpu.json").read_text())
    assert [part["status"] for part in result["parts"].values()] == ["done"] * 4
    found = [agreement for part in result["parts"].values() for agreement in part["agreement"].values()]
    assert len(found) > 30
    assert all(agreement["agrees"] for agreement in found)


def test_parts_that_disagree_fail_or_take_too_long_lose_nothing(tmp_path, monkeypatch):
    gpu = load("gpu")

    def disagrees(session):
        session.agree("numbers", [1.0, 2.0], [1.0, 2.1], 0.04)
        session.agree("what is NaN on both sides", [float("nan"), 1.0], [float("nan"), 1.0], 0.0)
        session.agree("what is NaN on one", [float("nan"), 1.0], [1.0, 1.0], 1.0)

    def fails(session):
        raise ValueError("no\nsuch thing")

    def sleeps(session):
        session.agree("what came before", [1.0], [1.0], 0.0)
        time.sleep(60)

    parts = {"one": (disagrees, 0.9), "two": (fails, 0.05), "three": (sleeps, 0.05)}
    monkeypatch.setattr(gpu, "PARTS", parts)
    path = tmp_path / "gpu.json"
    assert gpu.compare(gpu.Session("cpu", path, small=True), limit=0.5) == 1
    parts = json.loads(path.read_text())["parts"]
    assert [found["agrees"] for found in parts["one"]["agreement"].values()] == [False, True, False]
    assert parts["two"]["status"] == "failed: ValueError: no such thing"
    assert parts["three"]["status"] == "out of time"
    assert parts["three"]["agreement"]["what came before"]["agrees"]


def test_slower_means_slower_in_every_round(capsys):
    compare = load("against").compare

    def clock(*seconds):
        times = iter((9.0, *seconds))  # the first run warms up
        return lambda name: next(times)

    assert not compare("a", clock(1.0, 2.0, 2.0), clock(1.1, 1.0, 1.0), rounds=3)
    assert compare("a", clock(1.2, 1.3, 1.1), clock(1.0, 1.0, 1.0), rounds=3)
    assert "SLOWER" in capsys.readouterr().out

    def broken(name):
        raise RuntimeError("no such name there")

    assert not compare("a", clock(1.0), broken, rounds=3)
    assert "skipped: no such name there" in capsys.readouterr().out


def test_peers_are_pinned_and_leave_torch_alone():
    for path in BENCHMARKS.glob("requirements-*.txt"):
        lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
        assert lines
        assert all("==" in line and not line.startswith(("torch", "numpy", "scipy")) for line in lines)


def test_an_unknown_benchmark_is_answered_with_the_known(capsys):
    assert load("run").main(["fitt"]) == 2
    assert "expected one of fit, sweep" in capsys.readouterr().err
