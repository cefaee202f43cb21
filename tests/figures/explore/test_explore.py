import json
import re

import numpy as np
import pytest
from bs4 import BeautifulSoup

from enlib.figures.drawing import DIVERGED, css
from enlib.figures.explore import ClosedForm, Curve, HeatMap, Points, explore, slider

T = np.linspace(0, 1, 200)
GOOD = {"alt": "A line <b>", "caption": "Look & see."}


def lines(eta, mu=0.0):
    return {"a": Curve(T, eta * T), "b": Curve(T, mu + T**2), "c": Points([0.5], [eta]), "note": f"{eta}<{mu}"}


def soup(figure):
    return BeautifulSoup(figure.to_html(), "html.parser")


def test_page_says_something_without_a_script():
    page = soup(explore(lines, **GOOD, eta=slider(1, 2, 3)))
    assert page.find(role="img")["aria-label"] == "A line <b>"
    assert page.figcaption.text == "Look & see."
    assert page.select_one(".en-at").text == "eta = 1.5"
    assert page.select_one(".en-note").text == "1.5<0.0"
    assert len(page.select("svg .en-mark")) == 3
    assert all(path["d"] for path in page.select("path.en-mark"))


def test_the_same_call_gives_the_same_page():
    one, other = (explore(lines, **GOOD, eta=slider(1, 2, 3)).to_html() for _ in range(2))
    assert one == other


def test_ids_are_unique():
    page = explore(lines, **GOOD, eta=slider(1, 2, 3)).to_html()
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_what_could_end_the_script_is_escaped():
    figure = explore(
        lambda p: {"</script>": Curve([0, 1], [0, p])}, alt="a", caption="c", p=slider(1, 2, 2, label="</script>")
    )
    spec = json.loads(soup(figure).script.string)
    assert spec["marks"][0]["name"] == spec["controls"][0]["label"] == "</script>"


@pytest.mark.parametrize("frames, limit", [((21,), 45_000), ((101,), 180_000), ((15, 15), 380_000)])
def test_size_of_the_page(frames, limit):
    """Three curves of 200 points: the budget of a page is 600 kB."""
    controls = {name: slider(0, 1, n) for name, n in zip(("p", "q"), frames, strict=False)}

    def three(p, q=0.0):
        return {"a": Curve(T, np.sin(p + T)), "b": Curve(T, np.cos(q + T)), "c": Curve(T, p + q + T**2)}

    assert len(explore(three, alt="a", caption="c", **controls).to_html()) < limit


def test_colours_are_the_palette_s():
    page = explore(lines, **GOOD, eta=slider(1, 2, 3), colors={"b": DIVERGED}).to_html()
    assert css(DIVERGED) in page
    with pytest.raises(ValueError, match="colour of the palette"):
        explore(lines, **GOOD, eta=slider(1, 2, 3), colors={"b": "red"})


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"alt": ""}, "expected alt text, got '': say what the figure shows"),
        ({"alt": None}, "expected alt text, got None"),
        ({"caption": " "}, "expected caption text"),
        ({}, "expected one or two controls, got 0"),
        ({"eta": slider(0, 1), "mu": slider(0, 1), "nu": slider(0, 1)}, "one or two controls, got 3"),
        ({"eta": 0.5}, r"expected slider\(...\) or choice\(...\) for eta, got 0.5"),
        ({"eta": slider(0, 1, 226)}, "at most 225 frames, got 226: use fewer values, or pass a ClosedForm"),
        ({"eta": slider(0, 1, 16), "mu": slider(0, 1, 16)}, "at most 225 frames, got 256"),
        ({"eta": slider(0, 1, 3), "yscale": "log"}, "expected positive y for a logarithmic axis"),
    ],
)
def test_bad_calls(arguments, message):
    with pytest.raises(ValueError, match=message):
        explore(lines, **{**GOOD, **arguments})


def test_alt_cannot_be_left_out():
    with pytest.raises(TypeError, match="alt"):
        explore(lines, caption="c", eta=slider(0, 1))


def test_closed_form_has_no_frames_and_no_limit():
    form = ClosedForm(lambda p, q: {"a": Curve(T, p * T + q)}, "({p, q}) => ({})")
    page = explore(form, alt="a", caption="c", p=slider(0, 1, 101), q=slider(0, 1, 101)).to_html()
    assert len(page) < 40_000
    assert json.loads(BeautifulSoup(page, "html.parser").script.string)["js"] == form.javascript


def test_heat_map_is_an_image_with_a_colour_bar():
    grid = np.linspace(0, 1, 8)
    page = soup(explore(lambda k: {"z": HeatMap(grid, grid, k + np.outer(grid, grid))}, **GOOD, k=slider(0, 1, 3)))
    assert page.select_one("image.en-mark")["href"].startswith("data:image/png;base64,")


def test_heat_map_lies_where_its_cells_are():
    """Four cells from 0 to 4 and an axis from 0 to 8: the image covers the left half of the axes."""
    cells = np.arange(4) + 0.5
    page = soup(
        explore(lambda k: {"z": HeatMap(cells, cells, k * np.eye(4))}, **GOOD, k=slider(1, 2, 2), xlim=(0, 8))
    )
    window, image = page.select_one("svg.en-marks"), page.select_one("image.en-mark")
    assert float(image["x"]) == pytest.approx(float(window["x"]), abs=0.02)
    assert float(image["width"]) == pytest.approx(float(window["width"]) / 2, abs=0.02)
    assert float(image["height"]) == pytest.approx(float(window["height"]), abs=0.02)
