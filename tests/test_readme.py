import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


@pytest.mark.slow
def test_the_ten_lines_run_and_draw(tmp_path, monkeypatch):
    (program,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert len(program.splitlines()) <= 11
    monkeypatch.chdir(tmp_path)
    exec(program, {})
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)]+)\)", README.read_text(encoding="utf-8")))
def test_links_point_to_files(link):
    assert (README.parent / link).is_file()


def test_every_make_target_has_its_plain_command():
    makefile = (README.parent / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE)) - {"help"}
    assert targets == set(re.findall(r"^\| `make ([a-z-]+)`", README.read_text(encoding="utf-8"), re.MULTILINE))
