import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.ticker import MaxNLocator

from enlib.figures import NEURON, style

DRAW = """
import sys
import matplotlib as mpl
import numpy as np
from enlib.figures import Bars, Curve, HeatMap, Picture, Points, explore, slider

assert mpl.matplotlib_fname() == sys.argv[2] or sys.argv[2] == "default"
x = np.linspace(0.1, 1, 9)

def marks(k):
    z = HeatMap(x, x, k * np.outer(x, x))
    return {"curve": Curve(x, k * x), "points": Points(x, x), "bars": Bars(x, x), "z": z}

def panel(axes):
    axes.plot(x, x, label="a line")
    axes.errorbar(x, x, yerr=x / 9)
    axes.legend()

picture = Picture([panel, lambda axes: axes.scatter(x, x)], alt="a")
with open(sys.argv[1], "w") as file:
    for figure in (explore(marks, alt="a", caption="c", x="x", k=slider(1, 2, 2)), picture):
        file.write(figure.to_html() + figure._repr_mimebundle_()[0]["image/png"])
picture.save(sys.argv[1] + ".svg")
"""
HOSTILE = """
savefig.bbox: tight
savefig.pad_inches: 0.7
savefig.dpi: 31
savefig.facecolor: black
savefig.transparent: False
figure.dpi: 250
figure.figsize: 2, 9
figure.facecolor: yellow
figure.autolayout: True
figure.constrained_layout.use: False
figure.constrained_layout.w_pad: 0.5
font.size: 23
font.family: monospace
font.sans-serif: Comic Sans MS
axes.facecolor: black
axes.grid: True
axes.xmargin: 0.3
axes.labelpad: 30
axes.labelsize: xx-large
axes.prop_cycle: cycler('color', ['r', 'g'])
axes.autolimit_mode: round_numbers
axes.formatter.use_locale: True
axes.unicode_minus: False
lines.linewidth: 9
lines.marker: s
lines.scale_dashes: False
lines.dash_capstyle: round
patch.edgecolor: red
patch.force_edgecolor: True
hatch.linewidth: 3
image.cmap: jet
image.interpolation: bilinear
image.origin: lower
image.composite_image: False
legend.loc: lower right
legend.fontsize: 30
legend.frameon: True
xtick.direction: in
xtick.major.size: 20
ytick.right: True
ytick.labelright: True
errorbar.capsize: 12
scatter.marker: ^
mathtext.fontset: cm
path.simplify: False
path.sketch: 1, 100, 2
svg.fonttype: path
svg.hashsalt: theirs
svg.image_inline: False
backend: agg
"""


def test_palette_colors_are_page_variables_with_themselves_as_fallback():
    assert style.css(NEURON) == f"var(--en-neuron, {NEURON})"
    for color in ("#ffffff", "red"):
        with pytest.raises(ValueError, match=r"expected color of the palette to be one of #1b1b1b, .*; got"):
            style.css(color)


def test_svg_returns_the_axes_laid_out():
    text, axes = style.svg(lambda axes: axes.plot([0, 1], [0, 1]), style.WIDE)
    assert text.startswith("<svg")
    assert text.endswith("</svg>")
    assert 0 < axes.get_position().x0 < axes.get_position().x1 < 1


@pytest.mark.parametrize(
    "limits, expected",
    [
        ((1, 100), ["1", "2", "5", "10", "20", "50", "100"]),
        ((1e-3, 10), ["0.001", "0.01", "0.1", "1", "10"]),
        ((1e-9, 1e-5), ["10⁻⁹", "10⁻⁸", "10⁻⁷", "10⁻⁶", "10⁻⁵"]),
        ((1e-47, 1e14), ["10⁻⁴⁵", "10⁻³⁰", "10⁻¹⁵", "10⁰"]),
        ((1e-130, 1e130), ["10⁻¹⁰⁰", "10⁻⁵⁰", "10⁰", "10⁵⁰", "10¹⁰⁰"]),
    ],
)
def test_logarithmic_axes_are_labeled_in_plain_text(limits, expected):
    drawn, _ = style.svg(lambda axes: axes.set(yscale="log", ylim=limits, xticks=[]), style.WIDE)
    assert re.findall(r">([^<>]+)</text>", drawn) == expected


def test_numbers_below_an_axis_do_not_touch():
    """Found by looking at a phone: 0 1500 3000 ... 12000 became one row of digits in notebook 05."""

    def panel(axes):
        axes.set(xlim=(-480, 12480), yticks=[])
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))

    drawn, _ = style.svg(panel, style.NARROW)
    ticks = [(float(x), text) for x, text in re.findall(r'x="([\d.]+)" y="[\d.]+">(\d+)</text>', drawn)]
    assert len(ticks) > 3
    for (x0, left), (x1, right) in itertools.pairwise(ticks):
        assert x1 - x0 > (style.text_width(left) + style.text_width(right)) / 2 + 2


def test_black_on_a_pale_map_stays_black_on_a_dark_page():
    drawn, _ = style.svg(lambda axes: axes.text(0, 0, "a count", color="black"), style.WIDE)
    assert re.search(r'fill: #010101"[^>]*>a count</text>', drawn)


def test_svg_keeps_the_numbers_that_are_text():
    drawn, _ = style.svg(lambda axes: axes.text(0, 0, "0.12345 & <b>"), style.WIDE)
    assert ">0.12345 &amp; &lt;b&gt;</text>" in drawn


def test_settings_of_the_reader_come_back():
    with mpl.rc_context({"lines.linewidth": 7}):
        with style.settings():
            assert mpl.rcParams["lines.linewidth"] == 2
        assert mpl.rcParams["lines.linewidth"] == 7


@pytest.mark.slow
def test_a_hostile_matplotlibrc_changes_nothing(tmp_path):
    """Robustness 15: with the reader's `savefig.bbox: tight`, marks and axes parted by 14 points."""
    (tmp_path / "matplotlibrc").write_text(HOSTILE)
    ran = []
    for name, file in (("default", "default"), ("hostile", str(tmp_path / "matplotlibrc"))):
        environment = {key: value for key, value in os.environ.items() if key != "MATPLOTLIBRC"}
        environment |= {"MATPLOTLIBRC": file} if name == "hostile" else {}
        command = [sys.executable, "-c", DRAW, str(tmp_path / name), file]
        ran.append(subprocess.Popen(command, env=environment, cwd=Path(__file__).parents[2], stderr=subprocess.PIPE))
    for process in ran:
        assert process.communicate()[1].decode() == ""
        assert process.returncode == 0
    for ending in ("", ".svg"):
        expected = (tmp_path / f"default{ending}").read_bytes()
        assert len(expected) > 5000
        assert (tmp_path / f"hostile{ending}").read_bytes() == expected
