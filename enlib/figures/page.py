"""The HTML of a figure with controls: its first frame as a drawing, and the data of the others for the script.

`matplotlib` draws the axes, once wide and once narrow for a phone. The marks stand in a symbol that both drawings
use: stretched over their axes, with strokes that are not stretched. ``assets/explore.js`` moves these marks, in the
book and in a notebook alike. A test compares its shapes with those below.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator
from PIL import Image

from enlib import _tools
from enlib.figures.controls import Control, Ticks
from enlib.figures.marks import Array, Bars, Curve, HeatMap, Intervals, Mark, Points
from enlib.figures.style import DIVERGED, INK, NARROW, STILL, TEXT, WIDE, css, png, small_png, svg, text_width

Frame = Mapping[str, Any]

UNITS = 10_000  # the size of the marks' symbol: shapes have integer coordinates
_DASHES = ("none", "9 3", "2 3", "9 3 2 3", "14 4")
_WIDTH, _HALO = 2.0, 3.0  # of curves, and of what is white around marks on a heat map
_GAP, _LINE = 6.0, 17  # before names at the ends of curves, and heights of their lines
_CAP = 0.008  # half the width of an error bar's cap, of the axes
# Pale: every color of the palette has a contrast of 3 on the light end, and its halo has on the dark one.
_PALE = LinearSegmentedColormap.from_list("pale", ["#9db4cb", "#c9d6e2", "#e9eef2", "#fdfcf9"])
_CLASSES = LinearSegmentedColormap.from_list("classes", ["#eeb08a", "#f7dccb", "#ffffff", "#cde3f2", "#8fc4e6"])


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
    whole: frozenset[str] = frozenset()  # of the axes "x" and "y", those that count
    drag: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # a mark, and its sliders for x and y
    play: str | None = None
    picks: str | None = None


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


def counts(frames: Sequence[Frame], axis: str) -> bool:
    """Return whether an axis counts things: its numbers are integers, but for a little that keeps marks apart."""
    marks = [mark for frame in frames for mark in frame.values() if isinstance(mark, Mark)]
    if any(isinstance(mark, HeatMap) for mark in marks):
        return False
    centers = [m.x if isinstance(m, Bars) and axis == "x" else m.extent(axis, False) for m in marks]
    values = np.concatenate(centers)
    return bool(np.ptp(values) >= 2 and (np.abs(values - values.round()) <= 0.2).all())


def zlim(frames: Sequence[Frame]) -> tuple[float, float]:
    """Return the range of the heat maps over all frames, even around their center if they have one."""
    maps = [mark for frame in frames for mark in frame.values() if isinstance(mark, HeatMap)]
    if not maps:
        return 0.0, 1.0
    low, high = min(float(mark.z.min()) for mark in maps), max(float(mark.z.max()) for mark in maps)
    center = maps[0].center
    if center is None:
        return low, high
    reach = max(high - center, center - low)
    return center - reach, center + reach


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
    marks = _marks(start)
    spec: dict[str, Any] = {
        "x": look.x._asdict(),
        "y": look.y._asdict(),
        "controls": [_control(name, control, javascript is not None) for name, control in controls.items()],
        "marks": [],
        "drag": [list(marks).index(name) for name in look.drag],
    }
    if any(look.drag.values()):
        spec["held"] = [[list(controls).index(name) for name in names] for names in look.drag.values()]
    if look.play is not None:
        spec["play"] = list(controls).index(look.play)
    if look.picks is not None:
        spec["picks"] = list(marks).index(look.picks)
    for name, value in start.items():
        if isinstance(value, Ticks):
            rows = [frame[name].rows for frame in frames] if javascript is None else name
            spec["ticks"] = {"control": list(controls).index(value.control), "names": value.names, "rows": rows}
    dashes = _dashes(marks, look)
    for name, mark in marks.items():
        entry: dict[str, Any] = {"name": name, "kind": mark.kind, "color": css(look.colors[name])}
        if isinstance(mark, Curve):
            entry["dash"] = dashes[name]
        if isinstance(mark, HeatMap):
            entry |= {"zlim": look.zlim, "levels": _levels(look.zlim), "colors": _base64(_palette(mark), "u1")}
        if javascript is None:
            logs = {"x": look.x.log, "y": look.y.log, "high": look.y.log, "z": False}
            entry |= {q: pack([getattr(f[name], q) for f in frames], log=logs[q]) for q in mark.quantities}
        spec["marks"].append(entry)
    notes = [name for name, value in start.items() if isinstance(value, str)]
    spec["notes"] = [[frame[name] for name in notes] for frame in frames] if notes and javascript is None else notes
    said = "" if look.picks else " ".join(start[name] for name in notes)  # of what is not kept, nothing is shown
    longest = max(len(" ".join(frame[name] for name in notes)) for frame in frames)
    told_apart = look.alt + look.caption + ",".join(controls) + (javascript or "")
    identity = "figure-" + hashlib.sha256(told_apart.encode()).hexdigest()[:8]
    told = json.dumps(spec, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
    form = f'<script>(globalThis.enlibClosedForms ??= {{}})["{identity}"] = {javascript};</script>'
    return (
        f'<figure class="en-figure en-explore" id="{identity}" data-controls="{" ".join(controls)}" '
        f'style="margin:1rem 0;max-width:56rem;--en-lines:{-(-longest // 84)};--en-lines-narrow:{-(-longest // 42)}">'
        f'<p class="en-note" aria-live="polite">{html.escape(_tools.for_readers(said))}</p>'
        f"{_key(marks, look)}"
        f'<div class="en-drawing" style="position:relative" role="img" aria-label="{html.escape(look.alt)}">'
        f"{_symbol(identity, marks, look)}{_axes(identity, start, look, WIDE, 'en-wide')}"
        f"{_axes(identity, start, look, NARROW, 'en-narrow')}</div>"
        f'<p class="en-at">{html.escape(setting(controls))}</p>'
        f"<figcaption>{html.escape(look.caption)}</figcaption>"
        f'<script type="application/json">{told}</script>{form if javascript else ""}</figure>'
    )


def setting(controls: Mapping[str, Control]) -> str:
    """Return in words what the controls are set to at first."""
    return _tools.for_readers(", ".join(f"{c.label or name} = {c.texts[c.start]}" for name, c in controls.items()))


def pack(arrays: Sequence[Array], *, log: bool = False) -> dict[str, Any]:
    """Return one array per frame as 16-bit integers over their range, in base64; the step is 1.5e-5 of the range.

    Parameters
    ----------
    arrays : sequence of array
        All of one shape. If all are equal, as the x of a curve usually is, only one is stored; if fewer than half are
        different, as where one control does not move a curve, only these, with the row of each frame.
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
    values, rows = np.unique(stack, axis=0, return_inverse=True)
    few = not shared and 2 * len(values) < len(stack)
    values = values if few or shared else stack
    values = np.log10(values) if log else values
    low, high = float(values.min()), float(values.max())
    scale = (high - low) / 65535
    steps = np.zeros(values.shape) if scale == 0 else np.round((values - low) / scale)
    packed = _base64(steps - 32768, "<i2")
    told = {"shared": shared, "n": stack.shape[1], "o": low, "s": scale, "log": log, "b": packed}
    return told | ({"rows": rows.ravel().tolist()} if few else {})


