"""Kinds of checks: each turns a reader's answer into one sentence, which says what is wrong with it.

This module imports nothing but ``math``, so that MicroPython in a web page runs the same checks. NumPy and torch are
used only if a reader's function cannot take plain Python numbers.
"""

import math

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, TypeAlias

    Nested: TypeAlias = float | list["Nested"]
    Hint: TypeAlias = str | Callable[[float], str]

NOT_YET = "not answered yet"
RIGHT = "right!"


class Remark(Exception):
    """The sentence about an answer that a check cannot read."""


class Endless(Exception):
    """A reader's function has called the function that it was given so often that it will not end by itself."""


class Formula:
    """A function among the arguments of a case, and the formula that sentences call it by.

    Parameters
    ----------
    text : str
        The formula.
    function : callable
        What it says.

    Examples
    --------
    >>> twice = function("f x", [(Formula("f(x) = x + 1", lambda x: x + 1), 3.0)], lambda f, x: f(f(x)), {}, "no")
    >>> twice(lambda f, x: f(x))
    'for f(x) = x + 1 at x = 3 expected 5, got 4: no'
    """

    def __init__(self, text: str, function: "Callable[..., Any]") -> None:
        self.text, self._function = text, function

    def __call__(self, *arguments: "Any") -> "Any":
        """Return what the function returns."""
        return self._function(*arguments)


class Check:
    """A check of one exercise: called with the reader's answer, it returns a sentence about it.

    Parameters
    ----------
    judge : callable
        Takes the answer and returns what is wrong with it, or an empty string if it is right.

    Examples
    --------
    >>> positive = Check(lambda answer: "" if answer > 0 else "it should be above zero")
    >>> positive(1), positive(-1), positive(None)
    ('right!', 'it should be above zero', 'not answered yet')
    """

    def __init__(self, judge: "Callable[[Any], str]") -> None:
        self._judge = judge

    def __call__(self, answer: object) -> str:
        """Return "right!", "not answered yet", or what is wrong with the answer."""
        try:
            import numpy as np
        except ImportError:  # in a web page
            return self._say(answer)
        with np.errstate(all="ignore"):  # an overflow in the reader's function is judged, not warned about
            return self._say(answer)

    def _say(self, answer: object) -> str:
        if answer is None or answer is ...:
            return NOT_YET
        try:
            return self._judge(answer) or RIGHT
        except Remark as remark:
            return str(remark)
        except RuntimeError:  # the answer contains itself, so that reading it never ends
            return "expected numbers, got a list that contains itself"


def number(
    expected: float,
    wrong: "dict[float, str]",
    otherwise: "Hint",
    *,
    within: float = 0.0,
    also: "tuple[float, float] | None" = None,
    share: bool = False,
    integer: bool = False,
) -> Check:
    """Return a check of one number, of any numeric type.

    Parameters
    ----------
    expected : float
        The right answer.
    wrong : dict of float to str
        Plausible mistakes, each with its hint; a rounded mistake is recognized.
    otherwise : str or callable
        The hint for any other number; a callable takes the number and returns the whole sentence.
    within : float
        Largest allowed error; a millionth of ``expected`` is always allowed.
    also : (float, float), optional
        A second right answer, and its largest allowed error.
    share : bool
        Whether the answer is a fraction, so that a reader may have given it in percent.
    integer : bool
        Whether the answer is a whole number.

    Examples
    --------
    >>> edge = number(380, {200: "this is the edge without momentum"}, "where is the edge?")
    >>> edge(380.0), edge(200), edge(100)
    ('right!', 'not quite: this is the edge without momentum', 'not 100: where is the edge?')
    """
    within = max(within, 1e-6 * abs(expected))

    def judge(answer: object) -> str:
        value = as_number(answer)
        fraction = integer and value != int(value)
        if not fraction and (abs(value - expected) <= within or (also and abs(value - also[0]) <= also[1])):
            return ""
        for mistake, hint in wrong.items():
            if _close(value, mistake, 1e-9 if integer else 0.004):
                return f"not quite: {hint}"
        if share and abs(value / 100 - expected) <= within:
            return f"not quite: this is in percent; as a fraction it is {value / 100:.3g}"
        if fraction:
            return f"expected a whole number, got {show(value)}: to which side must it be rounded?"
        return otherwise(value) if callable(otherwise) else f"not {show(value)}: {otherwise}"

    return Check(judge)


