import base64
import io
import json
import re
from importlib import resources

import numpy as np
import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from enlib.figures import BASE, DIVERGED, INK, MORE, NEURON, Curve, HeatMap, Points, explore, slider
from enlib.figures.page import pack, spread

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


def test_what_only_one_control_moves_is_stored_once_for_each_of_its_values():
    packed = pack([T, T + 1, T, T, T + 1])
    rows = unpack(packed).reshape(-1, 200)[packed["rows"]]
    np.testing.assert_allclose(rows, [T, T + 1, T, T, T + 1], atol=1e-4)
    assert len(unpack(packed)) == 400


def test_page_says_something_without_a_script():
    page = soup(explore(lines, **GOOD, eta=slider(1, 2, 3)))
    assert page.find(role="img")["aria-label"] == GOOD["alt"]
    assert page.figcaption.text == GOOD["caption"]
    assert page.select_one(".en-at").text == "η = 1.5"
    assert page.select_one(".en-note").text == "1.5<0.0"
    assert len(page.select("symbol g.en-mark path")) == 3
    assert [use["href"] for use in page.select(".en-wide > use, .en-narrow > use")] == [f"#{page.symbol['id']}"] * 2


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
    told = [text.text for text in page.select("svg text")]  # two axes, wide and narrow
    assert told.count(evil) == 3
    assert evil in " ".join(told[-4:]).replace("  ", " "), "the narrow one has its label in two lines"


@pytest.mark.parametrize("frames, limit", [((21,), 45_000), ((101,), 180_000), ((15, 15), 390_000)])
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
    image = page.select_one("symbol image")
    assert image["href"].startswith("data:image/png;base64,")
    assert [image[name] for name in ("x", "y", "width", "height")] == ["0", "0", "5000", "10000"]


def test_map_of_classes_is_white_at_its_center():
    def classes(k):
        return {"z": HeatMap(T[:3], T[:2], [[0.5, 1, 1], [0.2, 0.5, 0.9]], center=0.5)}

    page = soup(explore(classes, **GOOD, k=slider(1, 2, 2)))
    mark = json.loads(page.script.string)["marks"][0]
    assert mark["zlim"] == [0, 1]
    png = base64.b64decode(page.select_one("symbol image")["href"].split(",")[1])
    with Image.open(io.BytesIO(png)) as image:
        (vermilion, middle, _), (white, blue, _) = np.asarray(image.convert("RGB"), dtype=int)
    assert min(white) >= 250
    assert min(middle) >= 250
    assert vermilion[0] > vermilion[2] + 30
    assert blue[2] > blue[0] + 30


def luminance(color):
    linear = [(c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4) for c in color]
    return np.dot([0.2126, 0.7152, 0.0722], linear)


def contrast(one, other):
    dark, light = sorted(luminance([int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)]) + 0.05 for c in (one, other))
    return light / dark


@pytest.mark.parametrize("color", [INK, BASE, NEURON, DIVERGED, *MORE])
def test_every_color_stands_out_from_the_white_around_marks_on_a_map(color):
    assert contrast(color, "#ffffff") >= 3


@pytest.mark.parametrize("ground", ["#121212", "#14181e", "#1e1e1e"], ids=["book", "theme", "editors"])
def test_every_color_of_a_dark_page_stands_out_from_its_ground(ground):
    style = (resources.files("enlib.figures") / "assets" / "explore.css").read_text()
    dark = style.split('html[data-theme="dark"]')[1].split("}")[0]
    colors = re.findall(r"--en-[\w-]+: (#\w+);", dark)
    assert len(colors) == len([BASE, NEURON, DIVERGED, *MORE])
    assert min(contrast(color, ground) for color in colors) >= 3


def test_marks_on_a_map_have_a_halo_and_the_colors_of_the_light_page():
    def on_map(k):
        return {"z": HeatMap(T[:3], T[:2], np.ones((2, 3))), "c": Curve([0, 1], [0, k]), "p": Points([0], [k])}

    marks = soup(explore(on_map, **GOOD, k=slider(1, 2, 2))).select("symbol g.en-mark")
    for mark in marks[1:]:
        halo, line = (shape["style"] for shape in mark.select("path"))
        assert "stroke:#fff" in halo
        widths = [float(re.search(r"stroke-width:([\d.]+)", style)[1]) for style in (halo, line)]
        assert widths[0] >= widths[1] + 2
    style = (resources.files("enlib.figures") / "assets" / "explore.css").read_text()
    light = style.split(":root,")[1].split("}")[0]  # a palette for these, too, whatever the page
    assert 'symbol[id$="-marks"][style]' in light
    assert re.findall(r"--en-[\w-]+: (#\w+);", light) == [BASE, NEURON, DIVERGED, *MORE]
    assert soup(explore(on_map, **GOOD, k=slider(1, 2, 2))).symbol["style"] == "color:#1b1b1b"
    assert not soup(explore(lines, **GOOD, eta=slider(1, 2, 3))).symbol.get("style")


@given(st.lists(st.floats(0, 300), min_size=1, max_size=8))
def test_names_at_the_ends_of_curves_do_not_touch(wanted):
    got = spread(wanted, 0, 300)
    assert len(got) == len(wanted)
    assert (np.diff(sorted(got)) >= 16.9).all()
    assert min(got) >= -1e-9
    assert max(got) <= 300
    assert all(got[i] <= got[j] for i in range(len(got)) for j in range(len(got)) if wanted[i] < wanted[j])


def test_curves_are_named_at_their_ends_only_where_all_end_at_the_right():
    def two(k, last=1.0):
        return {"a": Curve([0, 1], [0, k]), "b": Curve([0, last], [0, 1])}

    named = soup(explore(two, **GOOD, k=slider(1, 2, 2)))
    assert [text.text for text in named.select(".en-wide .en-end")] == ["a", "b"]
    assert len(named.select(".en-key .en-named")) == 2
    other = soup(explore(lambda k: two(k, 0.5), **GOOD, k=slider(1, 2, 2)))
    assert not other.select(".en-end, .en-named")


def test_an_axis_that_counts_has_integer_ticks():
    def seeds(k):
        return {"a": Points([0.92, 1.92, 2.92, 3.92], [0.1, k, 0.3, 0.4])}

    page = soup(explore(seeds, **GOOD, x="seed", k=slider(0, 1, 2)))
    ticks = [text.text for text in page.select(".en-narrow text")]
    assert [t for t in ticks if t.isdigit()] == ["1", "2", "3", "4"]
