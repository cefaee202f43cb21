import subprocess
import sys

import pytest

from enlib.__main__ import main


def test_help_names_the_commands(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    printed = capsys.readouterr().out
    assert "data" in printed
    assert "train" in printed


def test_wrong_usage_is_status_2(capsys):
    with pytest.raises(SystemExit) as stopped:
        main([])
    assert stopped.value.code == 2


def test_errors_are_one_message_without_a_traceback():
    ran = subprocess.run([sys.executable, "-m", "enlib", "train", "--data", "sphere"], capture_output=True, text=True)
    assert ran.returncode == 1
    assert ran.stderr.startswith("error: expected data set to be one of")
    assert "did you mean 'spheres'" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_ctrl_c_is_status_130(monkeypatch, capsys):
    from enlib.cli import train

    def interrupted(options):
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "run", interrupted)
    monkeypatch.setattr("enlib.datasets.load", interrupted)
    assert main(["train"]) == 130