def _base64(values: Any, dtype: str) -> str:
    return base64.b64encode(values.astype(dtype).tobytes()).decode()


def _control(name: str, control: Control, with_values: bool) -> dict[str, Any]:
    label = control.label or name
    told = {"name": name, "label": label, "kind": control.kind, "texts": control.texts, "start": control.start}
    return told | ({"values": control.values} if with_values else {})


def _marks(frame: Frame) -> dict[str, Mark]:
    return {name: mark for name, mark in frame.items() if isinstance(mark, Mark)}


def _dashes(marks: Mapping[str, Mark], look: Look) -> dict[str, str]:
    """Return the dashes of each curve, since colors alone must not tell them apart; gray is a color of its own."""
    curves = [name for name, mark in marks.items() if isinstance(mark, Curve)]
    gray = [name for name in curves if look.colors[name] == DIVERGED]
    colored = [name for name in curves if name not in gray]
    return {name: _DASHES[i % len(_DASHES)] for names in (gray, colored) for i, name in enumerate(names)}


def _named_at_end(marks: Mapping[str, Mark], look: Look) -> list[str]:
    """Return the curves if all their names fit beside their ends, at the right of the wide drawing."""
    if any(isinstance(mark, HeatMap) for mark in marks.values()) or len(marks) < 2:
        return []
    ends = {name: _units(mark.x[-1], look.x) for name, mark in marks.items() if isinstance(mark, Curve)}
    fit = all(0.94 * UNITS <= x <= 1.05 * UNITS and len(name) <= 22 for name, x in ends.items())
    return list(ends) if fit else []


