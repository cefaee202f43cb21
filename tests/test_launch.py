import importlib.util
import shutil
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
REPOSITORY = "https://github.com/someone/course"


@pytest.fixture
def launch():
    spec = importlib.util.spec_from_file_location("launch", ROOT / "book" / "_ext" / "launch.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_install_cell_comes_before_the_first_code_once_and_is_hidden(launch, tmp_path):
    path = tmp_path / "n.ipynb"
    shutil.copy(ROOT / "notebooks" / "07_exponential_neuron.ipynb", path)
    before = nbformat.read(path, as_version=4).cells
    launch.add_install_cell(path, REPOSITORY)
    launch.add_install_cell(path, REPOSITORY)
    after = nbformat.read(path, as_version=4)
    nbformat.validate(after)
    code = [cell for cell in after.cells if cell.cell_type == "code"]
    assert len(after.cells) == len(before) + 1
    lines = [line.strip() for line in code[0].source.splitlines()]
    # The committed measurements are in the package, which is all that a notebook needs.
    assert lines[-1] == f"%pip install --quiet {REPOSITORY}/archive/refs/heads/launch.zip"
    assert code[0].metadata.tags == ["remove-cell"]
    assert [cell.source for cell in after.cells if cell.id != "install"] == [cell.source for cell in before]


@pytest.mark.parametrize("bad", ["", "someone/course", "https://example.org/a/b", "https://github.com/a/b; rm -rf /"])
def test_bad_addresses(launch, tmp_path, bad):
    with pytest.raises(ValueError, match="expected https://github.com/OWNER/NAME"):
        launch.check_repository(bad)