def whole(
    expected: int, wrong: "dict[float, str]", otherwise: str, *, also: "tuple[float, float] | None" = None
) -> Check:
    """Return a check of a whole number: `number` with ``integer=True``.

    Examples
    --------
    >>> whole(10, {9: "one more"}, "count again")(10.0)
    'right!'
    >>> whole(10, {9: "one more"}, "count again")(9.97)
    'expected a whole number, got 9.97: to which side must it be rounded?'
    """
    return number(expected, wrong, otherwise, also=also, integer=True)


def array(shape: tuple[int, ...], like: str, judge: "Callable[[Any], str]") -> Check:
    """Return a check of several finite numbers: a list, tuple, array or tensor.

    Parameters
    ----------
    shape : tuple of int
        The shape of the answer.
    like : str
        What is expected, with an example.
    judge : callable
        Takes nested lists of float and returns what is wrong with them, or an empty string.

    Examples
    --------
    >>> array((2,), "two numbers, such as (1, 1)", lambda u: "" if u[0] < u[1] else "not rising")((1, 2, 3))
    'expected two numbers, such as (1, 1), got 3 numbers'
    """

    def check(answer: object) -> str:
        try:
            values = _nested(answer)
        except Remark as remark:
            raise Remark(str(remark).replace("a number", like, 1)) from None
        found = _shape(values)
        if found != shape:
            return f"expected {like}, got {_of_shape(found)}"
        if not _finite(values):
            return f"expected {like}, got {show(values)}: they should be finite"
        return judge(values)

    return Check(check)


def function(
    names: str,
    cases: "list[tuple[Any, ...]]",
    right: "Callable[..., Any]",
    wrong: "dict[Callable[..., Any], str]",
    otherwise: str,
    *,
    within: float = 1e-6,
    failing: "dict[Any, str] | None" = None,
) -> Check:
    """Return a check of a function that the reader wrote: every case is compared with the right function.

    The reader's function may be written for Python's numbers and lists, for NumPy, or for torch.

    Parameters
    ----------
    names : str
        The names of its parameters, separated by spaces.
    cases : list of tuple
        The arguments of each call; a `Formula` among them is named in sentences.
    right : callable
        The right function.
    wrong : dict of callable to str
        Functions with a plausible mistake, each with its hint; a hint is given if the reader's function agrees with
        the mistaken one in every case.
    otherwise : str
        The hint for any other function.
    within : float
        The relative error that is allowed.
    failing : dict of exception or tuple of them to str, optional
        Hints for exceptions that a plausible mistake raises.

    Examples
    --------
    >>> square = function("x", [(2.0,), (3.0,)], lambda x: x * x, {lambda x: 2 * x: "not the double"}, "x times x")
    >>> square(lambda x: x**2), square(lambda x: 2 * x)
    ('right!', 'at x = 3 expected 9, got 6: not the double')
    >>> square(lambda x: x / 0)
    'at x = 2 your function raised ZeroDivisionError: ...division by zero'
    """

    def judge(answer: object) -> str:
        expected = [_nested(right(*case)) for case in cases]
        returns = "numbers" if isinstance(expected[0], list) else "a number"
        got = [call(answer, names, case, failing, returns) for case in cases]
        misses = [i for i in range(len(cases)) if not _close(got[i], expected[i], within)]
        if not misses:
            return ""
        i = misses[0]
        where, shapes = _where(names, cases[i]), (_shape(expected[i]), _shape(got[i]))
        alike = shapes[0] == shapes[1]
        said = _apart(expected[i], got[i], within) if alike else f"{_of_shape(shapes[0])}, got {_of_shape(shapes[1])}"
        for mistake, hint in wrong.items():
            if all(_close(got[k], _nested(mistake(*case)), within) for k, case in enumerate(cases)):
                return f"{where} expected {said}: {hint}"
        return f"{where} expected {said}: {otherwise}" if alike else f"{where} expected {said}"

    return Check(judge)