def _dot(mark: Mark) -> float:
    """Return the size of a mark's dots, which are smaller where there are many of them."""
    many = len({*zip(mark.x.tolist(), mark.y.tolist(), strict=True)})
    return 8.0 if many <= 60 else 6.0 if many <= 200 else 4.0


# --- marks as shapes of the page


def _symbol(identity: str, marks: Mapping[str, Mark], look: Look) -> str:
    """Return the marks as a symbol, in the order in which they are drawn."""
    on_map = any(isinstance(mark, HeatMap) for mark in marks.values())
    drawn, dashes = "", _dashes(marks, look)
    for name, mark in marks.items():
        if isinstance(mark, HeatMap):
            left, top, right, bottom = _corners(mark, look)
            drawn += (
                f'<g class="en-mark"><image preserveAspectRatio="none" x="{left}" y="{top}" width="{right - left}" '
                f'height="{bottom - top}" href="{_image(mark, look.zlim)}"/>'
                f'<path d="{_contours(mark, look)}" style="{_line(INK, 1)};opacity:.3"/></g>'
            )
            continue
        width = _dot(mark) if isinstance(mark, Points) else _WIDTH
        shape, color = "" if name == look.picks else path(mark, look), css(look.colors[name])
        look_of = f"fill:{color}" if isinstance(mark, Bars) else _line(color, width)
        if isinstance(mark, Curve):
            look_of += f";stroke-dasharray:{dashes[name]}"
        halo = f'<path d="{shape}" style="{_line("#fff", width + _HALO)}"/>' if on_map else ""
        drawn += f'<g class="en-mark">{halo}<path d="{shape}" style="{look_of}"/></g>'
    return (
        '<svg width="0" height="0" style="position:absolute" aria-hidden="true" focusable="false">'
        f'<symbol id="{identity}-marks" viewBox="0 0 {UNITS} {UNITS}" preserveAspectRatio="none"'
        f"{_LIGHT if on_map else ''}>{drawn}</symbol></svg>"
    )


# A heat map is as pale on a dark page as on a light one; what has this ink gets its palette from explore.css, too.
_LIGHT = ' style="color:#1b1b1b"'


def _line(color: str, width: float) -> str:
    return (
        f"fill:none;stroke:{color};stroke-width:{width:g};stroke-linecap:round;stroke-linejoin:round;"
        "vector-effect:non-scaling-stroke"
    )


def path(mark: Mark, look: Look) -> str:
    """Return the shape of a mark; explore.js has its twin."""
    x, y = _units(mark.x, look.x), UNITS - _units(mark.y, look.y)
    if isinstance(mark, Bars):
        zero = UNITS if look.y.log else UNITS - int(_units(np.zeros(1), look.y)[0])
        left, right = (_units(ends, look.x) for ends in mark.edges(look.x.log))
        return "".join(f"M{a} {zero}V{v}H{b}V{zero}Z" for a, v, b in zip(left, y, right, strict=True))
    if isinstance(mark, Intervals):
        high, cap = UNITS - _units(mark.high, look.y), round(_CAP * UNITS)
        ends = zip(x, y, high, strict=True)
        return "".join(f"M{v} {a}V{b}M{v - cap} {a}h{2 * cap}M{v - cap} {b}h{2 * cap}" for v, a, b in ends)
    at = [f"{v} {w}" for v, w in zip(x, y, strict=True)]
    return "".join(f"M{p}h0" for p in at) if isinstance(mark, Points) else "M" + "L".join(at)


