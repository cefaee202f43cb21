"""Setting up in a folder of any name, and again after it was copied."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def relocate():
    spec = importlib.util.spec_from_file_location("relocate", ROOT / ".ci" / "relocate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.relocate


@pytest.mark.parametrize("name", ["copy", "a copy"])
@pytest.mark.parametrize(
    "start", ["#!{0}/bin/python3\n", "#!/bin/sh\n'''exec' \"{0}/bin/python3\" \"$0\" \"$@\"\n' '''\n"]
)
def test_a_copied_environment_starts_its_own_python(tmp_path, relocate, name, start):
    folder = tmp_path / "old"
    (folder / "bin").mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).resolve().parent}\n")
    (folder / "bin" / "python").symlink_to(Path(sys.executable).resolve())
    program = folder / "bin" / "program"
    program.write_text(start.format(folder) + "import sys\nprint(sys.prefix)\n")
    program.chmod(0o755)
    assert relocate(folder) == []
    copy = tmp_path / name
    shutil.copytree(folder, copy, symlinks=True)
    shutil.rmtree(folder)
    assert relocate(copy) == ["program"]
    assert relocate(copy) == []
    ran = subprocess.run([copy / "bin" / "program"], capture_output=True, text=True, check=True)
    assert Path(ran.stdout.strip()) == copy


def test_make_stands_spaces_in_the_path_and_knows_a_copy(tmp_path):
    def ready(folder):
        folder.mkdir()
        shutil.copy(ROOT / "Makefile", folder)
        for name in ("requirements.txt", "pyproject.toml"):
            (folder / name).touch()
        plan = subprocess.run(["make", "--dry-run", "lab"], capture_output=True, text=True, check=True, cwd=folder)
        return {word for word in plan.stdout.split() if word.startswith(".venv/.ready-") and "*" not in word}

    one, other = ready(tmp_path / "a folder"), ready(tmp_path / "another")
    assert len(one) == len(other) == 1
    assert one != other
    listed = subprocess.run(["make", "help"], capture_output=True, text=True, check=True, cwd=tmp_path / "a folder")
    assert "make book" in listed.stdout


def test_make_keeps_out_what_the_user_has_on_pythonpath(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/somewhere/with/a/package/named/enlib")
    program = 'include Makefile\nshow:\n\t@echo "[$$PYTHONPATH]"\n'
    ran = subprocess.run(
        ["make", "-f", "-", "show"], input=program, capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert ran.stdout == "[]\n"
