"""What the page's script is told: axes, controls, and the numbers of all frames or the formula for them."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np

from enlib.figures.drawing import css
from enlib.figures.explore.axes import COLORMAP, Look
from enlib.figures.explore.controls import Control
from enlib.figures.explore.frames import ClosedForm, Frame, pack
from enlib.figures.explore.marks import HeatMap, Mark


def spec(
    fn: Any, frames: Sequence[Frame], start: Frame, controls: Mapping[str, Control], look: Look, box: Sequence[float]
) -> dict[str, Any]:
    """Return the description of a figure that explore.js reads, ready for JSON."""
    axes = look.axes
    told: dict[str, Any] = {
        "box": [round(v, 2) for v in box],
        "x": {"lim": axes.xlim, "log": axes.xscale == "log", "label": axes.xlabel},
        "y": {"lim": axes.ylim, "log": axes.yscale == "log", "label": axes.ylabel},
        "controls": [_control(name, control) for name, control in controls.items()],
        "marks": [],
    }
    for index, (name, mark) in enumerate((n, m) for n, m in start.items() if isinstance(m, Mark)):
        entry: dict[str, Any] = {"name": name, "kind": mark.kind, "color": css(look.colors[name]), "dash": index}
        if isinstance(mark, HeatMap):
            entry["zlim"] = zlim(frames)
            told["colormap"] = _lookup_table()
        if not isinstance(fn, ClosedForm):
            logs = {"x": told["x"]["log"], "y": told["y"]["log"], "z": False}
            entry |= {q: _stack([getattr(f[name], q) for f in frames], logs[q]) for q in mark.quantities}
        told["marks"].append(entry)
    notes = [name for name, value in start.items() if isinstance(value, str)]
    if isinstance(fn, ClosedForm):
        for entry, control in zip(told["controls"], controls.values(), strict=True):
            entry["values"] = control.values
        return told | {"js": fn.javascript, "notes": notes}
    return told | {"notes": [[frame[name] for name in notes] for frame in frames]}


def zlim(frames: Sequence[Frame]) -> tuple[float, float]:
    """Return the range of the heat maps over all frames."""
    values = [mark.z for frame in frames for mark in frame.values() if isinstance(mark, HeatMap)]
    return (min(float(z.min()) for z in values), max(float(z.max()) for z in values)) if values else (0.0, 1.0)


def _control(name: str, control: Control) -> dict[str, Any]:
    label = control.label or name
    return {"name": name, "label": label, "kind": control.kind, "texts": control.texts, "start": control.start}


def _stack(arrays: Sequence[Any], log: bool) -> dict[str, Any]:
    stack = np.stack([array.ravel() for array in arrays])
    shared = bool((stack == stack[:1]).all())  # most often the x of a curve
    return {"shared": shared, "n": stack.shape[1], **pack(stack[:1] if shared else stack, log=log)}


def _lookup_table() -> str:
    colors = (mpl.colormaps[COLORMAP](np.arange(256))[:, :3] * 255).round().astype(np.uint8)
    return base64.b64encode(colors.tobytes()).decode()
