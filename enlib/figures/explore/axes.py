"""The part of a figure that stays while the marks move: axes, labels, legend."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes as MplAxes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.image import imsave
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from enlib.figures.drawing import DASHES, svg
from enlib.figures.explore.marks import Array

COLORMAP = "cividis"  # even, and the same to readers who see fewer colours
Scale = Literal["linear", "log"]


@dataclass(frozen=True)
class Axes:
    """Ranges, scales and labels of the two axes."""

    xlim: tuple[float, float]
    ylim: tuple[float, float]
    xscale: Scale
    yscale: Scale
    xlabel: str
    ylabel: str


@dataclass(frozen=True)
class Look:
    """How a figure looks and what is said of it: axes, a palette colour for each mark, alternative text, caption."""

    axes: Axes
    colors: Mapping[str, str]
    alt: str
    caption: str


def draw(
    style: Axes, entries: Sequence[tuple[str, str, str]], zlim: tuple[float, float]
) -> tuple[str, tuple[float, float, float, float]]:
    """Draw empty axes with a legend.

    Parameters
    ----------
    style : Axes
    entries : sequence of (name, kind, color)
        One for each mark, in the order that fixes the dashes.
    zlim : (float, float)
        Range of the colours of a heat map.

    Returns
    -------
    str, (float, float, float, float)
        The SVG, and the box of the axes in it: left, top, right, bottom.
    """

    def panel(axes: MplAxes) -> None:
        axes.set(xscale=style.xscale, yscale=style.yscale, xlim=style.xlim, ylim=style.ylim)
        axes.set(xlabel=style.xlabel, ylabel=style.ylabel)
        handles: list[Line2D | Patch] = []
        for index, (name, kind, color) in enumerate(entries):
            if kind == "heat map":
                axes.figure.colorbar(ScalarMappable(Normalize(*zlim), COLORMAP), ax=axes, label=name)
            elif kind == "bars":
                handles.append(Patch(color=color, label=name))
            elif kind == "points":
                handles.append(Line2D([], [], color=color, linestyle="", marker="o", label=name))
            else:
                dash = DASHES[index % len(DASHES)]
                handles.append(Line2D([], [], color=color, linewidth=1.8, label=name, linestyle=_linestyle(dash)))
        if handles:
            # Above the axes, where no mark can hide it; the layout would make the axes narrower for a wide one.
            legend = axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2)
            legend.set_in_layout(False)
            rows = (len(handles) + 1) // 2
            engine = axes.get_figure(root=True).get_layout_engine()  # type: ignore[union-attr]
            assert isinstance(engine, ConstrainedLayoutEngine)
            engine.set(rect=(0, 0, 1, 1 - 0.08 * rows))

    drawn, axes = svg(panel)
    width, height = axes.figure.get_figwidth() * 72, axes.figure.get_figheight() * 72  # type: ignore[union-attr]
    at = axes.get_position()
    return drawn, (at.x0 * width, (1 - at.y1) * height, at.x1 * width, (1 - at.y0) * height)


def heat_map_png(z: Array, zlim: tuple[float, float]) -> bytes:
    """Return a heat map, first row on top, one pixel a cell, as a PNG file."""
    buffer = io.BytesIO()
    low, high = zlim
    scaled = np.zeros_like(z) if low == high else (z - low) / (high - low)
    imsave(buffer, mpl.colormaps[COLORMAP](scaled), format="png")
    return buffer.getvalue()


def _linestyle(dash: str) -> Any:
    # SVG counts dashes in units of the drawing, matplotlib in units of the line width.
    return "-" if dash == "none" else (0, tuple(float(v) / 1.8 for v in dash.split()))
