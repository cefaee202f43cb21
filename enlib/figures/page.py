"""The HTML of a figure with controls: its first frame as a drawing, and the data of the others for the script.

``assets/explore.js`` draws every other frame, in the book and in a notebook alike; `matplotlib` draws the axes and
the first frame, for print and for readers without scripts. A test compares the two drawings.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.layout_engine import ConstrainedLayoutEngine

from enlib.figures.controls import Control
from enlib.figures.marks import Array, Bars, HeatMap, Mark, Points
from enlib.figures.style import css, svg

Frame = Mapping[str, Any]

_COLORMAP = "cividis"  # even, and the same to readers who see fewer colors
_DASHES = ("none", "7 3", "2 3", "9 3 2 3", "12 4")
_WIDTH = 1.8  # of curves, in points


class Axis(NamedTuple):
    """Label, range and scale of an axis."""

    label: str
    lim: tuple[float, float]
    log: bool


@dataclass(frozen=True)
class Look:
    """What does not change while a figure moves: axes, range of heat maps, palette color of each mark, and texts."""

    x: Axis
    y: Axis
    zlim: tuple[float, float]
    colors: Mapping[str, str]
    alt: str
    caption: str


def limits(frames: Sequence[Frame], axis: str, log: bool) -> tuple[float, float]:
    """Return the range that axis ``"x"`` or ``"y"`` needs for all frames, with a small margin.

    Raises
    ------
    ValueError
        If the axis is logarithmic and a number is not positive, or there is a heat map.
    """
    marks = [mark for frame in frames for mark in frame.values() if isinstance(mark, Mark)]
    heat = any(isinstance(mark, HeatMap) for mark in marks)
    if log and heat:
        raise ValueError(f"expected a linear {axis} axis for a heat map, got a logarithmic one: show log10 of {axis}")
    values = np.concatenate([mark.extent(axis, log) for mark in marks])
    if log and values.min() <= 0:
        raise ValueError(
            f"expected positive {axis} for a logarithmic axis, got {values.min():.4g}: use a linear one, or clip"
        )
    values = np.log10(values) if log else values
    low, high = float(values.min()), float(values.max())
    room = 0.0 if heat else 0.04 * (high - low) or 0.5
    return (10 ** (low - room), 10 ** (high + room)) if log else (low - room, high + room)


def zlim(frames: Sequence[Frame]) -> tuple[float, float]:
    """Return the range of the heat maps over all frames."""
    values = [mark.z for frame in frames for mark in frame.values() if isinstance(mark, HeatMap)]
    return (min(float(z.min()) for z in values), max(float(z.max()) for z in values)) if values else (0.0, 1.0)


def page(
    frames: Sequence[Frame], start: Frame, controls: Mapping[str, Control], look: Look, javascript: str | None
) -> str:
    """Return the ``<figure>``: the first frame as inline SVG, the texts, and the data for the script.

    Parameters
    ----------
    frames : sequence of Frame
        All frames, the last control varying fastest; not used if there is a closed form.
    start : Frame
        The frame that is shown first.
    controls : mapping of str to Control
    look : Look
    javascript : str or None
        The closed form, if there is one.
    """
    drawn, box = _first_frame(start, look)
    spec: dict[str, Any] = {
        "box": [round(v, 2) for v in box],
        "x": look.x._asdict(),
        "y": look.y._asdict(),
        "controls": [_control(name, control, javascript is not None) for name, control in controls.items()],
        "marks": [],
    }
    for index, (name, mark) in enumerate((n, m) for n, m in start.items() if isinstance(m, Mark)):
        entry: dict[str, Any] = {
            "name": name,
            "kind": mark.kind,
            "color": css(look.colors[name]),
            "dash": _dash(index),
        }
        if isinstance(mark, HeatMap):
            entry["zlim"] = look.zlim
            spec["colormap"] = _base64((mpl.colormaps[_COLORMAP](np.arange(256))[:, :3] * 255).round(), "u1")
        if javascript is None:
            logs = {"x": look.x.log, "y": look.y.log, "z": False}
            entry |= {q: pack([getattr(f[name], q) for f in frames], log=logs[q]) for q in mark.quantities}
        spec["marks"].append(entry)
    notes = [name for name, value in start.items() if isinstance(value, str)]
    spec["notes"] = [[frame[name] for name in notes] for frame in frames] if javascript is None else notes
    told_apart = look.alt + look.caption + ",".join(controls) + (javascript or "")
    identity = "figure-" + hashlib.sha256(told_apart.encode()).hexdigest()[:8]
    at = ", ".join(f"{c.label or name} = {c.texts[c.start]}" for name, c in controls.items())
    told = json.dumps(spec, separators=(",", ":")).replace("<", "\\u003c")
    form = f'<script>(globalThis.enlibClosedForms ??= {{}})["{identity}"] = {javascript};</script>'
    return (
        f'<figure class="en-figure en-explore" id="{identity}" data-controls="{" ".join(controls)}" '
        f'style="margin:1rem 0">'
        f'<div class="en-drawing" role="img" aria-label="{html.escape(look.alt)}">{drawn}</div>'
        f'<p class="en-at">{html.escape(at)}</p>'
        f'<p class="en-note" aria-live="polite">{html.escape(" ".join(start[name] for name in notes))}</p>'
        f"<figcaption>{html.escape(look.caption)}</figcaption>"
        f'<script type="application/json">{told}</script>{form if javascript else ""}</figure>'
    )


def pack(arrays: Sequence[Array], *, log: bool = False) -> dict[str, Any]:
    """Return one array per frame as 16-bit integers over their range, in base64; the step is 1.5e-5 of the range.

    Parameters
    ----------
    arrays : sequence of array
        All of one shape. If all are equal, as the x of a curve usually is, only one is stored.
    log : bool
        Pack the decimal logarithms, for a logarithmic axis.

    Examples
    --------
    >>> packed = pack([np.array([0.0, 1.0]), np.array([0.0, 1.0])])
    >>> packed["shared"], packed["n"], packed["o"], pack([np.array([2.0, 2.0])])["s"]
    (True, 2, 0.0, 0.0)
    """
    stack = np.stack([array.ravel() for array in arrays])
    shared = bool((stack == stack[:1]).all())
    values = stack[:1] if shared else stack
    values = np.log10(values) if log else values
    low, high = float(values.min()), float(values.max())
    scale = (high - low) / 65535
    steps = np.zeros(values.shape) if scale == 0 else np.round((values - low) / scale)
    packed = _base64(steps - 32768, "<i2")
    return {"shared": shared, "n": stack.shape[1], "o": low, "s": scale, "log": log, "b": packed}


def _base64(values: Any, dtype: str) -> str:
    return base64.b64encode(values.astype(dtype).tobytes()).decode()


def _control(name: str, control: Control, with_values: bool) -> dict[str, Any]:
    label = control.label or name
    told = {"name": name, "label": label, "kind": control.kind, "texts": control.texts, "start": control.start}
    return told | ({"values": control.values} if with_values else {})


def _dash(index: int) -> str:
    return _DASHES[index % len(_DASHES)]


def _first_frame(start: Frame, look: Look) -> tuple[str, tuple[float, float, float, float]]:
    """Return the drawing, and the left, top, right and bottom edges of its axes."""

    def panel(axes: Axes) -> None:
        axes.set(xscale="log" if look.x.log else "linear", yscale="log" if look.y.log else "linear")
        marks = [(name, mark) for name, mark in start.items() if isinstance(mark, Mark)]
        drawn = [_draw(axes, name, mark, look, index) for index, (name, mark) in enumerate(marks)]
        axes.set(xlabel=look.x.label, ylabel=look.y.label, xlim=look.x.lim, ylim=look.y.lim)
        handles = [handle for handle, (_, mark) in zip(drawn, marks, strict=True) if not isinstance(mark, HeatMap)]
        if handles:
            # Above the axes, where it hides no mark; the layout would narrow the axes for a wide legend.
            legend = axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2)
            legend.set_in_layout(False)
            engine = axes.get_figure(root=True).get_layout_engine()  # type: ignore[union-attr]
            assert isinstance(engine, ConstrainedLayoutEngine)
            engine.set(rect=(0, 0, 1, 1 - 0.08 * ((len(handles) + 1) // 2)))

    try:
        drawn, axes = svg(panel)
    except ValueError as error:
        cause = str(error).splitlines()[-1]
        raise ValueError(f"expected labels that matplotlib can typeset, got {cause}: check between the $") from None
    width, height = axes.figure.get_figwidth() * 72, axes.figure.get_figheight() * 72  # type: ignore[union-attr]
    at = axes.get_position()
    return drawn, (at.x0 * width, (1 - at.y1) * height, at.x1 * width, (1 - at.y0) * height)


def _draw(axes: Axes, name: str, mark: Mark, look: Look, index: int) -> Any:
    """Draw a mark, and return its handle for a legend."""
    style: dict[str, Any] = {"zorder": 2 + index / 100, "gid": "en-first"}  # in order, and below the spines
    if isinstance(mark, HeatMap):
        extent = (*mark.extent("x"), *mark.extent("y"))
        image = axes.imshow(
            mark.z, _COLORMAP, aspect="auto", interpolation="none", vmin=look.zlim[0], vmax=look.zlim[1],
            origin="lower", extent=extent, **style,
        )  # fmt: skip
        return axes.figure.colorbar(image, ax=axes, label=name)
    style |= {"color": look.colors[name], "label": name}
    if isinstance(mark, Bars):
        left, right = mark.edges(look.x.log)
        return axes.bar(left, mark.y, right - left, align="edge", **style)
    if isinstance(mark, Points):
        return axes.plot(mark.x, mark.y, "o", markersize=7, markeredgewidth=0, **style)[0]
    # SVG counts dashes in units of the drawing, matplotlib in units of the line width.
    dashes = [float(v) / _WIDTH for v in _dash(index).split()] if _dash(index) != "none" else (None, None)
    return axes.plot(mark.x, mark.y, linewidth=_WIDTH, dashes=dashes, **style)[0]
