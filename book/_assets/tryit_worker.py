"""What runs in MicroPython, in the page: a reader's code, its check, and what MicroPython's modules lack of Python's.

The page calls `run`. The sources of the checks are those of the package.
"""

import builtins
import io
import itertools
import math as plain
import sys


class Names:
    """Names with a dot before them, like those of a module."""


def _overflowing(function):
    """Return a function that raises OverflowError where Python's does, and MicroPython's calls it a domain error."""

    def called(*x):
        try:
            return function(*x)
        except ValueError:
            if all(abs(v) < plain.inf for v in x) and (function is not plain.pow or x[0] > 0):
                raise OverflowError("math range error") from None
            raise

    return called


def _hypot(*x):
    largest = max([abs(v) for v in x], default=0.0)
    if largest == 0 or not largest < plain.inf:
        return largest
    return largest * plain.sqrt(sum([(v / largest) ** 2 for v in x]))


def _log1p(x):
    u = 1 + x
    return x if u == 1 else plain.log(u) * x / (u - 1)


def _prod(x):
    result = 1
    for v in x:
        result *= v
    return result


def _comb(n, k):
    return _prod(range(n - k + 1, n + 1)) // plain.factorial(k) if 0 <= k <= n else 0


# MicroPython unpacks nothing in (first, *rest).
# ruff: noqa: RUF005
def _combinations(pool, k):
    pool = tuple(pool)
    if k == 0:
        yield ()
    for i in range(len(pool) if k else 0):
        for rest in _combinations(pool[i + 1 :], k - 1):
            yield (pool[i],) + rest


def _permutations(pool):
    pool = tuple(pool)
    if not pool:
        yield ()
    for i in range(len(pool)):
        for rest in _permutations(pool[:i] + pool[i + 1 :]):
            yield (pool[i],) + rest


def _product(*pools, repeat=1):
    pools = [tuple(pool) for pool in pools] * repeat
    if not pools:
        yield ()
        return
    for first in pools[0]:
        for rest in _product(*pools[1:]):
            yield (first,) + rest


itertools.combinations, itertools.permutations, itertools.product = _combinations, _permutations, _product
math = Names()
for _name in dir(plain):
    setattr(math, _name, getattr(plain, _name))
for _name in ("cosh", "exp", "expm1", "pow", "sinh"):
    setattr(math, _name, _overflowing(getattr(plain, _name)))
math.comb, math.hypot, math.log1p, math.prod = _comb, _hypot, _log1p, _prod
sys.modules["math"] = math

_zip = builtins.zip


def _strict_zip(*parts, strict=False):
    if strict:
        parts = [list(part) for part in parts]
        if any(len(part) != len(parts[0]) for part in parts):
            raise ValueError("zip() has arguments of different lengths")
    return _zip(*parts)


builtins.zip = _strict_zip


class Scalars:
    """What NumPy calls the functions of one number; they take no arrays here."""

    def __getattr__(self, name):
        function = getattr(math, name.replace("arc", "a"), None) or _BUILT_IN.get(name)
        if function is None:
            raise AttributeError(f"no NumPy in this page: write np.{name} in plain Python, or run the notebook")
        if not callable(function):
            return function

        def called(*x):
            try:
                return function(*x)
            except OverflowError:
                return plain.inf
            except ValueError:
                return plain.nan

        return called


_BUILT_IN = {
    "abs": abs,
    "dot": lambda x, y: x * y,
    "maximum": max,
    "minimum": min,
    "sign": lambda x: (x > 0) - (x < 0),
}


class Normal:
    """The normal distribution, as SciPy calls it."""

    def cdf(self, z):
        """Return the chance to be below z."""
        return plain.erfc(-z / plain.sqrt(2)) / 2

    def ppf(self, q):
        """Return what is exceeded with the chance 1 - q, by bisection."""
        low, high = -40.0, 40.0
        for _ in range(80):
            middle = (low + high) / 2
            low, high = (middle, high) if self.cdf(middle) < q else (low, middle)
        return middle


def run(source, name, answer):
    """Return what the check says of an answer, or how the reader's code fails.

    Parameters
    ----------
    source : str
        The reader's code.
    name : str
        The exercise; "" if there is none, and what was printed is all.
    answer : str
        The variable or function that holds the answer.
    """
    from enlib.exercises import check

    scope = {"__name__": "__main__", "math": math, "np": Scalars(), "norm": Normal()}
    try:
        exec(compile(source, "answer", "exec"), scope)
    except BaseException as error:
        return _told(error)
    if not name:
        return "Done."
    return check(name, scope[answer]) if answer in scope else f"expected your answer under the name {answer}"


def _told(error):
    """Return an error on one line, and where in the reader's code it was raised."""
    trace = io.StringIO()
    sys.print_exception(error, trace)
    lines = [
        line.split("line ")[1].split(",")[0] for line in trace.getvalue().split("\n") if '"answer", line' in line
    ]
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, ImportError):
        said += ": this page has Python's own modules alone"
    return (f"line {lines[-1]}: " if lines else "") + said
