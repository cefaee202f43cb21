import csv
import io
import math
from xml.etree import ElementTree

from enlib.tables import Table

TABLE = Table(
    "name", "A < B", [{"problem": "x", "p": "0.5"}, {"problem": "longer", "p": "1e-05"}],
    [{"problem": "x", "p": 0.5}, {"problem": "longer", "q": math.nan}], ("Read it.",),
)  # fmt: skip


def test_text_lines_up():
    assert TABLE.text().splitlines() == [
        "A < B", "", "problem      p", "x          0.5", "longer   1e-05", "", "Read it.",
    ]  # fmt: skip


def test_markdown():
    lines = TABLE.markdown().splitlines()
    assert lines[:5] == ["## A < B", "", "| problem | p |", "|:---|---:|", "| x | 0.5 |"]
    assert lines[-1] == "- Read it."


def test_csv_keeps_every_column_and_says_nan():
    rows = list(csv.DictReader(io.StringIO(TABLE.csv())))
    assert rows == [{"problem": "x", "p": "0.5", "q": ""}, {"problem": "longer", "p": "", "q": "nan"}]


def test_html_is_sound_and_can_be_reached_with_the_keyboard():
    page = ElementTree.fromstring(f"<div>{TABLE.html()}</div>")
    region = page.find("div")
    assert region.get("tabindex") == "0"
    assert region.get("aria-label") == "A < B"
    assert [cell.text for cell in page.iter("td")] == ["0.5", "1e-05"]
    assert [head.get("scope") for head in page.iter("th")] == ["col", "col", "row", "row"]
    assert TABLE._repr_mimebundle_()["text/plain"] == TABLE.text()


def test_cells_break_before_an_interval_and_between_arms_alone():
    shown = [{"problem": "spheres 1/1.5, n = 5000", "a": "40.0\\1 [0, 7]", "b": "1.0\\2 / 3.0\\4", "c": "not shown"}]
    page = ElementTree.fromstring(f"<div>{Table('name', 'Title', shown, []).html()}</div>")
    lines = [cell.text.split(" ") for cell in page.iter("td")]
    assert lines == [
        ["40.0\\1", "[0,\N{NO-BREAK SPACE}7]"],
        ["1.0\\2\N{NO-BREAK SPACE}/", "3.0\\4"],
        ["not\N{NO-BREAK SPACE}shown"],
    ]
    assert page.find(".//tbody//th").text.split(" ") == [
        "spheres",
        "1/1.5,",
        "n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}5000",
    ]


def test_an_empty_table():
    empty = Table("name", "Nothing", [], [])
    assert empty.text() == "Nothing"
    assert empty.csv() == "\n"
    assert "Nothing" in empty.html()
