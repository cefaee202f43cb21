"""Take data, return a picture: one palette, one meaning per colour, and always a text alternative.

A picture is made of panels. In a page they are inline SVG, side by side where there is room and one below the
other on a phone; their text and axes take the page's own colour, so they stay readable in dark mode and in print.
"""

from __future__ import annotations

import hashlib
import html
import io
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from enlib.history import History

BASE, NEURON, DIVERGED = "#0072b2", "#d55e00", "#767676"
WITHOUT, WITH = "without the neuron", "with the neuron"
COLORS = {WITHOUT: BASE, WITH: NEURON}

_INK = "#1b1b1b"
_CSS = {_INK: "currentColor", BASE: f"var(--en-base, {BASE})", NEURON: f"var(--en-neuron, {NEURON})"} | {
    DIVERGED: f"var(--en-diverged, {DIVERGED})"
}
_STYLE: Any = {
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
    "text.parse_math": True,
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), _INK),
}
_PANEL_INCHES = (4.6, 3.1)

Panel = Callable[[Axes], None]


@dataclass(frozen=True, eq=False)
class Picture:
    """Panels with a text alternative, shown by Jupyter and saved to a file.

    Parameters
    ----------
    panels : sequence of callable
        Each draws on the matplotlib axes it is given.
    alt : str
        What is drawn, for those who cannot see it.
    caption : str
        What to notice.

    Raises
    ------
    ValueError
        If the text alternative is empty.
    """

    panels: Sequence[Panel]
    alt: str
    caption: str = ""

    def __post_init__(self) -> None:
        if not self.alt.strip():
            raise ValueError("expected alternative text, got none: say in alt what the picture shows")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture to a file; the ending says how (.png, .svg, .pdf).

        Raises
        ------
        ValueError
            If matplotlib cannot write that kind of file.
        """
        width, height = _PANEL_INCHES
        with mpl.rc_context(_STYLE):
            figure = Figure(figsize=(width * len(self.panels), height), layout="constrained")
            for panel, axes in zip(self.panels, figure.subplots(1, len(self.panels), squeeze=False)[0], strict=True):
                panel(axes)
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path, dpi=160)

    def to_html(self) -> str:
        """Return a ``<figure>`` with the panels as inline SVG."""
        drawn = "".join(_svg(panel) for panel in self.panels)
        caption = f"<figcaption>{html.escape(self.caption)}</figcaption>" if self.caption else ""
        return (
            '<figure class="en-figure" style="margin:1rem 0">'
            f'<div role="img" aria-label="{html.escape(self.alt)}" '
            f'style="display:flex;flex-wrap:wrap;gap:1rem">{drawn}</div>{caption}</figure>'
        )

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/html": self.to_html(), "text/plain": f"Picture: {self.alt}"}


def _svg(panel: Panel) -> str:
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=_PANEL_INCHES, layout="constrained")
        panel(figure.subplots())
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = re.sub(r"<metadata>.*?</metadata>", "", buffer.getvalue(), flags=re.DOTALL)
    svg = svg[svg.index("<svg") :]
    # Only ids that are referred to stay, and they must be unique among all figures of a page.
    prefix = "en" + hashlib.sha256(svg.encode()).hexdigest()[:8]
    used = set(re.findall(r"(?:url\(#|href=\"#)([^)\"]+)", svg))
    svg = re.sub(r' id="([^"]*)"', lambda m: f' id="{prefix}{m[1]}"' if m[1] in used else "", svg)
    svg = re.sub(r"(url\(#|href=\"#)", rf"\1{prefix}", svg)
    for color, variable in _CSS.items():
        svg = svg.replace(color, variable)
    size = 'style="flex:1 1 17rem;min-width:0;max-width:34rem;height:auto" aria-hidden="true" focusable="false"'
    svg = re.sub(r'<svg ([^>]*?)width="[^"]*"', rf"<svg {size} \1", svg, count=1)
    svg = re.sub(r'(<svg [^>]*?) height="[^"]*"', r"\1", svg, count=1)
    return re.sub(r">\s+<", "><", svg).strip()


def outputs(
    x: Sequence[float],
    without: Sequence[float],
    with_neuron: Sequence[float],
    samples: Sequence[tuple[float, int]],
    *,
    alt: str,
    caption: str = "",
) -> Picture:
    """Draw a classifier of one input, without and with the neuron, over the samples it is to classify.

    Parameters
    ----------
    x, without, with_neuron : sequence of float
        Inputs and the two outputs there.
    samples : sequence of (float, int)
        Inputs and labels; +1 is drawn as a triangle up at height 1, -1 as a triangle down at height -1.
    alt, caption : str
        See `Picture`.
    """

    def panel(axes: Axes) -> None:
        axes.axhline(0, color=_INK, linewidth=0.8)
        axes.plot(x, without, color=BASE, label=WITHOUT)
        axes.plot(x, with_neuron, color=NEURON, label=WITH)
        for sample, label in samples:
            axes.plot(sample, label, marker="^" if label > 0 else "v", color=_INK, markersize=8, linestyle="")
        axes.set(xlabel="$x$", ylabel="output", ylim=(-2.5, 4))
        axes.legend(loc="upper left")

    return Picture([panel], alt, caption)


def learning_curves(runs: Mapping[str, Sequence[History]], *, alt: str, caption: str = "") -> Picture:
    """Draw loss and errors against epochs, one line per run, diverged runs grey with a cross at their end.

    Parameters
    ----------
    runs : mapping of str to sequence of History
        Runs by name; `WITHOUT` and `WITH` have their own colours. A single run shows its validation split too.
    alt, caption : str
        See `Picture`.
    """
    alone = sum(len(histories) for histories in runs.values()) == 1

    def panel(quantity: str, axes: Axes) -> None:
        for name, histories in runs.items():
            for i, history in enumerate(histories):
                diverged = history.status == "diverged"
                color = DIVERGED if diverged else COLORS.get(name, _INK)
                values = getattr(history, f"train_{quantity}")
                label = f"{name}, training" if alone else name
                axes.plot(history.epoch, values, color=color, label=label if i == 0 else None)
                if alone:
                    held_out = getattr(history, f"validation_{quantity}")
                    axes.plot(history.epoch, held_out, color=color, linestyle="--", label=f"{name}, validation")
                if diverged:
                    axes.plot(history.epoch[-1], values[-1], "x", color=DIVERGED)
        if quantity == "loss":
            axes.set_yscale("log")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set(xlabel="epoch", title=f"{'' if alone else 'training '}{quantity}")
        axes.legend()

    return Picture([lambda axes: panel("loss", axes), lambda axes: panel("errors", axes)], alt, caption)


def pairs(
    panels: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    quantity: str,
    alt: str,
    caption: str = "",
) -> Picture:
    """Draw paired numbers, one column per seed: without and with the neuron, joined by a line.

    Parameters
    ----------
    panels : mapping of str to two sequences
        For each title, the numbers of the runs without and with the neuron, in the order of the seeds. NaN
        (never reached) is drawn as a grey cross at the top.
    quantity : str
        What the numbers are, with the unit.
    alt, caption : str
        See `Picture`.
    """

    def panel(title: str, axes: Axes) -> None:
        arms = dict(zip(COLORS, panels[title], strict=True))
        finite = [v for values in arms.values() for v in values if math.isfinite(v)]
        top = 1.15 * max(finite, default=1.0)
        for seed, (a, b) in enumerate(zip(*arms.values(), strict=True)):
            ends = [top if math.isnan(v) else v for v in (a, b)]
            axes.plot([seed, seed], ends, color=DIVERGED, linewidth=1, zorder=1)
        for (name, values), marker, size in zip(arms.items(), ("o", "D"), (52, 16), strict=True):
            reached = [(s, v) for s, v in enumerate(values) if math.isfinite(v)]
            at = [s for s, _ in reached], [v for _, v in reached]
            axes.scatter(*at, size, color=COLORS[name], marker=marker, label=name, zorder=2)
            missed = [s for s, v in enumerate(values) if not math.isfinite(v)]
            axes.scatter(missed, [top] * len(missed), marker="x", color=DIVERGED)
        axes.set(xlabel="seed", ylabel=quantity, title=title, ylim=(0, 1.35 * top))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(loc="upper left", ncols=2, columnspacing=1)

    return Picture([lambda axes, t=title: panel(t, axes) for title in panels], alt, caption)  # type: ignore[misc]