def _units(values: Any, axis: Axis) -> Any:
    """Return places along an axis as integers from 0 to UNITS, and a little beyond for what lies outside."""
    low, high = (math.log10(end) for end in axis.lim) if axis.log else axis.lim
    at = ((np.log10(values) if axis.log else np.asarray(values)) - low) / (high - low)
    return np.floor(np.clip(at * UNITS, -UNITS, 2 * UNITS) + 0.5).astype(int)


def _corners(mark: HeatMap, look: Look) -> tuple[int, int, int, int]:
    left, right = _units(mark.extent("x"), look.x)
    bottom, top = UNITS - _units(mark.extent("y"), look.y)
    return int(left), int(top), int(right), int(bottom)


def _colors(mark: HeatMap) -> LinearSegmentedColormap:
    return _PALE if mark.center is None else _CLASSES


def _palette(mark: HeatMap) -> Any:
    return (_colors(mark)(np.arange(256))[:, :3] * 255).round()


def _image(mark: HeatMap, zlim: tuple[float, float]) -> str:
    """Return the colors of the grid's points as a picture, which the browser smooths; the first row is the lowest."""
    low, high = zlim
    at = np.floor(256 * (mark.z[::-1] - low) / (high - low or 1)).clip(0, 255).astype(int)
    picture = Image.fromarray(_palette(mark).astype("u1")[at])
    return "data:image/png;base64," + base64.b64encode(small_png(picture)).decode()


def _levels(zlim: tuple[float, float]) -> list[float]:
    low, high = zlim
    return [float(v) for v in MaxNLocator(9).tick_values(low, high) if low < v < high]


_CORNERS = tuple((slice(i, i - 1 or None), slice(j, j - 1 or None)) for i, j in ((0, 0), (0, 1), (1, 1), (1, 0)))


def _contours(mark: HeatMap, look: Look) -> str:
    """Return the contours: in each cell of the grid, straight lines between the cuts of its sides."""
    rows, columns = np.indices(mark.z.shape)
    corners = [(rows[i, j].ravel(), columns[i, j].ravel()) for i, j in _CORNERS]
    shape = ""
    for level in _levels(look.zlim):
        sides = []
        for here, there in zip(corners, (*corners[1:], corners[0]), strict=True):
            a, b = mark.z[here] - level, mark.z[there] - level
            with np.errstate(divide="ignore", invalid="ignore"):
                t = np.where((a < 0) != (b < 0), a / (a - b), np.nan)
            ends = ((mark.x, here[1], there[1]), (mark.y, here[0], there[0]))
            sides.append([at[i] + t * (at[k] - at[i]) for at, i, k in ends])
        x, y = np.array(sides).transpose(1, 2, 0).reshape(2, -1)  # side by side in each cell, cell by cell
        cut = ~np.isnan(x)
        at = zip(_units(x[cut], look.x), UNITS - _units(y[cut], look.y), strict=True)
        shape += "".join("ML"[k % 2] + f"{x} {y}" for k, (x, y) in enumerate(at))
    return shape


