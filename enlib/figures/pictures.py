"""Take data, return a picture: one meaning per colour, and always a text alternative.

A picture is made of panels. In a page they are inline SVG, side by side where there is room and one below the
other on a phone; their text and axes take the page's own colour, so they stay readable in dark mode and in print.
"""

from __future__ import annotations

import html
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from enlib.figures.drawing import BASE, DIVERGED, INK, NEURON, PANEL_INCHES, STYLE, Panel, svg
from enlib.training import History

WITHOUT, WITH = "without the neuron", "with the neuron"
COLORS = {WITHOUT: BASE, WITH: NEURON}


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
        width, height = PANEL_INCHES
        with mpl.rc_context(STYLE):
            figure = Figure(figsize=(width * len(self.panels), height), layout="constrained")
            for panel, axes in zip(self.panels, figure.subplots(1, len(self.panels), squeeze=False)[0], strict=True):
                panel(axes)
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path, dpi=160)

    def to_html(self) -> str:
        """Return a ``<figure>`` with the panels as inline SVG."""
        drawn = "".join(svg(panel)[0] for panel in self.panels)
        caption = f"<figcaption>{html.escape(self.caption)}</figcaption>" if self.caption else ""
        return (
            '<figure class="en-figure" style="margin:1rem 0">'
            f'<div role="img" aria-label="{html.escape(self.alt)}" '
            f'style="display:flex;flex-wrap:wrap;gap:1rem">{drawn}</div>{caption}</figure>'
        )

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/html": self.to_html(), "text/plain": f"Picture: {self.alt}"}


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
        axes.axhline(0, color=INK, linewidth=0.8)
        axes.plot(x, without, color=BASE, label=WITHOUT)
        axes.plot(x, with_neuron, color=NEURON, label=WITH)
        for sample, label in samples:
            axes.plot(sample, label, marker="^" if label > 0 else "v", color=INK, markersize=8, linestyle="")
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
            own = COLORS.get(name, INK)
            axes.plot([], [], color=own, label=f"{name}, training" if alone else name)
            if alone:
                axes.plot([], [], color=own, linestyle="--", label=f"{name}, validation")
            for history in histories:
                diverged = history.status == "diverged"
                color = DIVERGED if diverged else own
                values = getattr(history, f"train_{quantity}")
                axes.plot(history.epoch, values, color=color)
                if alone:
                    axes.plot(history.epoch, getattr(history, f"validation_{quantity}"), color=color, linestyle="--")
                finite = [(e, v) for e, v in zip(history.epoch, values, strict=True) if math.isfinite(v)]
                if diverged and finite:
                    axes.plot(*finite[-1], "x", color=DIVERGED)
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
        top = 1.15 * (max(finite, default=0.0) or 1.0)
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
