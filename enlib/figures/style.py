"""The style of every drawing: one meaning per color, one size of text, and SVG in the colors of the page."""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import json
import math
import os
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Text
from matplotlib.textpath import TextToPath
from matplotlib.ticker import FuncFormatter, LogFormatter, LogLocator, MaxNLocator, NullLocator
from matplotlib.transforms import Bbox
from PIL import Image

from enlib import _tools

INK = "#1b1b1b"
BASE, NEURON, DIVERGED = "#0072b2", "#d55e00", "#767676"
MORE = ("#009e73", "#aa4499", "#b8860b")
TEXT = 14.0
# Sizes in points, which a page shows about as pixels: the text of a panel is as large in each.
WIDE, HALF, NARROW, STILL = (700.0, 430.0), (345.0, 310.0), (360.0, 300.0), (520.0, 340.0)

_CSS = {
    INK: "currentColor",
    BASE: f"var(--en-base, {BASE})",
    NEURON: f"var(--en-neuron, {NEURON})",
    DIVERGED: f"var(--en-diverged, {DIVERGED})",
    **{color: f"var(--en-more-{i}, {color})" for i, color in enumerate(MORE, 1)},
}
_SETTINGS: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana"],  # equally wide, for readers without the first
    "font.size": TEXT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": TEXT,
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.linewidth": 1,
    "legend.frameon": False,
    "legend.fontsize": TEXT,
    "legend.handlelength": 1.6,
    "lines.linewidth": 2,
    "svg.fonttype": "none",
    "svg.hashsalt": "enlib",
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK),
}

Panel = Callable[[Axes], None]
Bundle = tuple[dict[str, str], dict[str, Any]]


