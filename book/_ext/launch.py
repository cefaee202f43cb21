"""Make the notebooks ready for Colab and Binder: a first cell that installs the package where it is missing.

``python book/_ext/launch.py https://github.com/OWNER/NAME`` changes the notebooks in place. The publishing workflow
does so on a branch of its own, ``launch``, to which the book's launch buttons lead; the notebooks of the main branch
and the pages of the book stay without that cell.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import nbformat

BRANCH = "launch"
_CELL = """\
# Install this course's package where it is missing, as on Colab; what it has measured comes with it.
import importlib.util

if importlib.util.find_spec("enlib") is None:
    %pip install --quiet {repository}/archive/refs/heads/{branch}.zip\
"""


def check_repository(address: str) -> str:
    """Return the address of a repository.

    Raises
    ------
    ValueError
        If it is not the https address of a GitHub repository.
    """
    if not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", address):
        raise ValueError(f"expected https://github.com/OWNER/NAME, got {address!r}: pass the repository's address")
    return address


def add_install_cell(path: Path, repository: str) -> None:
    """Put the install cell before the first code cell of a notebook; once, however often it is called."""
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    cells = [cell for cell in notebook.cells if cell.get("id") != "install"]
    first = next(i for i, cell in enumerate(cells) if cell.cell_type == "code")
    source = _CELL.format(repository=check_repository(repository), branch=BRANCH)
    cell = nbformat.v4.new_code_cell(  # type: ignore[no-untyped-call]
        source, id="install", metadata={"tags": ["remove-cell"]}
    )
    notebook.cells = [*cells[:first], cell, *cells[first:]]
    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    for found in sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb")):
        add_install_cell(found, sys.argv[1])