def _key(marks: Mapping[str, Mark], look: Look) -> str:
    """Return the names of the marks, each with a sample of it; nothing for a single one."""
    if len(marks) < 2 and not any(isinstance(mark, HeatMap) for mark in marks.values()):
        return ""
    entries, dashes, named = "", _dashes(marks, look), _named_at_end(marks, look)
    for name, mark in marks.items():
        if isinstance(mark, HeatMap):
            ends = ",".join(f"rgb({','.join(f'{v:.0f}' for v in color)})" for color in _palette(mark)[::51])
            sample = (
                f'<span style="padding-left:40px;margin-right:4px;background:linear-gradient(90deg,{ends})"></span>'
            )
            entries += f'<span style="white-space:nowrap">{sample} {html.escape(name)}, from low to high</span> '
            continue
        color = css(look.colors[name])
        style = {
            "curve": f"fill:none;stroke:{color};stroke-width:2;stroke-dasharray:{dashes.get(name)}",
            "bars": f"stroke:{color};stroke-width:9",
            "points": f"stroke:{color};stroke-width:{_dot(mark):g};stroke-linecap:round",
            "intervals": f"stroke:{color};stroke-width:2",
        }[mark.kind]
        shape = {"curve": "M1 7H25", "bars": "M8 7h10", "points": "M13 7h0"}.get(mark.kind, "M13 2V12M10 2h6M10 12h6")
        at_end = 'class="en-named" ' if name in named else ""
        entries += (
            f'<span {at_end}style="white-space:nowrap"><svg width="26" height="14" viewBox="0 0 26 14" '
            f'style="vertical-align:-1px" aria-hidden="true"><path d="{shape}" style="{style}"/></svg> '
            f"{html.escape(name)}</span> "
        )
    return f'<p class="en-key" style="margin:0;display:flex;flex-wrap:wrap;gap:0 1rem">{entries}</p>'


def _axes(identity: str, start: Frame, look: Look, size: tuple[float, float], name: str) -> str:
    """Return the axes as a drawing, with the place of the marks in it."""

    def panel(axes: Axes) -> None:
        _prepare(axes, start, look)
        axes.plot([], [])  # so that an axis without marks is drawn like one with them

    marks = _marks(start)
    named = _named_at_end(marks, look) if name == "en-wide" else []
    drawn, axes = svg(panel, size, right=max((_GAP + text_width(name) for name in named), default=-4) + 4)
    width, height = size
    at = axes.get_position()
    left, top = at.x0 * width, (1 - at.y1) * height
    box = f'x="{left:.2f}" y="{top:.2f}" width="{at.width * width:.2f}" height="{at.height * height:.2f}"'
    place = f'<use href="#{identity}-marks" {box}/><rect class="en-ground" {box} fill="none" pointer-events="all"/>'
    ends = [top + at.height * height * (1 - _units(marks[n].y[-1], look.y) / UNITS) for n in named]
    for n, y in zip(named, spread(ends, top, top + at.height * height), strict=True):
        style = f'dominant-baseline="central" style="font-size:{TEXT:g}px;fill:{css(look.colors[n])}"'
        x = f"{at.x1 * width + _GAP:.2f}"
        index = list(marks).index(n)
        place += f'<text class="en-end" data-mark="{index}" x="{x}" y="{y:.1f}" {style}>{html.escape(n)}</text>'
    display = "none" if name == "en-narrow" else "block"
    drawn = drawn.replace("<svg ", f'<svg class="{name}" style="display:{display};width:100%" ', 1)
    first = drawn.index("<g")  # below the axes and their ticks, so that these stay visible
    return drawn[:first] + place + drawn[first:]


def spread(at: Sequence[float], top: float, bottom: float) -> list[float]:
    """Return places for lines of text that are as near to the wanted ones as they can be without touching.

    >>> spread([50, 10, 12], 0, 100)
    [50, 10, 27]
    """
    order = sorted(range(len(at)), key=lambda i: at[i])
    places, last = [0.0] * len(at), -math.inf
    for i in order:
        last = places[i] = max(min(max(at[i], top), bottom), last + _LINE)
    last = max(bottom, top + _LINE * (len(at) - 1)) + _LINE
    for i in reversed(order):
        last = places[i] = min(places[i], last - _LINE)
    return places


