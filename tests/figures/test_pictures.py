import base64
import io
import json
import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from enlib import History
from enlib.figures import BASE, DIVERGED, NEURON, WITH, WITHOUT, Picture, learning_curves, pairs, style


def history(status="converged", n=5):
    columns = {
        name: np.linspace(2.0, 1.0, n)
        for name in (
            "epoch", "update", "train_loss", "train_errors", "validation_loss", "validation_errors",
            "penalty", "learning_rate", "largest_exponent", "batch_loss",
        )
    }  # fmt: skip
    return History(status=status, cause="", diverged_at=math.nan, largest_exponent_seen=math.nan, **columns)


@pytest.fixture
def picture():
    runs = {WITHOUT: [history()] * 2, WITH: [history(), history("diverged")]}
    return learning_curves(runs, alt='Two <curves> & a "cross"', caption="One of them stops.")


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: learning_curves({}), TypeError, "alt"),
        (lambda: learning_curves({}, alt="a"), ValueError, "expected lists of runs by name, got {}"),
        (lambda: learning_curves({WITH: []}, alt="a"), ValueError, "expected lists of runs by name, got {'with"),
        (lambda: learning_curves([history()], alt="a"), ValueError, r"expected lists of runs by name, got \["),
        (lambda: learning_curves({WITH: ["run"]}, alt="a"), ValueError, r"lists of runs by name, got {'with"),
        (lambda: Picture([print], alt="  "), ValueError, "say in alt what the picture shows"),
        (lambda: Picture([print], alt=None), TypeError, "expected alt text, got None"),
        (lambda: Picture([print], alt="a", caption=None), TypeError, "expected caption text, got None"),
        (lambda: Picture([], alt="a"), TypeError, r"expected a list of functions as panels, got \[\]"),
        (lambda: Picture(print, alt="a"), TypeError, "expected a list of functions as panels"),
        (lambda: Picture(["panel"], alt="a"), TypeError, "expected a list of functions as panels"),
        (lambda: Picture([print], alt="a").save("a.txt"), ValueError, "to be one of png, svg, pdf; got 'txt'"),
        (
            lambda: pairs({"a": ([1], [1, 2])}, quantity="q", alt="a"),
            ValueError,
            "pairs of 'a' to be numbers",
        ),
        (lambda: pairs({"a": ([1],)}, quantity="q", alt="a"), ValueError, "equally many numbers for 'a'"),
        (
            lambda: pairs({"a": (["x"], [1])}, quantity="q", alt="a"),
            TypeError,
            "pairs of 'a' to be numbers",
        ),
        (
            lambda: pairs({"a": None}, quantity="q", alt="a"),
            TypeError,
            "pairs of 'a' to be numbers, got None",
        ),
    ],
)
def test_bad_calls(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_page_gets_the_alternative_text_and_the_caption(picture):
    bundle, metadata = picture._repr_mimebundle_()
    assert bundle["text/plain"] == 'Two <curves> & a "cross"'
    assert json.loads(bundle["text/javascript"].splitlines()[-1].removesuffix(");")) == picture.to_html()
    assert 'aria-label="Two &lt;curves&gt; &amp; a &quot;cross&quot;"' in picture.to_html()
    assert "<figcaption>One of them stops.</figcaption>" in picture.to_html()
    with Image.open(io.BytesIO(base64.b64decode(bundle["image/png"]))) as image:
        assert image.width == pytest.approx(1.5 * metadata["image/png"]["width"], abs=1)


def test_svg_is_well_formed_scales_and_is_the_same_twice(picture):
    page = picture.to_html()
    assert page == picture.to_html()
    ElementTree.fromstring(page)
    assert page.count("<svg") == 2
    for tag in re.findall(r"<svg [^>]*>", page):
        assert "viewBox" in tag
        assert ' width="' not in tag


def test_ids_are_unique_in_a_page_and_every_reference_resolves(picture):
    page = picture.to_html()
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"(?:url\(#|href=\"#)([^)\"]+)", page)) == set(ids)


def test_colors_are_the_page_s_own_so_that_dark_mode_works(picture):
    page = picture.to_html()
    assert "currentColor" in page
    for name, color in (("base", BASE), ("neuron", NEURON), ("diverged", DIVERGED)):
        assert page.count(color) == page.count(f"var(--en-{name}, {color})") > 0
    # Nothing else is painted: black text would vanish on a dark page.
    assert set(re.findall(r"#[0-9a-f]{6}", page)) == {BASE, NEURON, DIVERGED}


def test_a_single_panel_is_drawn_once_wide_and_once_for_a_phone():
    page = Picture([lambda axes: axes.plot([0, 1], [0, 1])], alt="A line.").to_html()
    boxes = [float(width) for width in re.findall(r'viewBox="0 0 ([\d.]+) ', page)]
    assert boxes == [700, 360]
    assert re.findall(r"font-size[=:\"\s]+([\d.]+)", page) == ["14", "14"]


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_saved_to_a_file(picture, tmp_path, ending):
    path, again = tmp_path / "deep" / f"curves.{ending}", tmp_path / f"again.{ending}"
    picture.save(path)
    picture.save(again)
    assert path.stat().st_size > 1000
    assert path.read_bytes() == again.read_bytes()


def test_pairs_that_are_all_zero_have_an_axis():
    assert "<svg" in pairs({"digits": ([0, 0], [0, 0])}, quantity="errors", alt="Pairs.").to_html()


def test_pairs_with_a_run_that_did_not_get_there():
    picture = pairs({"digits": ([3, 4, math.nan], [3, math.nan, 5])}, quantity="epochs", alt="Pairs.")
    ElementTree.fromstring(picture.to_html())


def test_a_legend_covers_no_mark():
    t = np.linspace(0, 1, 50)

    def lines(axes):
        axes.plot(t, 1000 ** np.array([t, 1 - t, 0 * t, 0 * t + 1]).T, label=["up", "down", "low", "high"])
        axes.set_yscale("log")

    def points(axes):
        axes.scatter(t, np.ones(50), label="points")
        axes.axvline(0.5)  # which no room avoids

    def bars(axes):
        axes.bar([0, 1, 2], [3, 3, 3], label="bars")

    def whiskers(axes):
        axes.errorbar([0, 1], [1, 1], [1, 1], label="whiskers")

    for panel in (lines, points, bars, whiskers):
        for place in ("best", "upper right"):
            with style.settings():
                figure = style.drawn([lambda a, p=panel, at=place: (p(a), a.legend(loc=at))], style.NARROW)
                assert not style._covers(figure.axes[0]), (panel, place)
    with style.settings():  # where there is room, nothing changes
        figure = style.drawn([lambda axes: (axes.plot([0, 1], [0, 1], label="a"), axes.legend())], style.NARROW)
    assert figure.axes[0].get_ylim() == pytest.approx((-0.05, 1.05))
