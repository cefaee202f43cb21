"""Still pictures: one meaning per color, and always a text alternative.

A picture is made of panels. On a page they are inline SVG, side by side where there is room and one below the other
on a phone; a single one fills the width. Their text and axes take on the page's own color, so they stay readable in
dark mode and in print.
"""

from __future__ import annotations

import html
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from enlib import _tools
from enlib.figures.marks import Array
from enlib.figures.style import (
    BASE,
    DIVERGED,
    HALF,
    INK,
    NARROW,
    NEURON,
    STILL,
    WIDE,
    Bundle,
    Panel,
    bundle,
    check_text,
    drawn,
    png,
    settings,
    svg,
)
from enlib.training import History

WITHOUT, WITH = "without the neuron", "with the neuron"

_COLORS = {WITHOUT: BASE, WITH: NEURON}
_DATES = {"png": None, "svg": {"Date": None}, "pdf": {"CreationDate": None}}  # the same picture, the same file


@dataclass(frozen=True, eq=False)
class Picture:
    """Panels with a text alternative, shown by Jupyter and saved to a file.

    Parameters
    ----------
    panels : sequence of callable
        One or more; each draws on the matplotlib axes it is given.
    alt : str
        What is drawn, for readers who cannot see it.
    caption : str
        What to notice.

    Raises
    ------
    TypeError
        If the panels are not a list of functions, or a text is not a string.
    ValueError
        If the text alternative is empty.

    Examples
    --------
    >>> picture = Picture([lambda axes: axes.plot([0, 1], [0, 1])], alt="A line.")
    >>> picture._repr_mimebundle_()[0]["text/plain"]
    'A line.'
    """

    panels: Sequence[Panel]
    alt: str
    caption: str = ""

    def __post_init__(self) -> None:
        check_text("alt", self.alt, "say in alt what the picture shows")
        check_text("caption", self.caption, "say what to notice, or leave it out", empty=True)
        panels = self.panels if isinstance(self.panels, Sequence) else ()
        if not panels or not all(callable(panel) for panel in panels):
            raise TypeError(f"expected a list of functions as panels, got {self.panels!r}: each draws on its axes")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture to a file; the ending of its name chooses the format.

        Parameters
        ----------
        path : str or path-like
            Ends in .png, .svg or .pdf; missing folders are created.

        Raises
        ------
        ValueError
            If the name ends in something else.
        """
        ending = _tools.known("the ending of a picture's name", Path(path).suffix.lower().removeprefix("."), _DATES)
        with settings():
            figure = drawn(self.panels, STILL, len(self.panels))
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path, dpi=108, metadata=_DATES[ending])

    def to_html(self) -> str:
        """Return a ``<figure>`` with the panels as inline SVG."""
        if len(self.panels) == 1:
            wide, narrow = (svg(self.panels[0], size)[0] for size in (WIDE, NARROW))
            drawings = wide.replace("<svg ", '<svg class="en-wide" style="display:block;width:100%" ', 1)
            drawings += narrow.replace("<svg ", '<svg class="en-narrow" style="display:none;width:100%" ', 1)
        else:
            grid = "display:grid;grid-template-columns:repeat(auto-fit,minmax(min(17rem,100%),1fr));gap:.5rem 1rem"
            each = (svg(panel, HALF)[0].replace("<svg ", '<svg style="width:100%" ', 1) for panel in self.panels)
            drawings = f'<div style="{grid}">{"".join(each)}</div>'
        caption = f"<figcaption>{html.escape(self.caption)}</figcaption>" if self.caption else ""
        return (
            '<figure class="en-figure" style="margin:1rem 0;max-width:56rem">'
            f'<div class="en-drawing" role="img" aria-label="{html.escape(self.alt)}">{drawings}</div>'
            f"{caption}</figure>"
        )

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Bundle:
        picture = png(self.panels, STILL) if len(self.panels) == 1 else png(self.panels, HALF, 2)
        return bundle(self.to_html(), picture, self.alt)


def learning_curves(runs: Mapping[str, Sequence[History]], *, alt: str, caption: str = "") -> Picture:
    """Return a picture of loss and errors by epoch, one line per run; diverged runs are gray and end in a cross.

    Parameters
    ----------
    runs : mapping of str to sequence of History
        Runs by name; `WITHOUT` and `WITH` have their own colors. A single run is shown with its validation split.
    alt, caption : str
        See `Picture`.

    Raises
    ------
    ValueError
        If there is no run.
    """
    given = [run for histories in runs.values() for run in histories] if isinstance(runs, Mapping) else [runs]
    if not given or not all(isinstance(run, History) for run in given):
        raise ValueError(f"expected lists of runs by name, got {runs!r:.80}: pass what fit returned, {{'a': [run]}}")
    alone = len(given) == 1

    def panel(quantity: str, axes: Axes) -> None:
        for name, histories in runs.items():
            own = _COLORS.get(name, INK)
            axes.plot([], [], color=own, label=f"{name}, training" if alone else name)
            if alone:
                axes.plot([], [], color=own, linestyle="--", label=f"{name}, validation")
            for history in histories:
                diverged = history.status == "diverged"
                color = DIVERGED if diverged else own
                epochs, values = np.asarray(history.epoch), np.asarray(getattr(history, f"train_{quantity}"))
                axes.plot(epochs, values, color=color)
                if alone:
                    axes.plot(epochs, getattr(history, f"validation_{quantity}"), color=color, linestyle="--")
                if diverged:
                    last = np.flatnonzero(np.isfinite(values))[-1:]
                    axes.plot(epochs[last], values[last], "x", color=DIVERGED)
        if quantity == "loss":
            axes.set_yscale("log")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set(xlabel="epoch", title=f"{'' if alone else 'training '}{quantity}")
        axes.legend()

    return Picture([lambda axes: panel("loss", axes), lambda axes: panel("errors", axes)], alt, caption)


def pairs(
    panels: Mapping[str, tuple[Sequence[float], Sequence[float]]], *, quantity: str, alt: str, caption: str = ""
) -> Picture:
    """Return a picture of paired numbers, one column per seed: without and with the neuron, joined by a line.

    Parameters
    ----------
    panels : mapping of str to (sequence of float, sequence of float)
        For each title, the numbers of the runs without and with the neuron, in the order of the seeds. NaN
        (not reached) is drawn as a gray cross at the top.
    quantity : str
        What the numbers are, with the unit.
    alt, caption : str
        See `Picture`.

    Raises
    ------
    ValueError
        If two lists differ in length.
    TypeError
        If a list holds anything but numbers.
    """

    first = next(iter(panels), None)

    def panel(title: str, numbers: Array, axes: Axes) -> None:
        reached = np.isfinite(numbers)
        top = 1.15 * (numbers[reached].max(initial=0.0) or 1.0)
        shown = np.where(reached, numbers, top)
        seeds = np.arange(numbers.shape[1])
        axes.plot(np.tile(seeds, (2, 1)), shown, color=DIVERGED, linewidth=1, zorder=1)
        for arm, (name, marker, size) in enumerate(((WITHOUT, "o", 52), (WITH, "D", 16))):
            at, missed = reached[arm], ~reached[arm]
            axes.scatter(seeds[at], shown[arm, at], size, color=_COLORS[name], marker=marker, label=name, zorder=2)
            axes.scatter(seeds[missed], shown[arm, missed], marker="x", color=DIVERGED)
        axes.set(xlabel="seed", ylabel=quantity, title=title, ylim=(0, (1.6 if title == first else 1.2) * top))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if title == first:
            axes.legend(loc="upper left")

    return Picture([partial(panel, title, _paired(title, arms)) for title, arms in panels.items()], alt, caption)


def _paired(title: str, arms: Sequence[Sequence[float]]) -> Array:
    numbers = _tools.array(f"the pairs of {title!r}", arms)
    if numbers.ndim != 2 or len(numbers) != 2:
        raise ValueError(
            f"expected two lists of equally many numbers for {title!r}, got shape {numbers.shape}: pass the "
            "runs without and with the neuron, seed by seed"
        )
    return numbers
