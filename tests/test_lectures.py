"""The lecture plans: minutes that add up, links that lead somewhere, figures that have their sliders."""

import json
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "book" / "lectures.md"
PLANS = dict(
    re.findall(r"^### (\w+) .*?\n(.*?)(?=^##|\Z)", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
)


def notebook(path):
    cells = json.loads((PAGE.parent / path).read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"], [
        "".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"
    ]


def test_every_notebook_has_a_plan():
    assert list(PLANS) == [path.name.split("_")[0] for path in sorted(PAGE.parents[1].glob("notebooks/*.ipynb"))]


@pytest.mark.parametrize("number", PLANS)
def test_a_plan_is_for_its_notebook_and_fits_into_its_time(number):
    linked = re.search(rf"\[Notebook\]\(\.\./notebooks/({number}_\w+)\.ipynb\)", PLANS[number])[1]
    for form in ("slides", "handout"):
        assert f'<a href="../notebooks/{linked}.html?{form}">{form}</a>' in PLANS[number]
    assert re.search(r"(html|ipynb)#\w", PLANS[number])  # to a figure, or to a heading
    rows = [line.strip("| ").split(" | ") for line in PLANS[number].splitlines() if re.match(r"\| (\d|–)", line)][1:]
    assert all(len(row) == 5 for row in rows)
    for column, most in ((0, 45), (1, 90)):
        minutes = [int(row[column]) for row in rows if row[column] != "–"]
        assert minutes[0] == 0
        assert minutes == sorted(set(minutes))
        assert most - 9 <= minutes[-1] <= most - 3
    assert rows[-1][2].startswith("Exercise")


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)]+)\)", PAGE.read_text(encoding="utf-8")))))
def test_links_lead_to_a_heading(link):
    path, _, anchor = link.partition("#")
    headings = re.findall(r"^#+ (.+)$", "\n".join(notebook(path)[0]), re.MULTILINE)
    assert not anchor or anchor in {re.sub(r"[^\w -]", "", h).strip().lower().replace(" ", "-") for h in headings}


@pytest.mark.parametrize("link", sorted(set(re.findall(r'href="([^"]+#[^"]+)"', PAGE.read_text(encoding="utf-8")))))
def test_figures_have_the_sliders_that_links_set(link):
    path, state = link.split(".html#")
    code = "\n".join(notebook(path + ".ipynb")[1])
    for name in re.findall(r"(?:^|&)(\w+)(?:-\d)?=", state):
        assert re.search(rf"\b{name}=(slider|choice)\(", code)
