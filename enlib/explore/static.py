"""The figure of the published page: a drawing that says something by itself, and the data to move it."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np

from enlib.drawing import DASHES, css
from enlib.explore.axes import COLORMAP, Axes, draw, heat_map_png
from enlib.explore.controls import Control
from enlib.explore.frames import ClosedForm, Frame, pack
from enlib.explore.marks import HeatMap, Mark


def limits(frames: Sequence[Frame], axis: str, given: tuple[float, float] | None, log: bool) -> tuple[float, float]:
    """Return the range of an axis over all frames, with a little room, or the one that is given."""
    values = np.concatenate([getattr(m, axis).ravel() for f in frames for m in f.values() if isinstance(m, Mark)])
    if log and values.min() <= 0:
        raise ValueError(
            f"expected positive {axis} for a logarithmic axis, got {values.min():.4g}: use a linear one, or clip"
        )
    if given is not None:
        return given
    values = np.log10(values) if log else values
    low, high = float(values.min()), float(values.max())
    maps = any(isinstance(m, HeatMap) for f in frames for m in f.values())
    room = 0.0 if maps else 0.04 * (high - low) or 0.5
    return (10 ** (low - room), 10 ** (high + room)) if log else (low - room, high + room)


def page(
    fn: Any,
    frames: Sequence[Frame],
    start: Frame,
    controls: Mapping[str, Control],
    *,
    axes: Axes,
    colors: Mapping[str, str],
    alt: str,
    caption: str,
) -> str:
    """Return the ``<figure>``: the starting frame as inline SVG, the text, and the frames for the script."""
    zlim = _zlim(frames)
    marks = [(name, mark) for name, mark in start.items() if isinstance(mark, Mark)]
    entries = [(name, mark.kind, colors[name]) for name, mark in marks]
    empty, box = draw(axes, entries, zlim)
    spec: dict[str, Any] = {
        "box": [round(v, 2) for v in box],
        "x": {"lim": axes.xlim, "log": axes.xscale == "log", "label": axes.xlabel},
        "y": {"lim": axes.ylim, "log": axes.yscale == "log", "label": axes.ylabel},
        "controls": [
            {
                "name": name,
                "label": control.label or name,
                "kind": control.kind,
                "texts": control.texts,
                "start": control.start,
                **({"values": control.values} if isinstance(fn, ClosedForm) else {}),
            }
            for name, control in controls.items()
        ],
        "marks": [],
    }
    if any(isinstance(mark, HeatMap) for _, mark in marks):
        spec["colormap"] = _lookup_table()
    for index, (name, mark) in enumerate(marks):
        entry: dict[str, Any] = {"name": name, "kind": mark.kind, "color": css(colors[name]), "dash": index}
        if isinstance(mark, HeatMap):
            entry["zlim"] = zlim
        if not isinstance(fn, ClosedForm):
            for quantity in mark.quantities:
                stack = np.stack([getattr(frame[name], quantity).ravel() for frame in frames])
                shared = bool((stack == stack[:1]).all())
                log = spec.get(quantity, {}).get("log", False)
                entry[quantity] = {
                    "shared": shared,
                    "n": stack.shape[1],
                    **pack(stack[:1] if shared else stack, log=log),
                }
        spec["marks"].append(entry)
    notes = [name for name, value in start.items() if isinstance(value, str)]
    spec["notes"] = notes if isinstance(fn, ClosedForm) else [[frame[name] for name in notes] for frame in frames]
    if isinstance(fn, ClosedForm):
        spec["js"] = fn.javascript
    drawn = "".join(_mark(mark, spec["marks"][index], axes, box, zlim) for index, (_, mark) in enumerate(marks))
    # A nested svg clips what it holds to the axes, and keeps the coordinates.
    x0, y0, width, height = box[0], box[1], box[2] - box[0], box[3] - box[1]
    window = f'x="{x0:.2f}" y="{y0:.2f}" width="{width:.2f}" height="{height:.2f}"'
    view = f'viewBox="{x0:.2f} {y0:.2f} {width:.2f} {height:.2f}"'
    svg = empty.removesuffix("</svg>") + f'<svg class="en-marks" {window} {view}>{drawn}</svg></svg>'
    note = " ".join(html.escape(start[name]) for name in notes)
    data = json.dumps(spec, separators=(",", ":")).replace("</", "<\\/")
    identity = hashlib.sha256((alt + caption + ",".join(controls)).encode()).hexdigest()[:8]
    at = ", ".join(f"{c.label or name} = {c.texts[c.start]}" for name, c in controls.items())
    return (
        f'<figure class="en-figure en-explore" id="figure-{identity}" data-controls="{" ".join(controls)}" '
        f'style="margin:1rem 0">'
        f'<div class="en-drawing" role="img" aria-label="{html.escape(alt)}">{svg}</div>'
        f'<p class="en-at">{html.escape(at)}</p>'
        f'<p class="en-note" aria-live="polite">{note}</p>'
        f"<figcaption>{html.escape(caption)}</figcaption>"
        f'<script type="application/json">{data}</script></figure>'
    )


def _zlim(frames: Sequence[Frame]) -> tuple[float, float]:
    values = [mark.z for frame in frames for mark in frame.values() if isinstance(mark, HeatMap)]
    return (min(float(z.min()) for z in values), max(float(z.max()) for z in values)) if values else (0.0, 1.0)


def _lookup_table() -> str:
    colors = (mpl.colormaps[COLORMAP](np.arange(256))[:, :3] * 255).round().astype(np.uint8)
    return base64.b64encode(colors.tobytes()).decode()


# What follows draws a mark as explore.js does; a browser test holds the two together.


def _mark(mark: Mark, entry: Mapping[str, Any], axes: Axes, box: Sequence[float], zlim: tuple[float, float]) -> str:
    x = _to_pixels(mark.x, axes.xlim, axes.xscale, box[0], box[2])
    y = _to_pixels(mark.y, axes.ylim, axes.yscale, box[3], box[1])
    color = entry["color"]
    if isinstance(mark, HeatMap):
        return _image(mark, box, zlim)
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
    dash = DASHES[entry["dash"] % len(DASHES)]
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


def _image(mark: HeatMap, box: Sequence[float], zlim: tuple[float, float]) -> str:
    png = heat_map_png(mark.z[::-1], zlim)
    return (
        f'<image class="en-mark" x="{box[0]:.2f}" y="{box[1]:.2f}" width="{box[2] - box[0]:.2f}" '
        f'height="{box[3] - box[1]:.2f}" preserveAspectRatio="none" style="image-rendering:pixelated" '
        f'href="data:image/png;base64,{base64.b64encode(png).decode()}"/>'
    )