def call(
    answer: object,
    names: str,
    arguments: "tuple[Any, ...]",
    failing: "dict[Any, str] | None" = None,
    returns: str = "a number",
) -> "Nested":
    """Return what a reader's function returns, as a float or nested lists of float; an overflow is infinite.

    Parameters
    ----------
    answer : object
        The function; it is tried with Python's, NumPy's and torch's types, in this order.
    names : str
        The names of its parameters, separated by spaces.
    arguments : tuple
        The arguments; ints are passed unchanged, and functions so that they can be called ten thousand times.
    failing : dict of exception or tuple of them to str, optional
        Hints for some exceptions.
    returns : str
        What the function should return, for the sentence about anything else.

    Raises
    ------
    Remark
        If the function fails or does not return numbers.

    Examples
    --------
    >>> import torch
    >>> call(torch.exp, "x", (0.0,))
    1.0
    """
    listed = " and ".join(names.split())
    if not callable(answer):
        raise Remark(f"expected a function of {listed}, got {_kind(answer)}")
    where, complaint, about_types = _where(names, arguments), "", True
    for form in _forms(arguments):
        try:
            value = answer(*form)
        except OverflowError:
            return math.inf
        except Endless as endless:
            hint = (failing or {}).get(Endless, "does its loop ever end?")
            raise Remark(f"{where} your function {endless}: {hint}") from None
        except (TypeError, AttributeError, RuntimeError) as error:  # perhaps it is written for another type
            if not complaint or (about_types and isinstance(error, RuntimeError)):  # torch's say what is wrong
                complaint = f"{where} your function raised {_raised(error, {})}"
                about_types = not isinstance(error, RuntimeError)
            continue
        except Exception as error:  # whatever a reader's function raises is an answer to report on
            raise Remark(f"{where} your function raised {_raised(error, failing or {})}") from None
        if value is ...:
            raise Remark(NOT_YET)
        if value is None:
            raise Remark(f"{where} your function returned None: does it end with a return statement?")
        try:
            return _nested(value)
        except Remark as remark:
            said = str(remark).replace("expected a number", f"your function should return {returns}", 1)
            raise Remark(f"{where} {said}") from None
    raise Remark(complaint)


def as_number(answer: object, *, finite: bool = True) -> float:
    """Return an answer as a float, whichever type of number it is.

    Parameters
    ----------
    answer : object
        An int, float, Fraction or Decimal, a complex number without imaginary part, a NumPy or torch scalar, or a
        list or array of one of them.
    finite : bool
        Whether to refuse infinity and NaN.

    Raises
    ------
    Remark
        If it is not a number.

    Examples
    --------
    >>> from fractions import Fraction
    >>> as_number(Fraction(1, 4))
    0.25
    """
    try:
        if isinstance(answer, (list, tuple)) and len(answer) == 1:
            answer = answer[0]
        if hasattr(answer, "item"):  # a NumPy or torch scalar, or an array with one element
            answer = answer.item()
        if isinstance(answer, (str, bytes, bool)):
            raise ValueError
        if getattr(answer, "imag", None) == 0:  # since NumPy 2.5, real eigenvalues too come as complex numbers
            answer = answer.real  # type: ignore[attr-defined]
        value = float(answer)  # type: ignore[arg-type]
    except OverflowError:
        value = math.inf
    except Exception:  # an answer can be anything, and its conversion can raise anything
        raise Remark(f"expected a number, got {_kind(answer)}") from None
    if finite and not abs(value) < math.inf:
        raise Remark(f"expected a finite number, got {value}")
    return value


def show(value: "Nested", digits: int = 6) -> str:
    """Return a number as a reader would write it, or a list of them.

    Examples
    --------
    >>> show(3840.0), show(1 / 3), show([1.0, 0.5])
    ('3840', '0.333333', '[1, 0.5]')
    """
    if isinstance(value, list):
        return "[" + ", ".join([show(v, digits) for v in value[:8]]) + (", ...]" if value[8:] else "]")
    if abs(value) < 1e15 and value == int(value):
        return str(int(value))
    return ("{:." + str(digits) + "g}").format(value)


def _apart(expected: "Nested", got: "Nested", within: float, at: str = "") -> str:
    """Return the first two numbers that are too far apart, where, and with enough digits to tell them apart."""
    if isinstance(expected, list) and isinstance(got, list):
        k = [_close(got[i], e, within) for i, e in enumerate(expected)].index(False)
        return _apart(expected[k], got[k], within, f"{at or ' in '}[{k}]")
    for digits in (4, 6, 9, 12):
        if show(expected, digits) != show(got, digits):
            break
    return f"{show(expected, digits)}{at}, got {show(got, digits)}"


