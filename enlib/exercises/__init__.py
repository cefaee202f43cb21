"""Checks of readers' answers that say what is wrong, not only that something is.

An unanswered stub, ``None`` or ``...``, passes with "not answered yet", so that *Run all* completes.
"""

from enlib.exercises.checks import CHECKS

__all__ = ["check"]


def check(name: str, answer: object) -> str:
    """Return a sentence about the answer to an exercise: "right!", or what is wrong with it.

    Parameters
    ----------
    name : str
        The exercise, as its notebook names it; all of them are in `CHECKS`.
    answer : object
        A number of any type, a list, array or tensor, or a function, as the exercise asks. A wrong answer of any type
        gets a sentence, not an exception.

    Raises
    ------
    ValueError
        If there is no exercise of this name.

    Examples
    --------
    >>> check("momentum edge", 380)
    'right!'
    >>> check("momentum edge", 200)
    'not quite: this is the edge without momentum'
    >>> check("momentum edge", None)
    'not answered yet'
    """
    if name not in CHECKS:
        from enlib import _tools  # needs torch, which a web page does not have

        _tools.known("exercise", name, CHECKS)
    return CHECKS[name](answer)
