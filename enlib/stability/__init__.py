"""What a fixed step size does to training: the edge of stability, catapults, and the flow through the middle."""

from enlib.stability.catapult import Catapult, catapult
from enlib.stability.central_flow import CentralFlow, central_flow
from enlib.stability.descend import Descent, descend
from enlib.stability.network import TanhLoss

__all__ = ["Catapult", "CentralFlow", "Descent", "TanhLoss", "catapult", "central_flow", "descend"]
