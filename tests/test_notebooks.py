"""The form that every notebook keeps; that they run, and print what is stored, is nbval's to say."""

import re
from collections import Counter
from pathlib import Path

import nbformat
import pytest
from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
DETAILS = re.compile(r"<details><summary>[^<>]+</summary>")
# Too long, and known: none of them may grow.
WORDS = {"07c_certified_minima": 3_157, "08_minima_at_infinity": 3_473, "08b_spikes": 3_156}
CELLS = dict.fromkeys(("07c", "08", "08b", "09", "12"), 70)


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def text_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "markdown"]


def prose(notebook):
    return "\n".join(cell.source for cell in text_cells(notebook))


def test_there_are_notebooks_and_the_book_has_them_all():
    assert NOTEBOOKS
    toc = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    assert all(f"notebooks/{path.stem}" in toc for path in NOTEBOOKS)


def test_opening_says_what_for_whom_and_how_long(notebook):
    opening = notebook.cells[0].source
    assert opening.startswith("# ")
    for part in ("After this notebook you can", "You need", "minutes to read", "seconds to run"):
        assert part in opening


def test_cells_are_short(notebook):
    lengths = sorted(len(cell.source.splitlines()) for cell in code(notebook))
    assert lengths[len(lengths) // 2] <= 8
    assert lengths[-1] <= 25


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_has_fewer_than_3000_words_and_70_cells(path):
    """Words of text, formulas and links included; code and outputs not."""
    notebook = nbformat.read(path, as_version=4)
    assert len(prose(notebook).split()) <= WORDS.get(path.stem, 2_999)
    assert len(notebook.cells) <= CELLS.get(path.stem.split("_")[0], 69)


def test_every_cell_was_executed_in_order_without_errors(notebook):
    counts = [cell.execution_count for cell in code(notebook)]
    assert counts == list(range(1, len(counts) + 1))
    assert not [o for cell in code(notebook) for o in cell.outputs if o.output_type == "error"]


def test_no_times_or_paths_of_a_machine_are_stored(notebook):
    text = nbformat.writes(notebook)
    assert '"execution":' not in text
    assert not re.search(r"/(home|root|Users|tmp|work)/", text)


def test_text_is_plain_markdown_with_solutions_in_details(notebook):
    """JupyterLab, VS Code, Colab and GitHub show a directive, a role or a label as it is written."""
    for cell in text_cells(notebook):
        tokens = MarkdownIt("commonmark").parse(cell.source)
        assert not [token.info for token in tokens if token.info.startswith("{")]
        inline = [token for token in tokens if token.type == "inline"]
        directive_role_or_label = r"^:::|\{[\w:+-]+\}`|^\([\w-]+\)=$"
        assert not [token.content for token in inline if re.search(directive_role_or_label, token.content, re.M)]
        every = [*tokens, *(child for token in inline for child in token.children)]
        html = [token.content.strip() for token in every if token.type in ("html_block", "html_inline")]
        opened, closed = html[::2], html[1::2]
        assert all(DETAILS.fullmatch(tag) for tag in opened), html
        assert closed == ["</details>"] * len(opened), html


def test_quotations_are_boxes_with_formulas_that_jupyterlab_can_set(notebook):
    quoted = [line for cell in text_cells(notebook) for line in cell.source.splitlines() if line.startswith(">")]
    titles = {match[1] for line in quoted if (match := re.match(r"> \*\*([A-Z]\w+\.)\*\*", line))}
    assert titles <= {"Predict.", "Theorem.", "Proposition."}
    # JupyterLab takes formulas out before it reads the quotation: no ">" may stand inside.
    assert not [line for line in quoted if line.count("$") % 2]


def test_asks_before_it_shows_and_ends_with_what_was_seen(notebook):
    text = prose(notebook)
    assert text.count("> **Predict.** ") >= 2
    assert "## What you saw" in text
    assert text.index("## Exercises") < text.index("## What you saw")
    for part in ("Where the sources were wrong", "Further reading"):
        assert part in text


def predictions(path):
    cells = text_cells(nbformat.read(path, as_version=4))
    return [box[0] for cell in cells for box in re.finditer(r"^> \*\*Predict\.\*\*.*(\n>.*)*", cell.source, re.M)]


def right(box):
    """The number of the right answer."""
    return re.search(r"^> <details><summary>Answer</summary>\n>\n> \*\*(\d)\.\*\* \S", box, re.M)[1]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_predictions_have_answers_to_choose_and_one_is_right(path):
    for box in predictions(path):
        answers = re.findall(r"^> (\d)\. \S", box, re.M)
        assert answers == list("1234")[: len(answers)]
        assert len(answers) >= 2
        assert right(box) in answers
        assert box.endswith("\n> </details>")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_right_answers_of_a_notebook_have_no_place_of_their_own(path):
    places = Counter(map(right, predictions(path)))
    assert max(places.values()) <= (places.total() + 1) // 2


def test_the_right_answers_of_the_course_have_no_place_of_their_own():
    """Readers learned to skip the first answer."""
    places = Counter(right(box) for path in NOTEBOOKS for box in predictions(path))
    assert places.total() >= 90
    assert max(places.values()) <= places.total() / 2
    assert min(places[place] for place in "123") >= places.total() / 4


def test_exercises_check_themselves_and_have_solutions(notebook):
    checks = [cell for cell in code(notebook) if cell.source.startswith("exercises.check(")]
    assert len(checks) >= 3
    assert prose(notebook).count("<summary>Solution</summary>") >= len(checks)
    for cell in checks:
        assert "not answered yet" in str(cell.outputs)
