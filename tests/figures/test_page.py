import base64
import json
import re

import numpy as np
import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from enlib.figures import Curve, HeatMap, Points, explore, slider
from enlib.figures.page import pack

T = np.linspace(0, 1, 200)
GOOD = {"alt": 'A line <b> & "more"', "caption": "Look & <see>."}


def lines(eta, mu=0.0):
    return {"a": Curve(T, eta * T), "b": Curve(T, mu + T**2), "c": Points([0.5], [eta]), "note": f"{eta}<{mu}"}


def soup(figure):
    return BeautifulSoup(figure.to_html(), "html.parser")


def unpack(packed):
    """The oracle: what explore.js does, in Python."""
    integers = np.frombuffer(base64.b64decode(packed["b"]), "<i2").astype(float)
    values = packed["o"] + (integers + 32768) * packed["s"]
    return 10**values if packed["log"] else values


@given(arrays(float, st.integers(1, 50), elements=st.floats(-1e6, 1e6)))
def test_packed_numbers_are_within_half_a_step(values):
    error = np.abs(unpack(pack([values])) - values)
    assert error.max() <= 0.5001 * (values.max() - values.min()) / 65535 + 1e-9


@given(arrays(float, st.integers(1, 50), elements=st.floats(1e-8, 1e8)))
def test_packed_logarithms_keep_small_numbers(values):
    decades = np.log10(values.max() / values.min())
    assert np.abs(np.log10(unpack(pack([values], log=True)) / values)).max() <= decades / 65535 + 1e-9


def test_what_all_frames_share_is_stored_once():
    assert len(unpack(pack([T, T, T]))) == 200
    assert len(unpack(pack([T, T + 1]))) == 400


def test_page_says_something_without_a_script():
    page = soup(explore(lines, **GOOD, eta=slider(1, 2, 3)))
    assert page.find(role="img")["aria-label"] == GOOD["alt"]
    assert page.figcaption.text == GOOD["caption"]
    assert page.select_one(".en-at").text == "eta = 1.5"
    assert page.select_one(".en-note").text == "1.5<0.0"
    assert len(page.select("svg g.en-first")) == 3


def test_the_same_call_gives_the_same_page():
    one, other = (explore(lines, **GOOD, eta=slider(1, 2, 3)).to_html() for _ in range(2))
    assert one == other


def test_ids_are_unique():
    page = explore(lines, **GOOD, eta=slider(1, 2, 3)).to_html()
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_authors_text_is_text_everywhere():
    evil = '</script><img src=x onerror="alert(1)"><!--<script>&amp;\'"'
    figure = explore(
        lambda p: {evil: Curve([0, 1], [0, p]), "note": evil},
        alt=evil, caption=evil, x=evil, y=evil, p=slider(1, 2, 2, label=evil),
    )  # fmt: skip
    page = soup(figure)
    assert page.find("img") is None
    assert len(page.find_all("script")) == 1
    spec = json.loads(page.script.string)
    assert spec["marks"][0]["name"] == spec["controls"][0]["label"] == spec["x"]["label"] == evil
    assert page.find(role="img")["aria-label"] == page.figcaption.text == page.select_one(".en-note").text == evil
    assert [text.text for text in page.select("svg text")].count(evil) == 3


@pytest.mark.parametrize("frames, limit", [((21,), 45_000), ((101,), 180_000), ((15, 15), 380_000)])
def test_size_of_the_page(frames, limit):
    """Three curves of 200 points: the budget of a page is 600 kB."""
    controls = {name: slider(0, 1, n) for name, n in zip(("p", "q"), frames, strict=False)}

    def three(p, q=0.0):
        return {"a": Curve(T, np.sin(p + T)), "b": Curve(T, np.cos(q + T)), "c": Curve(T, p + q + T**2)}

    assert len(explore(three, alt="a", caption="c", **controls).to_html()) < limit


def test_heat_map_is_an_image_where_its_cells_are():
    """Four cells from 0 to 4 and an axis from 0 to 8: the image covers the left half of the axes."""
    cells = np.arange(4) + 0.5
    page = soup(
        explore(lambda k: {"z": HeatMap(cells, cells, k * np.eye(4))}, **GOOD, k=slider(1, 2, 2), xlim=(0, 8))
    )
    image = page.select_one("image.en-first")
    assert image["xlink:href"].startswith("data:image/png;base64,")
    width, _, _, height, left, bottom = map(float, re.findall(r"-?[\d.]+", image["transform"]))
    box = json.loads(page.script.string)["box"]
    assert [left, bottom] == pytest.approx([box[0], box[3]], abs=0.02)
    assert 4 * width == pytest.approx((box[2] - box[0]) / 2, abs=0.02)
    assert -4 * height == pytest.approx(box[3] - box[1], abs=0.02)
