"""Pictures of the course: their style, still ones, and figures to play with."""

from enlib.figures.drawing import BASE, DIVERGED, INK, MORE, NEURON, css
from enlib.figures.explore import Bars, ClosedForm, Curve, Explorable, HeatMap, Points, choice, explore, slider
from enlib.figures.pictures import WITH, WITHOUT, Picture, learning_curves, pairs

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
    "Picture",
    "Points",
    "choice",
    "css",
    "explore",
    "learning_curves",
    "pairs",
    "slider",
]
