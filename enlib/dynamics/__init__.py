"""The effects of step sizes: descent on plain functions, the edge of stability, catapults, escapes to infinity."""

from enlib.dynamics.descent import descend
from enlib.dynamics.edge import (
    Catapult,
    CentralFlow,
    SharpnessTrack,
    TanhLoss,
    catapult,
    central_flow,
    track_sharpness,
)
from enlib.dynamics.toys import (
    OneSample,
    ToyClassifier,
    ToyWithNeuron,
    example_a,
    example_b,
)

__all__ = [
    "Catapult",
    "CentralFlow",
    "OneSample",
    "SharpnessTrack",
    "TanhLoss",
    "ToyClassifier",
    "ToyWithNeuron",
    "catapult",
    "central_flow",
    "descend",
    "example_a",
    "example_b",
    "track_sharpness",
]
