"""One call, two worlds: sliders that recompute in a live kernel, frames that move in the published page."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from enlib.figures.drawing import BASE, MORE, NEURON
from enlib.figures.explore import frames as _frames
from enlib.figures.explore import live, static
from enlib.figures.explore.axes import Axes, Look, Scale
from enlib.figures.explore.controls import Control, choice, slider
from enlib.figures.explore.frames import MAX_FRAMES, ClosedForm, Frame
from enlib.figures.explore.marks import Bars, Curve, HeatMap, Mark, Points

__all__ = ["Bars", "ClosedForm", "Curve", "Explorable", "HeatMap", "Points", "choice", "explore", "slider"]


class Explorable:
    """What `explore` returns: shown by Jupyter, as a live widget or as the figure of the published page."""

    def __init__(self, static_html: str, text: str, make_widget: Callable[[], Any]) -> None:
        self._html, self._text, self._make_widget = static_html, text, make_widget

    def to_html(self) -> str:
        """Return the figure of the published page."""
        return self._html

    def widget(self) -> Any:
        """Return the live widget."""
        return self._make_widget()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        bundle: dict[str, Any] = {"text/html": self._html, "text/plain": self._text}
        if os.environ.get("ENLIB_STATIC") != "1":
            bundle = {**self.widget()._repr_mimebundle_(), **bundle}
        return bundle


def explore(
    fn: Callable[..., Frame] | ClosedForm,
    *,
    alt: str,
    caption: str,
    x: str = "",
    y: str = "",
    xlim: tuple[float, float] | None = None,
    ylim: tuple[float, float] | None = None,
    xscale: Scale = "linear",
    yscale: Scale = "linear",
    colors: Mapping[str, str] | None = None,
    **controls: Control,
) -> Explorable:
    """Make a figure with one or two controls out of a function.

    In a live kernel, moving a control calls the function again. In the published page, where there is no kernel, the
    function has been called for every value beforehand; or its closed form is computed by the page itself.

    Parameters
    ----------
    fn : callable or ClosedForm
        Takes the values of the controls by name; returns marks by name (`Curve`, `Points`, `Bars`, `HeatMap`), the
        same names with the same lengths every time, and if need be notes (str), shown below the figure.
    alt : str
        What is drawn, for those who cannot see it.
    caption : str
        What to notice.
    x, y : str
        Labels of the axes.
    xlim, ylim : (float, float), optional
        Their ranges; by default what all frames need.
    xscale, yscale : {"linear", "log"}
    colors : mapping of str to str, optional
        Palette colours by mark (see `enlib.figures.drawing`); by default in the order of the palette.
    **controls : Control
        One or two; see `slider` and `choice`. The names appear in the address of the page, as in ``#eta=1.9``.

    Returns
    -------
    Explorable

    Raises
    ------
    ValueError
        If there is no text alternative or caption, there are not one or two controls, there are more than 225 frames
        without a closed form, a frame has numbers that are not finite, or frames differ in their marks.

    Examples
    --------
    >>> import numpy as np
    >>> t = np.linspace(0, 1, 50)
    >>> figure = explore(
    ...     lambda eta: {"parabola": Curve(t, eta * t**2)},
    ...     alt="A parabola that opens more for larger eta.", caption="Steeper with eta.", eta=slider(0.5, 2, 4),
    ... )
    >>> figure._repr_mimebundle_()["text/plain"]
    'Explorable (eta: 4 values): A parabola that opens more for larger eta.'
    """
    for name, text, advice in (("alt", alt, "say what the figure shows"), ("caption", caption, "say what to notice")):
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"expected {name} text, got {text!r}: {advice}")
    if not 1 <= len(controls) <= 2:
        raise ValueError(f"expected one or two controls, got {len(controls)}: fix the others, or make two figures")
    for name, control in controls.items():
        if not isinstance(control, Control):
            raise ValueError(f"expected slider(...) or choice(...) for {name}, got {control!r}: use one")
    count = 1
    for control in controls.values():
        count *= len(control.values)
    if count > MAX_FRAMES and not isinstance(fn, ClosedForm):
        raise ValueError(
            f"expected at most {MAX_FRAMES} frames, got {count}: use fewer values, or pass a ClosedForm that the "
            "page computes itself"
        )
    start = fn(**{name: control.values[control.start] for name, control in controls.items()})
    seen = _frames.compute(fn, controls, only=MAX_FRAMES if isinstance(fn, ClosedForm) else None)
    axes = Axes(
        static.limits(seen, "x", xlim, xscale == "log"), static.limits(seen, "y", ylim, yscale == "log"),
        xscale, yscale, x, y,
    )  # fmt: skip
    palette = (BASE, NEURON, *MORE)
    marks = [name for name, mark in start.items() if isinstance(mark, Mark)]
    chosen = {name: palette[i % len(palette)] for i, name in enumerate(marks)} | dict(colors or {})
    look = Look(axes, chosen, alt, caption)
    values = ", ".join(f"{name}: {len(control.values)} values" for name, control in controls.items())
    return Explorable(
        static.page(fn, seen, start, controls, look),
        f"Explorable ({values}): {alt}",
        lambda: live.widget(fn, start, controls, look),
    )
