"""The style of every drawing: one palette with one meaning per color, and SVG that takes on the page's colors."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from enlib import _tools

INK = "#1b1b1b"
BASE, NEURON, DIVERGED = "#0072b2", "#d55e00", "#767676"
MORE = ("#009e73", "#aa4499", "#b8860b")
PANEL_INCHES = (4.6, 3.1)

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
    "font.size": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.linewidth": 0.8,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "svg.fonttype": "none",
    "svg.hashsalt": "enlib",
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK),
}

Panel = Callable[[Axes], None]


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


def css(color: str) -> str:
    """Return the CSS value of a palette color: a variable of the page with the color itself as the fallback.

    Raises
    ------
    ValueError
        If the color is not in the palette.
    """
    return _CSS[_tools.known("color of the palette", color, _CSS)]


def svg(panel: Panel) -> tuple[str, Axes]:
    """Return a panel drawn as inline SVG that fills the width it is given, and its axes, laid out.

    Artists whose gid is ``"en-first"`` get the class of that name in the SVG.
    """
    with settings():
        figure = Figure(figsize=PANEL_INCHES, layout="constrained")
        axes = figure.subplots()
        panel(axes)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    drawn = re.sub(r"<metadata>.*?</metadata>", "", buffer.getvalue(), flags=re.DOTALL)
    drawn = drawn[drawn.index("<svg") :].replace('id="en-first"', 'class="en-first"')
    drawn = re.sub(r' (?:d|x|y)="[^"]*"', _round, drawn)
    # Ids that something refers to stay; they must be unique among all figures of a page.
    prefix = "en" + hashlib.sha256(drawn.encode()).hexdigest()[:8]
    used = set(re.findall(r"(?:url\(#|href=\"#)([^)\"]+)", drawn))
    drawn = re.sub(r' id="([^"]*)"', lambda m: f' id="{prefix}{m[1]}"' if m[1] in used else "", drawn)
    drawn = re.sub(r"(url\(#|href=\"#)", rf"\1{prefix}", drawn)
    for color, variable in _CSS.items():
        drawn = drawn.replace(color, variable)
    size = 'style="flex:1 1 17rem;min-width:0;max-width:34rem;height:auto" aria-hidden="true" focusable="false"'
    drawn = re.sub(r'<svg ([^>]*?)width="[^"]*"', rf"<svg {size} \1", drawn, count=1)
    drawn = re.sub(r'(<svg [^>]*?) height="[^"]*"', r"\1", drawn, count=1)
    return re.sub(r">\s+<", "><", drawn).strip(), axes


def _round(attribute: re.Match[str]) -> str:
    """Return an attribute on one line, its coordinates rounded to a hundredth of a point, which nobody sees."""
    return re.sub(r"\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}", attribute[0].replace("\n", ""))
