import pytest

from enlib.cli import main


def test_list_says_what_is_missing(tmp_path, capsys):
    assert main(["data", "list", "--data-dir", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert printed.count("missing (download:") == 2
    assert "license" in printed
    assert "cite" in printed


def test_verify_of_missing_data_is_status_1(tmp_path, capsys):
    assert main(["data", "verify", "mnist", "--data-dir", str(tmp_path)]) == 1
    assert "run python -m enlib data fetch mnist" in capsys.readouterr().out


def test_fetch_without_a_network_is_status_1_and_tells_what_was_tried(tmp_path, capsys):
    arguments = ["data", "fetch", "mnist", "--data-dir", str(tmp_path), "--mirror", "http://127.0.0.1:9/"]
    assert main(arguments) == 1
    assert "http://127.0.0.1:9/train-images-idx3-ubyte.gz: no connection" in capsys.readouterr().err


def test_unknown_source_suggests_the_nearest(tmp_path, capsys):
    assert main(["data", "verify", "mnits", "--data-dir", str(tmp_path)]) == 1
    assert "did you mean 'mnist'" in capsys.readouterr().err


@pytest.mark.data("mnist", "cifar10")
def test_verify_of_the_real_images(capsys):
    assert main(["data", "verify"]) == 0
    assert capsys.readouterr().out == "mnist: verified\ncifar10: verified\n"
