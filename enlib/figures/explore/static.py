"""The figure of the published page: a drawing that says something by itself, and the data to move it."""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from enlib.figures.drawing import css
from enlib.figures.explore.axes import Look, draw
from enlib.figures.explore.controls import Control
from enlib.figures.explore.frames import Frame
from enlib.figures.explore.marks import HeatMap, Mark
from enlib.figures.explore.spec import spec, zlim
from enlib.figures.explore.strokes import draw_mark


def limits(frames: Sequence[Frame], axis: str, given: tuple[float, float] | None, log: bool) -> tuple[float, float]:
    """Return the range of an axis over all frames, with a little room, or the one that is given."""
    marks = [mark for frame in frames for mark in frame.values() if isinstance(mark, Mark)]
    values = np.concatenate([m.edges(axis) if isinstance(m, HeatMap) else getattr(m, axis) for m in marks])
    if log and values.min() <= 0:
        raise ValueError(
            f"expected positive {axis} for a logarithmic axis, got {values.min():.4g}: use a linear one, or clip"
        )
    if given is not None:
        return given
    values = np.log10(values) if log else values
    low, high = float(values.min()), float(values.max())
    room = 0.0 if any(isinstance(m, HeatMap) for m in marks) else 0.04 * (high - low) or 0.5
    return (10 ** (low - room), 10 ** (high + room)) if log else (low - room, high + room)


def page(fn: Any, frames: Sequence[Frame], start: Frame, controls: Mapping[str, Control], look: Look) -> str:
    """Return the ``<figure>``: the starting frame as inline SVG, the text, and the frames for the script."""
    marks = [(name, mark) for name, mark in start.items() if isinstance(mark, Mark)]
    empty, box = draw(look.axes, [(name, mark.kind, look.colors[name]) for name, mark in marks], zlim(frames))
    drawn = "".join(
        draw_mark(mark, css(look.colors[name]), index, look.axes, box, zlim(frames))
        for index, (name, mark) in enumerate(marks)
    )
    # A nested svg clips what it holds to the axes, and keeps the coordinates.
    left, top, width, height = (f"{v:.2f}" for v in (box[0], box[1], box[2] - box[0], box[3] - box[1]))
    window = f'x="{left}" y="{top}" width="{width}" height="{height}" viewBox="{left} {top} {width} {height}"'
    svg = empty.removesuffix("</svg>") + f'<svg class="en-marks" {window}>{drawn}</svg></svg>'
    told = json.dumps(spec(fn, frames, start, controls, look, box), separators=(",", ":")).replace("</", "<\\/")
    at = ", ".join(f"{c.label or name} = {c.texts[c.start]}" for name, c in controls.items())
    note = " ".join(value for value in start.values() if isinstance(value, str))
    identity = hashlib.sha256((look.alt + look.caption + ",".join(controls)).encode()).hexdigest()[:8]
    return (
        f'<figure class="en-figure en-explore" id="figure-{identity}" data-controls="{" ".join(controls)}" '
        f'style="margin:1rem 0">'
        f'<div class="en-drawing" role="img" aria-label="{html.escape(look.alt)}">{svg}</div>'
        f'<p class="en-at">{html.escape(at)}</p>'
        f'<p class="en-note" aria-live="polite">{html.escape(note)}</p>'
        f"<figcaption>{html.escape(look.caption)}</figcaption>"
        f'<script type="application/json">{told}</script></figure>'
    )
