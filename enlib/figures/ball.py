"""A ball on a map of a loss: dragged, released, and run by a method, in the page as in Python."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping, Sequence
from importlib import resources

import numpy as np
import numpy.typing as npt

from enlib import _tools
from enlib.figures.controls import Ticks, choice, slider
from enlib.figures.explore import ClosedForm, Explorable, explore
from enlib.figures.marks import Array, Curve, HeatMap, Points
from enlib.figures.page import Frame
from enlib.figures.style import BASE, INK, MORE, NEURON

METHODS = (
    "gradient descent", "momentum 0.9", "Nesterov 0.9", "Adam", "Armijo", "Polyak", "Barzilai-Borwein", "Newton",
    "Newton with |λ|",
)  # fmt: skip
STEPS = 200
Place = tuple[float, float]


class Surface:
    """A loss on a plane: the cubic spline through its values on a grid.

    The script of the page computes the same, in the same order, from the same coefficients, which are rounded to 32
    bits: otherwise paths that jump about would soon differ.

    Parameters
    ----------
    x, y : array_like, shape (columns,) and (rows,)
        The grid, ascending and evenly spaced, with 5 values or more each.
    loss : array_like, shape (rows, columns)
        The loss there, finite.

    Raises
    ------
    TypeError, ValueError
        As those of `HeatMap`; or if there are fewer than 5 columns or rows.

    Examples
    --------
    >>> grid = np.linspace(-1, 1, 9)
    >>> surface = Surface(grid, grid, grid**2 + 3 * grid[:, None] ** 2)
    >>> [round(value, 6) for value in surface.at((0.3, 0.1))[:3]]  # the loss and its gradient
    [0.12, 0.6, 0.6]
    """

    def __init__(self, x: npt.ArrayLike, y: npt.ArrayLike, loss: npt.ArrayLike) -> None:
        grid = HeatMap(x, y, loss)
        if min(grid.z.shape) < 5:
            raise ValueError(f"expected at least 5 columns and rows, got {grid.z.shape[::-1]}: use a finer grid")
        self.x, self.y = ((float(a[0]), float(a[-1] - a[0]) / (len(a) - 1), len(a)) for a in (grid.x, grid.y))
        rows, columns = (_spline(n) for n in grid.z.shape)
        self._coefficients = (rows @ grid.z @ columns.T).astype("<f4")
        self._rows: list[list[float]] = self._coefficients.tolist()

    @property
    def axes(self) -> tuple[Array, Array]:
        """Return the x and the y of the grid."""
        (left, dx, columns), (low, dy, rows) = self.x, self.y
        return left + dx * np.arange(columns, dtype=np.float64), low + dy * np.arange(rows, dtype=np.float64)

    def at(self, place: Sequence[float]) -> tuple[float, ...]:
        """Return the loss f at a place (x, y), its gradient and its Hessian: f, f_x, f_y, f_xx, f_xy, f_yy."""
        i, (a, da, dda) = _cell(place[0], *self.x)
        j, (b, db, ddb) = _cell(place[1], *self.y)
        f = fx = fy = fxx = fxy = fyy = 0.0
        for n in range(4):
            p = q = r = 0.0
            for m in range(4):
                c = self._rows[j + n][i + m]
                p += a[m] * c
                q += da[m] * c
                r += dda[m] * c
            f += b[n] * p
            fx += b[n] * q
            fy += db[n] * p
            fxx += b[n] * r
            fxy += db[n] * q
            fyy += ddb[n] * p
        (_, dx, _), (_, dy, _) = self.x, self.y
        return f, fx / dx, fy / dy, fxx / (dx * dx), fxy / (dx * dy), fyy / (dy * dy)

    def rates(self, place: Sequence[float]) -> tuple[float | None, float | None]:
        """Return, at a place, the best rate along the gradient, 1/E'', and 2/λmax; None where the loss bends down."""
        _, g, h, a, b, c = self.at(place)
        bend, sharp = a * g * g + 2 * b * g * h + c * h * h, _eigen(a, b, c)[1]
        return ((g * g + h * h) / bend if bend > 0 else None), (2 / sharp if sharp > 0 else None)

    def minimum(self, near: Place) -> Place:
        """Return a minimum near a place, by Newton's method with the absolute values of the curvatures.

        Raises
        ------
        ValueError
            If the method finds none.
        """
        u, v = self.roll("Newton with |λ|", near, eta=1.0, steps=50)[-1].tolist()
        _, g, h, a, b, c = self.at((u, v))
        if not (self.inside((u, v)) and math.hypot(g, h) < 1e-6 and _eigen(a, b, c)[0] > 0):
            raise ValueError(f"expected a minimum near {near}, got none: start from a lower place")
        return u, v

    def inside(self, place: Sequence[float]) -> bool:
        """Return whether a place is on the map."""
        return all(
            first <= w <= first + (n - 1) * d for w, (first, d, n) in zip(place, (self.x, self.y), strict=True)
        )

    def roll(self, method: str, start: Sequence[float], *, eta: float, steps: int, lowest: float = 0.0) -> Array:
        """Return the places that a ball visits, the start first; it stops at the first one that is off the map.

        Parameters
        ----------
        method : str
            One of ``METHODS``. Polyak's and Newton's choose the length of their steps themselves. So does Armijo's,
            which tries the learning rate first and stays on the map, and Barzilai and Borwein's after a first step.
        start : (float, float)
            Where the ball is released, at rest.
        eta : float
            The learning rate, positive.
        steps : int
            Their largest number.
        lowest : float
            The loss that Polyak's method aims at.

        Returns
        -------
        array of shape (steps made + 1, 2)
        """
        _tools.known("method", method, METHODS)
        path = [(float(start[0]), float(start[1]))]
        step = _stepper(self, method, _tools.positive("eta", eta), lowest)
        steps = _tools.count("steps", steps, least=0)
        while len(path) <= steps and self.inside(path[-1]):
            (u, v), (a, b) = path[-1], step(path[-1])
            path.append((u + a, v + b))
        return np.array(path)


def ball(
    surface: Surface, minima: Mapping[str, Place], *, start: Place, eta: float, x: str, y: str, alt: str, caption: str
) -> Explorable:
    """Return a figure of a surface on which a ball can be dragged and released, under each of the ``METHODS``.

    Beside the learning rate stand ηₒₚₜ and 2/λₘₐₓ: at the minima, and where the ball is released.

    Parameters
    ----------
    surface : Surface
    minima : mapping of str to (float, float)
        Names of minima, and places near them.
    start : (float, float)
        Where the ball is first.
    eta : float
        The learning rate at first.
    x, y, alt, caption : str
        As for `explore`.

    Returns
    -------
    Explorable

    Raises
    ------
    ValueError
        If there is no minimum near one of the places.
    """
    lows = {name: surface.minimum(near) for name, near in minima.items()}
    across, along = surface.axes
    return explore(
        rolls(surface, lows),
        method=choice(METHODS),
        eta=slider(0.005, 1, 54, log=True, start=eta, label="learning rate η"),
        step=slider(0, STEPS, 101, start=STEPS),
        u=slider(across[0], across[-1], 121, start=start[0], label="start across"),
        v=slider(along[0], along[-1], 121, start=start[1], label="start along"),
        x=x, y=y, xlim=(across[0], across[-1]), ylim=(along[0], along[-1]),
        colors=dict(zip(lows, (INK, *MORE), strict=False)) | {"path": BASE, "start": BASE, "ball": NEURON},
        drag={"ball": ("u", "v"), "start": ("u", "v")},
        play="step",
        alt=alt,
        caption=caption,
    )  # fmt: skip


def rolls(surface: Surface, lows: Mapping[str, Place]) -> ClosedForm:
    """Return the marks of a rolling ball, in Python and in JavaScript."""
    lowest = min(surface.at(low)[0] for low in lows.values())
    limits = [[f"at {name}", *_limits(surface, low)] for name, low in lows.items()]
    across, along = surface.axes
    heights = np.log10([[max(surface.at((u, v))[0], 1e-9) for u in across] for v in along])
    ends = [(2 * axis[0] - axis[-1], 2 * axis[-1] - axis[0]) for axis in (across, along)]

    def released(method: str, eta: float, step: float, u: float, v: float) -> Frame:
        path = surface.roll(method, (u, v), eta=eta, steps=int(step), lowest=lowest)
        made, end = len(path) - 1, path[-1]
        seen = np.concatenate([path, np.tile(end, (STEPS - made, 1))]).clip(*np.transpose(ends)).T
        return {
            "log₁₀ loss": HeatMap(across, along, heights),
            **{name: Points(*np.transpose([low])) for name, low in lows.items()},
            "path": Curve(*seen),
            "start": Points([u], [v]),
            "ball": Points(*seen[:, -1:]),
            "result": f"Step {made}: loss {surface.at(end)[0]:.4f}."
            if surface.inside(end)
            else f"It leaves the map at step {made}.",
            "rates": Ticks("eta", ("ηₒₚₜ", "2/λₘₐₓ"), [*limits, ["at the ball", *surface.rates((u, v))]]),
        }

    told = {
        "x": surface.x,
        "y": surface.y,
        "coefficients": base64.b64encode(surface._coefficients.tobytes()).decode(),
        "minima": lows,
        "limits": limits,
        "steps": STEPS,
    }
    script = (resources.files("enlib.figures") / "assets" / "ball.js").read_text(encoding="utf-8")
    return ClosedForm(released, f"({script})({json.dumps(told, ensure_ascii=False)})")


def _limits(surface: Surface, low: Place) -> Place:
    """Return 1/λ and 2/λ of the sharpest direction: at a minimum there is no gradient to follow."""
    sharp = _eigen(*surface.at(low)[3:])[1]
    return 1 / sharp, 2 / sharp


# --- what assets/ball.js does, too


def _spline(n: int) -> Array:
    """Return the matrix from n values to the n + 2 coefficients of their cubic spline, whose ends are not knots."""
    system = np.zeros((n + 2, n + 2))
    for k in range(n):
        system[k, k : k + 3] = 1 / 6, 4 / 6, 1 / 6
    system[n, :5] = system[n + 1, -5:] = 1, -4, 6, -4, 1
    return np.asarray(np.linalg.inv(system)[:, :n], dtype=np.float64)


def _cubic(t: float) -> tuple[tuple[float, ...], ...]:
    s = 1 - t
    return (
        (s * s * s / 6, ((3 * t - 6) * t * t + 4) / 6, ((3 * s - 6) * s * s + 4) / 6, t * t * t / 6),
        (-s * s / 2, (3 * t - 4) * t / 2, (4 - 3 * s) * s / 2, t * t / 2),
        (s, 3 * t - 2, 3 * s - 2, t),
    )


def _cell(value: float, first: float, step: float, n: int) -> tuple[int, tuple[tuple[float, ...], ...]]:
    at = (value - first) / step
    i = min(max(math.floor(at), 0), n - 2)
    return i, _cubic(at - i)


def _eigen(a: float, b: float, c: float) -> Place:
    middle, half = (a + c) / 2, (a - c) / 2
    root = math.sqrt(half * half + b * b)
    return middle - root, middle + root


def _newton(derivatives: Sequence[float], absolute: bool) -> Place:
    _, g, h, a, b, c = derivatives
    if absolute:  # |H| = (H H + |det H|) / (|λ₁| + |λ₂|), in two dimensions
        k, m = (abs(value) for value in _eigen(a, b, c))
        a, b, c = (a * a + b * b + k * m) / (k + m), b * (a + c) / (k + m), (b * b + c * c + k * m) / (k + m)
    det = a * c - b * b or 1.0
    return (b * h - c * g) / det, (b * g - a * h) / det


def _stepper(surface: Surface, method: str, eta: float, lowest: float) -> Callable[[Place], Place]:
    at = surface.at
    v, m, s = [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]
    one = two = 1.0
    length = eta / 2 if method == "Armijo" else eta
    last: Place | None = None

    def step(w: Place) -> Place:
        nonlocal v, m, s, one, two, length, last
        if method == "Nesterov 0.9":
            _, g, h, *_ = at((w[0] + 0.9 * v[0], w[1] + 0.9 * v[1]))
            v = [0.9 * v[0] - eta * g, 0.9 * v[1] - eta * h]
            return v[0], v[1]
        f, g, h, *_ = here = at(w)
        if "Newton" in method:
            return _newton(here, method != "Newton")
        if method == "Polyak":
            length = max(f - lowest, 0) / (g * g + h * h or 1.0)
            return -length * g, -length * h
        if method == "Armijo":
            length *= 2

            def lower(place: Place) -> bool:
                return surface.inside(place) and at(place)[0] <= f - length * (g * g + h * h) / 2

            while not lower((w[0] - length * g, w[1] - length * h)):
                length /= 2
            return -length * g, -length * h
        if method == "Barzilai-Borwein":
            if last:
                length = (v[0] * v[0] + v[1] * v[1]) / (v[0] * (g - last[0]) + v[1] * (h - last[1]) or 1.0)
            v, last = [-length * g, -length * h], (g, h)
            return v[0], v[1]
        if method == "Adam":
            one, two = one * 0.9, two * 0.999
            m = [0.9 * m[0] + 0.1 * g, 0.9 * m[1] + 0.1 * h]
            s = [0.999 * s[0] + 0.001 * g * g, 0.999 * s[1] + 0.001 * h * h]
            a, b = (-eta * m[i] / (1 - one) / (math.sqrt(s[i] / (1 - two)) + 1e-8) for i in (0, 1))
            return a, b
        mu = 0.9 if method == "momentum 0.9" else 0
        v = [mu * v[0] - eta * g, mu * v[1] - eta * h]
        return v[0], v[1]

    return step
