"""The page of causes: each link leads to a heading, and what is quoted is printed by the notebook beside it."""

import re
from pathlib import Path

import nbformat
import pytest

PAGE = Path(__file__).parents[1] / "book" / "causes.md"
LINES = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
ROWS = [line for line in LINES if not line.startswith(("| Sentence", "|---"))]


def links(text):
    """The file and the anchor of each link; a link without an anchor has the anchor ""."""
    return [(PAGE.parent / path, anchor) for path, anchor in re.findall(r"\]\(([^)#]+)#?([^)]*)\)", text)]


def anchors(path):
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = nbformat.reads(text, as_version=4).cells
        text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def printed(path):
    """What the cells of a notebook print, with single spaces."""
    outputs = (o for cell in nbformat.read(path, as_version=4).cells for o in cell.get("outputs", ()))
    texts = (o.get("text") or o.get("data", {}).get("text/plain", "") for o in outputs)
    return " ".join(" ".join(texts).split())


def test_there_is_a_row_for_each_notebook_and_the_verdict():
    named = {path.stem for row in ROWS for path, _ in links(row)}
    notebooks = {path.stem for path in PAGE.parents[1].glob("notebooks/*.ipynb")}
    about = {name for name in notebooks if re.match(r"(07[bc]|08[bc]?|09|1[012])_", name)}
    assert about | {"verdict"} <= named


@pytest.mark.parametrize("path, anchor", sorted({link for row in ROWS for link in links(row)}), ids=str)
def test_links_lead_to_a_heading(path, anchor):
    assert path.exists()
    assert not anchor or anchor in anchors(path)


@pytest.mark.parametrize("row", [row for row in ROWS if "`" in row])
def test_quoted_numbers_are_printed_by_the_notebook_of_the_row(row):
    (path, _), *_ = links(row)
    text = printed(path)
    for quoted in re.findall(r"`([^`]+)`", row):
        assert quoted in text
    # Beside the quotations and links a result has words, and none of the numbers that a notebook may print.
    prose = re.sub(r"`[^`]+`|\]\([^)]+\)|λ = 0", "", row.split(" | ")[-1])
    assert not re.search(r"\d", prose), prose
