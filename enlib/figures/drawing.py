"""How every drawing looks: one palette, one meaning per colour, and SVG that takes the page's own colours."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK = "#1b1b1b"
BASE, NEURON, DIVERGED = "#0072b2", "#d55e00", "#767676"
MORE = ("#009e73", "#aa4499", "#b8860b")
DASHES = ("none", "7 3", "2 3", "9 3 2 3", "12 4")

_CSS = {
    INK: "currentColor",
    BASE: f"var(--en-base, {BASE})",
    NEURON: f"var(--en-neuron, {NEURON})",
    DIVERGED: f"var(--en-diverged, {DIVERGED})",
    **{color: f"var(--en-more-{i}, {color})" for i, color in enumerate(MORE, 1)},
}
STYLE: Any = {
    "font.family": "sans-serif",
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
PANEL_INCHES = (4.6, 3.1)

Panel = Callable[[Axes], None]


def css(color: str) -> str:
    """Return the CSS value of a palette colour: a variable of the page, with the colour itself to fall back on.

    Raises
    ------
    ValueError
        If the colour is not in the palette.
    """
    if color not in _CSS:
        raise ValueError(f"expected a colour of the palette ({', '.join(_CSS)}), got {color!r}: use one of these")
    return _CSS[color]


def svg(panel: Panel) -> tuple[str, Axes]:
    """Draw a panel as inline SVG that fills the width it is given; also return its axes, laid out."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=PANEL_INCHES, layout="constrained")
        axes = figure.subplots()
        panel(axes)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = re.sub(r"<metadata>.*?</metadata>", "", buffer.getvalue(), flags=re.DOTALL)
    text = text[text.index("<svg") :]
    # Only ids that are referred to stay, and they must be unique among all figures of a page.
    prefix = "en" + hashlib.sha256(text.encode()).hexdigest()[:8]
    used = set(re.findall(r"(?:url\(#|href=\"#)([^)\"]+)", text))
    text = re.sub(r' id="([^"]*)"', lambda m: f' id="{prefix}{m[1]}"' if m[1] in used else "", text)
    text = re.sub(r"(url\(#|href=\"#)", rf"\1{prefix}", text)
    for color, variable in _CSS.items():
        text = text.replace(color, variable)
    size = 'style="flex:1 1 17rem;min-width:0;max-width:34rem;height:auto" aria-hidden="true" focusable="false"'
    text = re.sub(r'<svg ([^>]*?)width="[^"]*"', rf"<svg {size} \1", text, count=1)
    text = re.sub(r'(<svg [^>]*?) height="[^"]*"', r"\1", text, count=1)
    return re.sub(r">\s+<", "><", text).strip(), axes
