"""Figures of the course: one style, still pictures, and figures with controls that a reader can move."""

from enlib.figures.ball import Surface, ball
from enlib.figures.controls import choice, slider
from enlib.figures.explore import ClosedForm, Explorable, explore
from enlib.figures.marks import Bars, Curve, HeatMap, Intervals, Points
from enlib.figures.pictures import WITH, WITHOUT, Picture, learning_curves, pairs
from enlib.figures.style import BASE, DIVERGED, INK, MORE, NEURON

__all__ = [
    "BASE",
    "DIVERGED",
    "INK",
    "MORE",
    "NEURON",
    "WITH",
    "WITHOUT",
    "Bars",
    "ClosedForm",
    "Curve",
    "Explorable",
    "HeatMap",
    "Intervals",
    "Picture",
    "Points",
    "Surface",
    "ball",
    "choice",
    "explore",
    "learning_curves",
    "pairs",
    "slider",
]
