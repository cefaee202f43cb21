"""Figures with controls, made by one call, that work alike in a notebook and in the published book."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from enlib import _tools
from enlib.figures.controls import Control, Ticks, interval
from enlib.figures.marks import Mark
from enlib.figures.page import Axis, Frame, Look, counts, limits, page, setting, still, zlim
from enlib.figures.style import BASE, MORE, NEURON, Bundle, bundle, check_plain, check_text, css

MAX_FRAMES = 225
MAX_CONTROLS = 5
_POINT = "points of 1 and 1"  # a mark of one point, in the words of `_kinds`
Scale = Literal["linear", "log"]


@dataclass(frozen=True)
class ClosedForm:
    """A function written twice, in Python and in JavaScript, for figures with too many frames to store.

    Parameters
    ----------
    python : callable
        Takes the values of the controls by name; returns marks by name.
    javascript : str
        An arrow function of one object with the controls' values; returns ``{name: {x: [...], y: [...]}}`` for every
        mark, and strings for notes. It becomes a script of the page.

    Raises
    ------
    TypeError
        If ``python`` cannot be called, or ``javascript`` is not a string.
    ValueError
        If ``javascript`` is empty, or contains text that would end its script.
    """

    python: Callable[..., Frame]
    javascript: str

    def __post_init__(self) -> None:
        if not callable(self.python):
            raise TypeError(f"expected a function as python, got {self.python!r}: pass a function of the controls")
        check_text("javascript", self.javascript, "write an arrow function of the controls")
        if any(end in self.javascript.lower() for end in ("</script", "<!--")):
            raise ValueError(
                "expected JavaScript without </script and <!--, which end the script, got one of them: write "
                "'<' + '/script'"
            )

    def __call__(self, **values: Any) -> Frame:
        """Return the marks at some values of the controls."""
        return self.python(**values)


@dataclass(frozen=True, eq=False)
class Explorable:
    """A figure with controls, made by `explore` and shown by Jupyter.

    The figure holds every frame, so the controls still work in a notebook that is saved and reopened without a
    kernel. Where scripts may not run, there is a picture of the first frame.
    """

    _html: str
    _png: bytes
    _alt: str

    def to_html(self) -> str:
        """Return the ``<figure>``, for a page that loads explore.js and explore.css itself."""
        return self._html

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Bundle:
        return bundle(self._html, self._png, self._alt)


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
    drag: Sequence[str] | Mapping[str, tuple[str, str]] = (),
    play: str | None = None,
    picks: str | None = None,
    **controls: Control,
) -> Explorable:
    """Return a figure of a function, with one or two controls, or with up to five of a closed form.

    The function is called here, once for every combination of the controls' values, and the frames are stored in the
    figure. Moving a control shows another frame and calls nothing, so it needs no kernel; to show other values, run
    the cell again. A `ClosedForm` is computed by the page itself.

    Parameters
    ----------
    fn : callable or ClosedForm
        Takes the values of the controls by name; returns marks by name (`Curve`, `Points`, `Bars`, `Intervals`,
        `HeatMap`), the same names with the same lengths every time, and notes (str), if any, which are shown above
        the drawing.
    alt : str
        What is drawn, for readers who cannot see it.
    caption : str
        What to notice.
    x, y : str
        Labels of the axes, in plain text: ``"ηλ"``, not TeX.
    xlim, ylim : (float, float), optional
        Their ranges; by default wide enough for all frames.
    xscale, yscale : {"linear", "log"}
        Their scales. A heat map needs linear ones.
    colors : mapping of str to str, optional
        Color of the palette (`BASE`, `NEURON`, `DIVERGED`, `INK`, one of `MORE`) by mark; by default in the order of
        the palette.
    drag : sequence of str, or mapping of str to (str, str)
        Marks that a reader can take hold of: the sliders are set so that the point that was taken comes as near to
        the pointer as it can. A mapping names the two linear sliders that are the point's x and y.
    play : str, optional
        The slider that Play moves; by default the first. If it is named, a point that is taken sets it to its first
        value, and Play begins when the point is released.
    picks : str, optional
        Points, one in each frame, that stay hidden, with the notes, until the reader keeps a setting. Then they are
        drawn at 1, 2, ..., each at the y of the one with the smallest x so far: x is what a search is told, y is how
        its choice is judged.
    **controls : Control
        One or two, up to five of a closed form, by the name of the function's argument; see `slider` and `choice`. In
        the book, the names appear in the address of the page, as in ``#eta=1.9``.

    Returns
    -------
    Explorable

    Raises
    ------
    TypeError
        If an argument is not of the type named above.
    ValueError
        If there is no text alternative or caption, there are too few or too many controls, there are more than 225
        frames without a closed form, a frame has numbers that are not finite, or frames differ in their marks.

    Examples
    --------
    >>> import numpy as np
    >>> from enlib.figures import Curve, slider
    >>> t = np.linspace(0, 1, 50)
    >>> figure = explore(
    ...     lambda eta: {"parabola": Curve(t, eta * t**2)},
    ...     alt="A parabola that opens more for larger eta.", caption="Steeper with eta.", eta=slider(0.5, 2, 4),
    ... )
    >>> figure._repr_mimebundle_()[0]["text/plain"]
    'A parabola that opens more for larger eta.'
    """
    check_text("alt", alt, "say what the figure shows")
    check_text("caption", caption, "say what to notice")
    if not callable(fn):
        raise TypeError(f"expected a function or a ClosedForm, got {fn!r}: pass a function of the controls")
    if colors is not None and not isinstance(colors, Mapping):
        raise TypeError(f"expected colors by mark, got {colors!r}: pass a dict such as {{'loss': BASE}}")
    most = MAX_CONTROLS if isinstance(fn, ClosedForm) else 2
    if not 1 <= len(controls) <= most:
        many = {2: "two", MAX_CONTROLS: "up to five"}[most]
        raise ValueError(f"expected one or {many} controls, got {len(controls)}: fix the others, or make two figures")
    for name, control in controls.items():
        if not isinstance(control, Control):
            raise TypeError(f"expected slider(...) or choice(...) for {name}, got {control!r}: use one")
        if not name.isidentifier():
            raise ValueError(f"expected the name of an argument, got {name!r}: put other words into label")
        check_plain(f"label of {name}", control.label or "")
    frames, start = _frames(fn, controls)
    for name in start:
        check_plain("name of a mark", name)
    marks = [name for name, mark in start.items() if isinstance(mark, Mark)]
    for name, color in (colors or {}).items():
        _tools.known("colors by mark", name, marks)
        css(color)
    if isinstance(drag, str):
        raise TypeError(f"expected a list of marks to drag, got {drag!r}: put it in brackets")
    for name in drag:
        _tools.known("a mark to drag", name, marks)
        for held in drag[name] if isinstance(drag, Mapping) else ():
            _tools.known(f"a slider of {name}", held, list(controls))
    if play is not None:
        _tools.known("play", play, [name for name, control in controls.items() if control.kind == "slider"])
    if picks is not None and _kinds(start, "the start").get(picks) != _POINT:
        raise ValueError(f"expected a mark of one point as picks, got {picks!r}: return Points([x], [y])")
    palette = (BASE, NEURON, *MORE)
    look = Look(
        _axis("x", x, xlim, xscale, frames),
        _axis("y", y, ylim, yscale, frames),
        zlim(frames),
        {name: palette[i % len(palette)] for i, name in enumerate(marks)} | dict(colors or {}),
        alt,
        caption,
        frozenset(axis for axis in "xy" if counts(frames, axis)),
        dict(drag) if isinstance(drag, Mapping) else dict.fromkeys(drag, ()),
        play,
        picks,
    )
    figure = page(frames, start, controls, look, fn.javascript if isinstance(fn, ClosedForm) else None)
    return Explorable(figure, still(start, look, setting(controls)), alt)


def _axis(name: str, label: str, lim: tuple[float, float] | None, scale: Scale, frames: Sequence[Frame]) -> Axis:
    check_text(name, label, "pass the label of the axis", empty=True)
    check_plain(f"the label of {name}", label)
    log = _tools.known(f"{name}scale", scale, ("linear", "log")) == "log"
    given = None if lim is None else interval(f"{name}lim", lim, log)
    needed = limits(frames, name, log)
    return Axis(label, given or needed, log)


def _frames(fn: Callable[..., Frame], controls: Mapping[str, Control]) -> tuple[list[Frame], Frame]:
    """Return the frames at all values of the controls, the last one varying fastest, and the frame shown first.

    Of a closed form, at most about 225 evenly spread frames are computed: enough for the ranges of the axes.

    Parameters
    ----------
    fn : callable
    controls : mapping of str to Control

    Raises
    ------
    ValueError
        If there are more than 225 without a closed form; if a frame is not a mapping of names to marks and notes;
        if two frames do not have the same marks of the same kinds and lengths.
    """
    sizes = [len(control.values) for control in controls.values()]
    shown = tuple(control.start for control in controls.values())
    many = math.prod(sizes)
    grid = list(
        zip(
            *np.unravel_index(np.linspace(0, many - 1, min(many, MAX_FRAMES)).round().astype(int), sizes), strict=True
        )
    )
    if many > MAX_FRAMES:
        if not isinstance(fn, ClosedForm):
            raise ValueError(
                f"expected at most {MAX_FRAMES} frames, got {many}: use fewer values, or pass a ClosedForm that "
                "the page computes itself"
            )
        grid.append(shown)
    frames: list[Frame] = []
    kinds: list[dict[str, str]] = []
    for indices in grid:
        at = {name: control.values[i] for (name, control), i in zip(controls.items(), indices, strict=True)}
        where = ", ".join(f"{name}={v:g}" if isinstance(v, float) else f"{name}={v}" for name, v in at.items())
        try:
            frame = fn(**at)
        except (TypeError, ValueError) as error:
            raise (TypeError if isinstance(error, TypeError) else ValueError)(f"at {where}: {error}") from error
        kinds.append(_kinds(frame, where))
        if kinds[-1] != kinds[0]:
            raise ValueError(
                f"expected the same marks in every frame, {kinds[0]}, got {kinds[-1]} at {where}: return the same "
                "names, kinds and lengths for every value; pad a curve by repeating its last point"
            )
        frames.append(frame)
    return frames, frames[grid.index(shown)]


def _kinds(frame: Frame, where: str) -> dict[str, str]:
    """Return the kind and size of each mark and note; raise if the frame has no mark, or holds anything else."""
    kinds = {}
    for name, value in frame.items() if isinstance(frame, Mapping) else ():
        if isinstance(value, Mark) and isinstance(name, str):
            kinds[name] = f"{value.kind} of {' and '.join(str(getattr(value, q).size) for q in value.quantities)}"
        elif isinstance(value, str):
            kinds[name] = "note"
        elif isinstance(value, Ticks):
            kinds[name] = f"ticks of {value.control}"
    if all(kind == "note" for kind in kinds.values()) or len(kinds) < len(frame):
        got = {n: type(v).__name__ for n, v in frame.items()} if isinstance(frame, Mapping) else type(frame).__name__
        raise ValueError(
            f"expected marks by name, such as {{'loss': Curve(x, y)}}, and notes (str), got {got} at {where}: return "
            "a dict of these from the function"
        )
    return kinds
