"""Loss landscapes and learning rates, told through the exponential neuron: the package behind the course.

Rooms, each with a front door of its own; data flow one way:

- ``datasets`` -> ``models`` -> ``training`` -> ``replication`` -> ``tables`` -> ``figures``;
- ``curvature``, ``dynamics`` and ``landscape`` work on any callable, ``statistics`` on any arrays;
- ``numpy_nets`` are layers with their backward passes, in NumPy alone; ``search`` finds settings;
- ``exercises`` check readers' answers, and ``cli`` is the command line.

What a reader types first is here.
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
