"""Two linear layers on one sample: gradient descent above 2/sharpness, exactly, in two numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from enlib import _tools

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Catapult:
    """The course of gradient descent on the two-layer linear model.

    Parameters
    ----------
    output : array, shape (steps + 1,)
        The output f before each step and after the last.
    curvature : array, shape (steps + 1,)
        The number λ, which at a minimum is the sharpness.
    loss : array, shape (steps + 1,)
        f²/2.
    """

    output: Array
    curvature: Array
    loss: Array


def catapult(output: float, curvature: float, *, eta: float, width: int, steps: int) -> Catapult:
    r"""Follow gradient descent on the loss :math:`f^2/2` of the model :math:`f = u \cdot v / \sqrt n`.

    The weights u and v have n entries each, the only sample has input 1 and target 0. Whatever the 2n weights are,
    two numbers suffice: the output f and :math:`\lambda = (|u|^2 + |v|^2)/n`. One step is exactly

    .. math::

        f_{k+1} &= f_k \left( 1 - \eta \lambda_k + \eta^2 f_k^2 / n \right) \\
        \lambda_{k+1} &= \lambda_k + \frac{\eta f_k^2}{n} (\eta \lambda_k - 4)

    (Lewkowycz et al. 2020). So λ falls as long as :math:`\eta\lambda < 4`, and the faster the larger the loss.

    Parameters
    ----------
    output : float
        The first f. For random weights of variance 1 it is a normal number, and λ is about 2.
    curvature : float
        The first λ; at least :math:`2|f|/\sqrt n`, as for any u and v.
    eta : float
        Step size, positive.
    width : int
        The number n.
    steps : int
        Number of steps.

    Returns
    -------
    Catapult
        Where it diverges its numbers grow to inf and NaN.

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    >>> run = catapult(1.0, 2.0, eta=1.25, width=1000, steps=100)
    >>> bool(run.loss.max() > 10 * run.loss[0]), bool(run.loss[-1] < 1e-9), bool(run.curvature[-1] < 2 / 1.25)
    (True, True, True)
    """
    _tools.positive("eta", eta)
    n = _tools.count("width", width)
    _tools.count("steps", steps)
    least = 2 * abs(output) / np.sqrt(n)
    # A hair below the bound is rounding: u = v reaches it.
    if not least * (1 - 1e-12) <= curvature < np.inf:
        raise ValueError(
            f"expected curvature >= 2 |output| / sqrt(width) = {least:.4g}, got {curvature}: no weights have less"
        )
    f, lam = [float(output)], [float(curvature)]
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(steps):
            now, curved = np.float64(f[-1]), np.float64(lam[-1])
            f.append(now * (1 - eta * curved + eta**2 * now**2 / n))
            lam.append(curved + eta * now**2 / n * (eta * curved - 4))
        outputs = np.array(f)
        return Catapult(outputs, np.array(lam), outputs**2 / 2)