def _close(got: "Nested", expected: "Nested", within: float) -> bool:
    """Return whether two numbers, or nested lists of them, agree up to a relative error; NaN agrees with NaN."""
    if isinstance(got, list) or isinstance(expected, list):
        if not (isinstance(got, list) and isinstance(expected, list)) or len(got) != len(expected):
            return False
        return all(_close(got[k], e, within) for k, e in enumerate(expected))
    if got == expected or (math.isnan(got) and math.isnan(expected)):
        return True
    return abs(expected) < math.inf and abs(got - expected) <= within * abs(expected) + 1e-12


def _nested(answer: object) -> "Nested":
    """Return a number as a float, and a sequence, array or tensor as nested lists of float; one entry is a number."""
    if hasattr(answer, "tolist"):
        answer = answer.tolist()
    if not isinstance(answer, (list, tuple, range)):
        return as_number(answer, finite=False)
    return _nested(answer[0]) if len(answer) == 1 else [_nested(entry) for entry in answer]


def _shape(values: "Nested") -> "tuple[Any, ...]":
    """Return the shape of nested lists; if they are ragged, the shapes of their entries."""
    if not isinstance(values, list):
        return ()
    shapes = [_shape(entry) for entry in values]
    if all(shape == shapes[0] for shape in shapes):
        return (len(values),) + (shapes[0] if shapes else ())
    return tuple(shapes)


def _finite(values: "Nested") -> bool:
    return all(_finite(v) for v in values) if isinstance(values, list) else abs(values) < math.inf


def _of_shape(shape: "tuple[Any, ...]") -> str:
    if shape and isinstance(shape[0], tuple):
        return "arrays of shapes " + ", ".join([str(s) for s in shape])
    return f"{shape[0]} numbers" if len(shape) == 1 else f"numbers of shape {shape}" if shape else "one number"


def _where(names: str, arguments: "tuple[Any, ...]") -> str:
    """Return the arguments of one call by name, and of functions those with a formula."""
    formulas = [a.text for a in arguments if isinstance(a, Formula)]
    named = [f"{name} = {show(arguments[k])}" for k, name in enumerate(names.split()) if not callable(arguments[k])]
    parts = ["for " + " and ".join(formulas)] if formulas else []
    parts += ["at " + ", ".join(named)] if named else []
    return " ".join(parts) or "here"


def _raised(error: Exception, failing: "dict[Any, str]") -> str:
    """Return an exception on one line, with the hint for it, if there is one."""
    said = [type(error).__name__, " ".join(str(error).split())[:200]]
    said += [hint for kind, hint in failing.items() if isinstance(error, kind)]
    return ": ".join([part for part in said if part])


def _kind(answer: object) -> str:
    """Return a short description of an answer that is not a number."""
    if isinstance(answer, str):
        return f"the text {answer[:40]!r}: write it without quotes"
    if answer is None or isinstance(answer, bool):
        return str(answer)
    name = type(answer).__name__
    if name in ("function", "closure", "builtin_function_or_method"):
        return "a function: give what it returns"
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def _forms(arguments: "tuple[Any, ...]") -> "Iterator[list[Any]]":
    """Yield the arguments in Python's, NumPy's and torch's types, copied each time."""
    yield [_counted(a) if callable(a) else _copy(a) for a in arguments]
    try:
        import numpy as np
        import torch
    except ImportError:  # in a web page
        return
    for convert in (lambda a: np.array(a)[()], lambda a: torch.tensor(np.array(a))):
        yield [_counted(a) if callable(a) else convert(a) if isinstance(a, (float, list)) else a for a in arguments]


def _counted(function: "Callable[..., Any]", most: int = 10_000) -> "Callable[..., Any]":
    """Return the function, which raises `Endless` once it has been called too often."""
    calls = [0]

    def counted(*arguments: "Any") -> "Any":
        calls[0] += 1
        if calls[0] > most:
            raise Endless(f"was stopped: it called the function that it was given {most} times, and went on")
        return function(*arguments)

    return counted


def _copy(value: "Any") -> "Any":
    return [_copy(v) for v in value] if isinstance(value, list) else value
