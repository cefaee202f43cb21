"""What step sizes do: descent on plain functions, the edge of stability, catapults, and escapes to infinity."""

from enlib.dynamics import escape
from enlib.dynamics.catapult import Catapult, catapult
from enlib.dynamics.central_flow import CentralFlow, central_flow
from enlib.dynamics.descent import contraction, gradient_descent, hypergradient, regime
from enlib.dynamics.edge import Descent, descend
from enlib.dynamics.network import TanhLoss

__all__ = [
    "Catapult",
    "CentralFlow",
    "Descent",
    "TanhLoss",
    "catapult",
    "central_flow",
    "contraction",
    "descend",
    "escape",
    "gradient_descent",
    "hypergradient",
    "regime",
]
