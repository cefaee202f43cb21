"""The effects of step sizes: descent on plain functions, the edge of stability, escapes to infinity."""

from enlib.dynamics.descent import descend
from enlib.dynamics.edge import (
    CentralFlow,
    SharpnessTrack,
    TanhLoss,
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
    "CentralFlow",
    "OneSample",
    "SharpnessTrack",
    "TanhLoss",
    "ToyClassifier",
    "ToyWithNeuron",
    "central_flow",
    "descend",
    "example_a",
    "example_b",
    "track_sharpness",
]
