"""The exponential neuron, its loss landscape and its step sizes: the package behind the course.

Data flows one way: ``datasets`` -> ``losses``, ``models``, ``exponential`` -> ``training`` -> ``figures``.
"""

from enlib import datasets
from enlib.losses import error_count, polynomial_hinge
from enlib.models import ConvNet, ExponentialNeuron, WithExponentialNeuron, mlp
from enlib.training import Callback, Evaluation, History, Run, evaluate, fit, make_optimizer, make_schedule

__version__ = "0.1.0"

__all__ = [
    "Callback",
    "ConvNet",
    "Evaluation",
    "ExponentialNeuron",
    "History",
    "Run",
    "WithExponentialNeuron",
    "datasets",
    "error_count",
    "evaluate",
    "fit",
    "make_optimizer",
    "make_schedule",
    "mlp",
    "polynomial_hinge",
]
