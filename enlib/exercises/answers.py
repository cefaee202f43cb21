"""What every check needs: is there an answer at all, and is it a number?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

NOT_YET = "not answered yet"
RIGHT = "right!"


def no_number(answer: Any, expected: str = "a number") -> str:
    """Say what keeps an answer from being a finite number; nothing if it is one."""
    if unanswered(answer):
        return NOT_YET
    if not isinstance(answer, int | float | np.number) or not math.isfinite(answer):
        return f"expected {expected}, got {answer!r}"
    return ""


def unanswered(answer: Any) -> bool:
    """Say whether a stub was left as it was."""
    return answer is None or answer is ...
