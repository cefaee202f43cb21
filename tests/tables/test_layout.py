import csv
import io
import math
from xml.etree import ElementTree

import pytest

from enlib.tables import Table
from enlib.tables.layout import arms, interval, loss_and_errors, p_value

TABLE = Table(
    "name", "A < B", [{"problem": "x", "p": "0.5"}, {"problem": "longer", "p": "1e-05"}],
    [{"problem": "x", "p": 0.5}, {"problem": "longer", "q": math.nan}], ("Read it.",),
)  # fmt: skip


def test_a_table_of_rows():
    rows = ((name, p) for name, p in (("x", 0.5), ("longer", "1e-05")))
    assert Table.of("A < B", "problem | p", rows, "Read it.").text() == TABLE.text()
    assert Table.of("none", "problem | p", []).shown == []
    for row in (("x",), ("x", 0.5, 1)):
        with pytest.raises(ValueError, match="a cell for each of .'problem', 'p'."):
            Table.of("A < B", "problem | p", [row])


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
    assert [cell.text for cell in page.iter("td")] == ["0.5", "10⁻⁵"]
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


def test_a_heading_does_not_break_at_its_equals_sign():
    page = ElementTree.fromstring(f"<div>{Table.of('Title', 'loss | at lambda = 0', [('a', 1)]).html()}</div>")
    assert [head.text for head in page.iter("th")][1] == "at λ\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}0"


def test_an_empty_table():
    empty = Table("name", "Nothing", [], [])
    assert empty.text() == "Nothing"
    assert empty.csv() == "\n"
    assert "Nothing" in empty.html()


def test_all_rows_have_the_same_headings():
    with pytest.raises(ValueError, match=r"expected the headings \['a'\] in every row, got \['b'\]"):
        Table("name", "Title", [{"a": "1"}, {"b": "2"}], [])


@pytest.mark.parametrize(
    "text, cell",
    [
        (interval(1.5, 0.25, math.inf, ".2f"), "1.50 [0.25, ∞]"),
        (interval(math.nan, -math.inf, 0.125, "+.1f"), "? [-∞, +0.1]"),
        (loss_and_errors(0.0504, 3.0), "0.050\\3"),
        (loss_and_errors(12.34, 2.5), "12.3\\2.5"),
        (loss_and_errors(math.nan, math.nan), ""),
        (p_value(0.0123), "0.012"),
        (p_value(0.0495), "0.0495"),
        (p_value(0.0502), "0.0502"),
        (p_value(0.00012), "1e-04"),
        (p_value(math.nan), ""),
        (arms("1", "2"), "1 / 2"),
        (arms("", ""), ""),
    ],
)
def test_cells(text, cell):
    assert text == cell


def test_a_row_without_a_name_has_no_empty_head():
    """Screen readers announce a head; axe found empty ones in a table of notebook 08b."""
    table = Table("t", "Title", [{"claim": "a", "n": "1"}, {"claim": "", "n": "2"}])
    assert '<th scope="row">a</th>' in table.html()
    assert "<tr><td></td><td>2</td></tr>" in table.html()
