"""The figure in a live kernel: widgets that recompute."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Callable, Mapping
from typing import Any

from enlib.figures.explore.axes import Look
from enlib.figures.explore.controls import Control
from enlib.figures.explore.frames import Frame, check_frame, describe
from enlib.figures.explore.marks import Bars, Curve, HeatMap, Mark

_PAUSE = 0.02  # seconds to gather values that are already on their way


class LatestWins:
    """Run a function for the latest of many requests, and never for those that came before it.

    A kernel handles slider messages one after another. If each redrew, a slow figure would fall behind the hand.
    Here a request only sets a flag, and one redraw follows when the messages at hand are dealt with.

    Parameters
    ----------
    redraw : callable
        Takes nothing; reads the current values itself.
    """

    def __init__(self, redraw: Callable[[], None]) -> None:
        self._redraw = redraw
        self._waiting = False

    def request(self, _change: object = None) -> None:
        """Ask for a redraw soon; without a running event loop, redraw now."""
        if self._waiting:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._redraw()
            return
        self._waiting = True
        loop.call_later(_PAUSE, self._run)

    def _run(self) -> None:
        self._waiting = False
        self._redraw()


def widget(fn: Callable[..., Frame], start: Frame, controls: Mapping[str, Control], look: Look) -> Any:
    """Return an ipywidgets box: a slider for each control, the figure, notes and caption."""
    import ipywidgets
    import plotly.graph_objects as go

    layout = {
        "height": 380,
        "margin": {"l": 60, "r": 20, "t": 40, "b": 50},
        "legend": {"orientation": "h", "y": 1.15},
        "template": "simple_white",
        "xaxis": _axis(look.axes.xlim, look.axes.xscale, look.axes.xlabel),
        "yaxis": _axis(look.axes.ylim, look.axes.yscale, look.axes.ylabel),
    }
    names = [name for name, mark in start.items() if isinstance(mark, Mark)]
    figure = go.FigureWidget([_trace(name, start[name], look.colors[name]) for name in names], layout)
    note = ipywidgets.HTML(_notes(start))
    sliders = {
        name: ipywidgets.SelectionSlider(
            options=list(zip(control.texts, range(len(control.values)), strict=True)),
            index=control.start,
            description=control.label or name,
            style={"description_width": "initial"},
        )
        for name, control in controls.items()
    }

    def redraw() -> None:
        values = {name: controls[name].values[slider.value] for name, slider in sliders.items()}
        frame = fn(**values)
        check_frame(frame, describe(values), start)
        with figure.batch_update():
            for trace, name in zip(figure.data, names, strict=True):
                trace.update(_data(frame[name]))
        note.value = _notes(frame)

    requests = LatestWins(redraw)
    for slider in sliders.values():
        slider.observe(requests.request, "value")
    first, *others = sliders.values()
    play = ipywidgets.Play(max=len(first.options) - 1, value=first.index, interval=150)
    ipywidgets.jslink((play, "value"), (first, "index"))
    caption = ipywidgets.HTML(f"<em>{html.escape(look.caption)}</em>")
    return ipywidgets.VBox([ipywidgets.HBox([first, play]), *others, figure, note, caption])


def _notes(frame: Frame) -> str:
    return html.escape(" ".join(value for value in frame.values() if isinstance(value, str)))


def _axis(lim: tuple[float, float], scale: str, label: str) -> dict[str, Any]:
    import numpy as np

    limits = list(np.log10(lim)) if scale == "log" else list(lim)
    # Plotly reads HTML and its own TeX, not dollar signs within text.
    return {"range": limits, "type": scale, "title": {"text": label.replace("$", "")}}


def _data(mark: Mark) -> dict[str, Any]:
    return {name: getattr(mark, name) for name in mark.quantities}


def _trace(name: str, mark: Mark, color: str) -> Any:
    import plotly.graph_objects as go

    if isinstance(mark, HeatMap):
        return go.Heatmap(name=name, colorscale="Cividis", **_data(mark))
    if isinstance(mark, Bars):
        return go.Bar(name=name, marker_color=color, **_data(mark))
    mode = "lines" if isinstance(mark, Curve) else "markers"
    return go.Scatter(name=name, mode=mode, line_color=color, **_data(mark))
