"""Marks as SVG: what explore.js draws for every frame, drawn here for the first; a test holds them together."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from enlib.figures.drawing import DASHES
from enlib.figures.explore.axes import Axes, heat_map_png
from enlib.figures.explore.marks import HeatMap, Mark


def draw_mark(mark: Mark, color: str, index: int, axes: Axes, box: Sequence[float], zlim: tuple[float, float]) -> str:
    """Return a mark as an SVG element, in the coordinates of the axes' box."""
    x = _to_pixels(mark.x, axes.xlim, axes.xscale, box[0], box[2])
    y = _to_pixels(mark.y, axes.ylim, axes.yscale, box[3], box[1])
    if isinstance(mark, HeatMap):
        return _image(mark, axes, box, zlim)
    if mark.kind == "points":
        dots = "".join(f"M{a} {b}h0" for a, b in zip(_short(x), _short(y), strict=True))
        look = f"stroke:{color};stroke-width:7;stroke-linecap:round"
        return f'<path class="en-mark" d="{dots}" fill="none" style="{look}"/>'
    if mark.kind == "bars":
        zero = box[3] if axes.yscale == "log" else _to_pixels(np.zeros(1), axes.ylim, "linear", box[3], box[1])[0]
        half = 0.4 * (x[1] - x[0]) if len(x) > 1 else 10.0
        bars = "".join(
            f"M{_short([a - half])[0]} {_short([zero])[0]}V{b}H{_short([a + half])[0]}V{_short([zero])[0]}Z"
            for a, b in zip(x, _short(y), strict=True)
        )
        return f'<path class="en-mark" d="{bars}" style="fill:{color}"/>'
    line = "M" + "L".join(f"{a} {b}" for a, b in zip(_short(x), _short(y), strict=True))
    dash = DASHES[index % len(DASHES)]
    return (
        f'<path class="en-mark" d="{line}" fill="none" '
        f'style="stroke:{color};stroke-width:1.8;stroke-linejoin:round;stroke-dasharray:{dash}"/>'
    )


def _to_pixels(v: Any, lim: tuple[float, float], scale: str, low: float, high: float) -> Any:
    a, b = (math.log10(lim[0]), math.log10(lim[1])) if scale == "log" else lim
    v = np.log10(v) if scale == "log" else np.asarray(v)
    return np.clip(low + (v - a) / (b - a) * (high - low), -2000, 2000)


def _short(values: Any) -> list[str]:
    return [f"{v:.1f}" for v in values]


def _image(mark: HeatMap, axes: Axes, box: Sequence[float], zlim: tuple[float, float]) -> str:
    left, right = _to_pixels(np.array(mark.edges("x")), axes.xlim, "linear", box[0], box[2])
    bottom, top = _to_pixels(np.array(mark.edges("y")), axes.ylim, "linear", box[3], box[1])
    png = base64.b64encode(heat_map_png(mark.z[::-1], zlim)).decode()
    return (
        f'<image class="en-mark" x="{left:.2f}" y="{top:.2f}" width="{right - left:.2f}" '
        f'height="{bottom - top:.2f}" preserveAspectRatio="none" style="image-rendering:pixelated" '
        f'href="data:image/png;base64,{png}"/>'
    )
