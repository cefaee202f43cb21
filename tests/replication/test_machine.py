import json
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
import torch

from enlib.replication import machine
from enlib.replication.machine import describe, machine_hash

needs_git = pytest.mark.skipif(not shutil.which("git"), reason="needs git")


def git(folder, *arguments):
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    ran = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return ran.stdout.strip()


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with a package and a table."""
    package = tmp_path / "checkout" / "enlib"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package.parent / "table.csv").write_text("1\n")
    git(package.parent, "init", "--quiet")
    git(package.parent, "add", ".")
    git(package.parent, "commit", "--quiet", "-m", "first")
    monkeypatch.setattr(machine, "_PACKAGE", package)
    return package.parent


def test_a_description_says_what_numbers_depend_on_and_not_whose_machine_it_is():
    described = describe(threads=3)
    assert set(described) == {
        *("enlib", "commit", "dirty", "python", "torch", "numpy", "scipy", "system", "machine", "processor"),
        *("capability", "device", "dtype", "threads"),
    }
    assert described["torch"] == torch.__version__
    assert (described["device"], described["dtype"], described["threads"]) == ("cpu", "float32", 3)
    text = json.dumps(described)
    assert not any(secret in text for secret in (socket.gethostname(), str(Path.home()), str(Path.cwd())))
    assert json.loads(text) == described
    assert describe(threads=3) == described


def test_a_gpu_is_named(monkeypatch):
    monkeypatch.setattr(machine, "resolve_device", lambda device, dtype: torch.device(device))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Imagined 1000")
    assert describe("cuda:1", torch.float64)["device"] == "cuda (Imagined 1000)"


def test_identity_hangs_on_every_entry():
    described = describe()
    others = [described | {name: "something else"} for name in described]
    assert len({machine_hash(other) for other in [described, *others]}) == len(described) + 1
    assert machine_hash(json.loads(json.dumps(dict(reversed(described.items()))))) == machine_hash(described)


@needs_git
def test_the_commit_is_the_one_that_last_changed_the_package(checkout):
    first = git(checkout, "rev-parse", "HEAD")
    assert (describe()["commit"], describe()["dirty"]) == (first, False)
    (checkout / "table.csv").write_text("2\n")
    assert describe()["dirty"] is False
    git(checkout, "commit", "--quiet", "-a", "-m", "a table")
    assert describe()["commit"] == first
    (checkout / "enlib" / "new.py").write_text("")
    assert (describe()["commit"], describe()["dirty"]) == (first, True)


@needs_git
def test_no_setting_of_the_users_reaches_the_description(checkout, monkeypatch, tmp_path):
    """Signatures in logs, other formats, colors, hidden untracked files, a hook's variables: each would show."""
    expected = describe()
    settings = tmp_path / "gitconfig"
    settings.write_text(
        "[log]\nshowSignature = true\n[format]\npretty = fuller\n[color]\nui = always\n"
        "[status]\nshowUntrackedFiles = no\nbranch = true\nshort = true\n[core]\nfsmonitor = echo secret\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    git(checkout, "config", "include.path", str(settings))
    assert describe() == expected
    (checkout / "enlib" / "new.py").write_text("")
    assert describe() == expected | {"dirty": True}


@needs_git
def test_another_repository_is_not_taken_for_the_packages(checkout, monkeypatch, tmp_path):
    installed = checkout / ".venv" / "enlib"
    installed.mkdir(parents=True)
    (installed / "__init__.py").write_text("")
    monkeypatch.setattr(machine, "_PACKAGE", installed)
    assert (describe()["commit"], describe()["dirty"]) == (None, None)
    (tmp_path / "enlib").mkdir()
    monkeypatch.setattr(machine, "_PACKAGE", tmp_path / "enlib")
    monkeypatch.setenv("GIT_DIR", str(checkout / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(checkout))
    assert describe()["commit"] is None


def test_no_git_is_no_failure(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert describe()["commit"] is None
