"""Escapes to infinity in problems small enough to know everything about them, and what step sizes make of them."""

from enlib.dynamics.escape.landscapes import Landscape, Multiplied, OneSample, WithNeuron, double_well
from enlib.dynamics.escape.minima import Minima, minima
from enlib.dynamics.escape.onset import Onset, arrest_bias, escape_loss, first_instability, onset_step, sharpness
from enlib.dynamics.escape.path import Path, descend, flow, log_steps
from enlib.dynamics.escape.toys import Toy, example_a, example_b, one_sample

__all__ = [
    "Landscape",
    "Minima",
    "Multiplied",
    "OneSample",
    "Onset",
    "Path",
    "Toy",
    "WithNeuron",
    "arrest_bias",
    "descend",
    "double_well",
    "escape_loss",
    "example_a",
    "example_b",
    "first_instability",
    "flow",
    "log_steps",
    "minima",
    "one_sample",
    "onset_step",
    "sharpness",
]
