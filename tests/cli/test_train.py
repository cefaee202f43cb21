import re

import pytest

from enlib.cli import main
from enlib.training import Run

QUICK = ["train", "--data", "digits-1v7", "--epochs", "30", "--device", "cpu"]


def run(capsys, *arguments):
    status = main([*QUICK, *arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.mark.parametrize("arguments", [[], ["--exponential"]])
def test_table(capsys, arguments):
    status, printed, _ = run(capsys, *arguments)
    assert status == 0
    rows = re.findall(r"^(train|validation|test) +(\d+) +(\d+) +([\d.]+%) +[\d.e-]+$", printed, re.MULTILINE)
    assert [row[:2] for row in rows] == [("train", "217"), ("validation", "72"), ("test", "72")]
    assert rows[0][2:] == ("0", "0.00%")
    assert re.search(r"zero training errors: after \d+ epochs, \d+ updates\nstatus: converged", printed)
    assert ("largest exponent in training: " in printed) == bool(arguments)


def test_the_same_command_prints_the_same(capsys):
    assert run(capsys, "--exponential") == run(capsys, "--exponential")


def test_picture(capsys, tmp_path):
    path = tmp_path / "curves.png"
    run(capsys, "--plot", str(path))
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_run_that_diverges_is_a_result(capsys):
    status, printed, _ = run(capsys, "--exponential", "--optimizer", "sgd", "--lr", "1e5")
    assert status == 0
    assert re.search(r"zero training errors: never reached\nstatus: diverged at update \d+: batch loss", printed)


def test_resume_after_an_interruption_prints_the_same(capsys, tmp_path, monkeypatch):
    whole = run(capsys, "--exponential")
    checkpointed = ["--exponential", "--checkpoint", str(tmp_path / "run.pt")]
    record, updates = Run.record, iter(range(10))

    def interrupted(self, objective):
        if next(updates) == 7:
            raise KeyboardInterrupt
        record(self, objective)

    monkeypatch.setattr(Run, "record", interrupted)
    assert run(capsys, *checkpointed)[0] == 130
    monkeypatch.undo()
    status, _, error = run(capsys, *checkpointed)
    assert status == 1
    assert "add --resume" in error
    assert run(capsys, *checkpointed, "--resume") == whole


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--lr", "-1"], "expected lr > 0, got -1.0"),
        (["--lr", "0"], "expected lr > 0, got 0.0"),
        (["--exponential", "--lam", "-1"], "expected lam >= 0, got -1.0"),
        (["--model", "convnet"], "did you mean 'conv'"),
        (["--model", "conv"], "use 'fc1' or 'fc2'"),
        (["--neuron-lr", "0.1"], "expected --exponential with --neuron-lr"),
        (["--lam", "5"], "expected --exponential with --lam"),
        (["--resume"], "expected --checkpoint with --resume"),
        (["--lr", "nan"], "expected lr > 0, got nan"),
        (["--epochs", "0"], "expected --epochs to be an integer >= 1, got 0"),
        (["--device", "cpu:abc"], "such as 'cpu' or 'cuda:1', got 'cpu:abc'"),
        (["--plot", "curves"], "to end in .png, .svg or .pdf"),
        (["--plot", "README.md/curves.png"], "where a file can be written"),
        (["--seed", "-1"], "expected seed"),
        (["--threads", "0"], "expected --threads"),
        (["--data", "spheres", "--train", "0"], "expected train to be an integer >= 1, got 0"),
        (["--data", "spheres", "--radii", "-1", "1"], "expected inner > 0, got -1.0"),
        (["--radii", "1", "2"], "expected no options for digits-1v7"),
    ],
)
def test_bad_arguments(capsys, arguments, message):
    status, _, error = run(capsys, *arguments)
    assert status == 1
    assert error.startswith("error: ")
    assert message in error


@pytest.mark.parametrize("bad", ["0", "abc", "-3"])
def test_bad_batch_size_is_wrong_usage(capsys, bad):
    with pytest.raises(SystemExit) as stopped:
        main([*QUICK, f"--batch-size={bad}"])
    assert stopped.value.code == 2
    assert f"expected a positive number or 'full', got '{bad}'" in capsys.readouterr().err


@pytest.mark.data("cifar10")
@pytest.mark.slow
def test_real_photographs_are_learned_to_the_last(capsys):
    assert main(["train", "--data", "cifar10-0v1", "--model", "fc2", "--no-download", "--device", "cpu"]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"^train +2000 +0 ", printed, re.MULTILINE)
    assert "status: converged" in printed


@pytest.mark.data("mnist")
@pytest.mark.slow
def test_real_digits_are_learned_with_the_neuron(capsys):
    arguments = ["--data", "mnist-1v7", "--model", "conv", "--exponential", "--no-download", "--device", "cpu"]
    assert main(["train", *arguments, "--epochs", "3"]) == 0
    found = re.search(r"^train +13000 +(\d+) ", capsys.readouterr().out, re.MULTILINE)
    assert int(found[1]) < 65  # half a percent