@contextmanager
def settings() -> Iterator[None]:
    """Draw with matplotlib's defaults and the course's settings; the reader's own are ignored, then restored."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def check_text(name: str, value: object, advice: str, *, empty: bool = False) -> None:
    """Raise unless ``value`` is a string; a blank one is accepted only if ``empty``."""
    if not isinstance(value, str) or not (empty or value.strip()):
        error = ValueError if isinstance(value, str) else TypeError
        raise error(f"expected {name} text, got {value!r}: {advice}")


def check_plain(name: str, value: str) -> None:
    """Raise if a text that a reader sees contains TeX, which nothing beside matplotlib would typeset."""
    if re.search(r"\$|\\[a-zA-Z]", value):
        raise ValueError(f"expected {name} without TeX, got {value!r}: write the symbols themselves, such as η or w²")


def css(color: str) -> str:
    """Return the CSS value of a palette color: a variable of the page with the color itself as the fallback.

    Raises
    ------
    ValueError
        If the color is not in the palette.
    """
    return _CSS[_tools.known("color of the palette", color, _CSS)]


def text_width(text: str) -> float:
    """Return how wide a text is in points, in the widest font that a page may choose."""
    width, _, _ = TextToPath().get_text_width_height_descent(
        text, FontProperties(family=["DejaVu Sans"], size=TEXT), False
    )
    return float(width)


def drawn(panels: Sequence[Panel], size: tuple[float, float], columns: int = 1, right: float = 0) -> Figure:
    """Return a figure of panels, each of a size in points, with our ticks, and some points left free at the right.

    Call it, and save the figure, within `settings`.
    """
    rows, columns = math.ceil(len(panels) / columns), min(columns, len(panels))
    inches = (size[0] * columns / 72, size[1] * rows / 72)
    figure = Figure(figsize=inches, layout=ConstrainedLayoutEngine(rect=(0, 0, 1 - right / size[0], 1)))
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel, axes in zip(panels, grid, strict=False):
        panel(axes)
        for axis in (axes.xaxis, axes.yaxis):
            _tick(axis)
        if legend := axes.get_legend():
            legend.set_in_layout(False)  # a wide one would narrow the axes
        if axes.get_ylabel() and not axes.get_title(loc="left"):
            # Above the axis, where it is read like any other text, and takes no width.
            axes.set_title(axes.get_ylabel())
            axes.set_ylabel("")
    for axes in grid[len(panels) :]:
        axes.remove()
    figure.draw_without_rendering()
    for axes in grid[: len(panels)]:
        _fit_below(axes, figure.bbox.width)
        if axes.get_legend():
            _make_room(axes)
    return figure


def _fit_below(axes: Axes, width: float) -> None:
    """Leave out numbers of the horizontal axis that touch, and keep its label on the figure."""
    locator = axes.xaxis.get_major_locator()
    if axes.get_xscale() == "log" and _touch(axes):
        axes.xaxis.set_major_locator(_decades(*sorted(axes.get_xlim())))
    elif isinstance(locator, MaxNLocator):
        for most in range(7, 2, -1):
            if not _touch(axes):
                break
            locator.set_params(nbins=most)
            axes.get_figure(root=True).draw_without_rendering()  # type: ignore[union-attr]
    label = axes.xaxis.label
    if label.get_window_extent().x1 > width:
        axes.set_xlabel(label.get_text(), loc="right")
        if label.get_window_extent().x0 < 0:
            half = len(label.get_text()) // 2 + 4
            label.set_text(textwrap.fill(label.get_text(), half, break_on_hyphens=False, break_long_words=False))


def _touch(axes: Axes) -> bool:
    ticks = axes.xaxis.get_major_ticks()
    boxes = sorted((tick.label1.get_window_extent() for tick in ticks if tick.label1.get_text()), key=_left)
    return any(b.x0 < a.x1 + 8 for a, b in itertools.pairwise(boxes))


def _left(box: Bbox) -> float:
    return float(box.x0)


def _make_room(axes: Axes) -> None:
    """Extend the vertical axis, to at most twice its height, until the legend covers no mark."""
    limits, scale = axes.get_ylim(), axes.yaxis.get_transform()
    low, high = scale.transform(limits)
    for step in range(11):
        axes.set_ylim(limits[0], float(scale.inverted().transform(high + step / 10 * (high - low))))
        axes.get_figure(root=True).draw_without_rendering()  # type: ignore[union-attr]
        if not _covers(axes):
            return
    axes.set_ylim(limits)  # in vain


def _covers(axes: Axes) -> bool:
    """Return whether the legend lies on a line, point, bar or text; lines across all of the axes do not count."""
    legend, data = axes.get_legend(), axes.transData
    assert legend is not None
    box = legend.get_window_extent()
    points, paths = [], []
    for line in axes.lines:
        if line.get_transform() == data:
            points += [line.get_path().vertices] if line.get_marker() != "None" else []
            paths += [line.get_path()] if line.get_linestyle() != "None" else []
    for group in axes.collections:
        if group.get_transform() == data:
            paths += group.get_paths()
        elif group.get_offset_transform() == data:
            points.append(group.get_offsets())
    bars = [patch for patch in axes.patches if patch.get_data_transform() == data]
    return (
        any(box.count_contains(data.transform(some)) for some in points)
        or any(path.transformed(data).intersects_bbox(box, filled=False) for path in paths)
        or any(box.overlaps(part.get_window_extent()) for part in (*bars, *axes.texts))
    )


def _tick(axis: Axis) -> None:
    """Label a logarithmic axis in plain numbers, or in powers of ten where these are many."""
    if axis.get_scale() != "log" or not isinstance(axis.get_major_formatter(), LogFormatter):
        return
    low, high = sorted(axis.get_view_interval())
    if high / low < 300:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    else:
        axis.set_major_locator(_decades(low, high))
    plain = low > 2e-4 and high < 2e4
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}" if plain else _power(value)))


def _decades(low: float, high: float) -> LogLocator:
    """Return at most six powers of ten, 1 among them: of a long axis every second, every third, and so on."""
    least = (math.log10(high) - math.log10(low) + 1) / 6
    stride = next(n for n in (1, 2, 3, 4, 5, 10, 15, 20, 30, 50, 120) if n >= least)
    return LogLocator(base=10**stride, numticks=99)


def _power(value: float) -> str:
    exponent = math.floor(math.log10(value) + 1e-9)
    factor = round(value / 10.0**exponent)
    return ("" if factor == 1 else f"{factor}·") + "10" + str(exponent).translate(_tools.SUPERSCRIPTS)


def svg(panel: Panel, size: tuple[float, float], right: float = 0) -> tuple[str, Axes]:
    """Return a panel drawn as inline SVG that fills the width it is given, and its axes, laid out.

    At the right, some points are left free.
    """
    with settings():
        figure = drawn([panel], size, right=right)
        for label in figure.findobj(Text):
            if to_hex(label.get_color()) == "#000000":  # which SVG does not say, and the page would make it white
                label.set_color("#010101")
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = re.sub(r"<metadata>.*?</metadata>", "", buffer.getvalue(), flags=re.DOTALL)
    text = text[text.index("<svg") :]
    text = re.sub(r' (?:d|x|y)="[^"]*"', _round, text)
    text = re.sub(r"<defs>\s*<style.*?</defs>", "", text, flags=re.DOTALL)  # which would hold for the whole page
    text = re.sub(r"font-family: [^;\"]*; ?", "", text)  # the page has its own
    text = text.replace("xlink:href", "href")
    text = re.sub(r' transform="rotate\(-0 [^"]*"', "", text)
    # Ids that something refers to stay; they must be unique among all figures of a page.
    prefix = "en" + hashlib.sha256(text.encode()).hexdigest()[:8]
    used = set(re.findall(r"(?:url\(#|href=\"#)([^)\"]+)", text))
    text = re.sub(r' id="([^"]*)"', lambda m: f' id="{prefix}{m[1]}"' if m[1] in used else "", text)
    text = re.sub(r"(url\(#|href=\"#)", rf"\1{prefix}", text)
    for color, variable in _CSS.items():
        text = text.replace(color, variable)
    text = text.replace(f"font-size: {TEXT:g}px; ", "").replace("; fill: currentColor", "")  # said once instead
    opened = rf'<svg \1 font-size="{TEXT:g}" fill="currentColor" aria-hidden="true" focusable="false">'
    text = re.sub(r"<svg [^>]*?(viewBox=\"[^\"]*\")[^>]*>", opened, text, count=1)
    return re.sub(r">\s+<", "><", text).strip(), figure.axes[0]


def _round(attribute: re.Match[str]) -> str:
    """Return an attribute on one line, its coordinates rounded to a hundredth of a point, which nobody sees."""
    return re.sub(r"\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}", attribute[0].replace("\n", ""))


def png(panels: Sequence[Panel], size: tuple[float, float], columns: int = 1) -> bytes:
    """Return the panels as a small PNG on white, one and a half pixels a point; the same twice."""
    with settings():
        buffer = io.BytesIO()
        drawn(panels, size, columns).savefig(buffer, format="png", dpi=108, facecolor="white")
    image = Image.open(buffer).convert("RGB")
    # Few colors, ours among them: a small dot must not take on the color of the large ground.
    most = image.quantize(64, method=Image.Quantize.MEDIANCUT).getpalette() or []
    few = Image.new("P", (1, 1))
    few.putpalette(b"".join(bytes.fromhex(color[1:]) for color in ("#ffffff", *_CSS)) + bytes(most[: 64 * 3]))
    return small_png(image.quantize(palette=few, dither=Image.Dither.NONE))


def small_png(image: Image.Image) -> bytes:
    """Return a picture as a PNG without metadata."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def bundle(figure: str, picture: bytes, alt: str) -> Bundle:
    """Return what Jupyter shows of a figure, by mime type, and its metadata.

    JavaScript writes the figure where it may run. Where it may not, as in a notebook that is not trusted, on GitHub
    or in a PDF, there is the PNG: HTML would be shown there without its drawings, as scattered words. The pages of
    the book contain the figure itself; see ``book/_ext/enlib_book.py``.

    With ``ENLIB_STATIC`` in the environment, the controls' script is left out: the book loads it once. If it is 1, as
    for the outputs that are committed, the JavaScript has the type that only JupyterLab reads: nbconvert would prefer
    the other to the PNG, and write nothing when it sanitizes a notebook.
    """
    static = os.environ.get("ENLIB_STATIC")
    assets = resources.files("enlib.figures") / "assets"
    style, script = ((assets / name).read_text(encoding="utf-8") for name in ("explore.css", "explore.js"))
    if static:
        style = script = ""
    told = json.dumps(figure + (f"<style>{style}</style>" if style else "")).replace("<", "\\u003c")
    javascript = (
        '((place, html) => {\n"a figure of enlib, as HTML";\n'
        f"place.append(document.createRange().createContextualFragment(html));\n{script}"
        # JupyterLab runs this before the place is in its document, where the scripts of closed forms begin to run.
        "let tries = 600;\n"
        "const begin = () => (place.isConnected ? globalThis.enlibExplore?.(place)\n"
        "  : tries-- && requestAnimationFrame(begin));\n"
        "begin();\n"
        '})(typeof element === "undefined" ? document.currentScript.parentElement : element[0] ?? element,\n'
        f"{told});"
    )
    shown = {
        "text/javascript" if static == "1" else "application/javascript": javascript,
        "image/png": base64.b64encode(picture).decode(),
        "text/plain": alt,
    }
    with Image.open(io.BytesIO(picture)) as image:
        return shown, {"image/png": {"width": round(image.width / 1.5), "alt": alt}}