def _prepare(axes: Axes, start: Frame, look: Look) -> None:
    """Give the axes their scales, labels, ranges and ticks, and a heat map its scale of colors."""
    axes.set(xscale="log" if look.x.log else "linear", yscale="log" if look.y.log else "linear")
    axes.set(xlabel=look.x.label, ylabel=look.y.label, xlim=look.x.lim, ylim=look.y.lim)
    for name, axis in (("x", axes.xaxis), ("y", axes.yaxis)):
        if name in look.whole and axis.get_scale() == "linear":
            axis.set_major_locator(MaxNLocator(integer=True))
    for mark in _marks(start).values():
        if isinstance(mark, HeatMap):
            bar = axes.figure.colorbar(
                ScalarMappable(Normalize(*look.zlim), _colors(mark)), ax=axes, aspect=30, pad=0.02
            )
            bar.ax.spines["outline"].set_visible(False)


# --- the same as a picture


def still(start: Frame, look: Look, said: str) -> bytes:
    """Return the first frame as a PNG, with what its controls are set to."""

    def panel(axes: Axes) -> None:
        _prepare(axes, start, look)
        marks, dashes = _marks(start), _dashes(_marks(start), look)
        on_map = any(isinstance(mark, HeatMap) for mark in marks.values())
        for index, (name, mark) in enumerate(marks.items()):
            if name == look.picks:
                continue
            style = {"zorder": 2 + index / 100, "color": look.colors[name], "label": name}
            _draw(axes, mark, look, style, dashes.get(name, "none"), on_map)
        axes.set(xlim=look.x.lim, ylim=look.y.lim)
        handles = axes.get_legend_handles_labels()[0]
        if len(marks) > 1 and handles:
            figure = axes.get_figure(root=True)
            figure.legend(handles=handles, loc="outside upper left", ncols=2, columnspacing=1)  # type: ignore[union-attr]
        axes.set_xlabel(f"{look.x.label}\n\n{textwrap.fill(said, 54)}".strip())
        if len(axes.figure.axes) > 1:
            axes.figure.axes[1].set_ylabel(next(name for name, mark in marks.items() if isinstance(mark, HeatMap)))

    return png([panel], STILL)


def _draw(axes: Axes, mark: Mark, look: Look, style: dict[str, Any], dash: str, on_map: bool) -> None:
    if isinstance(mark, HeatMap):
        extent = (*mark.extent("x"), *mark.extent("y"))
        axes.imshow(
            mark.z, _colors(mark), norm=Normalize(*look.zlim), aspect="auto", interpolation="bilinear",
            origin="lower", extent=extent,
        )  # fmt: skip
        if levels := _levels(look.zlim):
            axes.contour(mark.x, mark.y, mark.z, levels, colors=[INK], linewidths=0.7, linestyles="solid", alpha=0.3)
        return
    if on_map and isinstance(mark, Curve):
        style["path_effects"] = [withStroke(linewidth=_WIDTH + _HALO, foreground="white")]
    if isinstance(mark, Bars):
        left, right = mark.edges(look.x.log)
        axes.bar(left, mark.y, right - left, align="edge", **style)
    elif isinstance(mark, Intervals):
        style |= {"ecolor": style.pop("color"), "capsize": 4, "elinewidth": _WIDTH, "capthick": _WIDTH}
        axes.errorbar(mark.x, (mark.y + mark.high) / 2, (mark.high - mark.y) / 2, fmt="none", **style)
    elif isinstance(mark, Points):
        edge = {"markeredgecolor": "white", "markeredgewidth": 1.5} if on_map else {"markeredgewidth": 0}
        axes.plot(mark.x, mark.y, "o", markersize=_dot(mark) + edge["markeredgewidth"], **edge, **style)  # type: ignore[operator]
    else:
        # SVG counts dashes in units of the drawing, matplotlib in units of the line width.
        dashes = [float(v) / _WIDTH for v in dash.split()] if dash != "none" else (None, None)
        axes.plot(mark.x, mark.y, linewidth=_WIDTH, dashes=dashes, **style)
