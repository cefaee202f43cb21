"""The dense layer and the sigmoid."""

from __future__ import annotations

import numpy as np

from enlib.numpy_nets.shapes import Array, floats, shaped


def dense(x: Array, w: Array, b: Array) -> Array:
    r"""Return the outputs :math:`x w^\top + b` of a dense layer, of shape (n, out).

    .. math:: y_{no} = b_o + \sum_i w_{oi}\, x_{ni}

    Parameters
    ----------
    x : array of shape (n, in)
        A batch of inputs, in float32 or float64; everything else has the same type.
    w : array of shape (out, in)
        Weights, one row for each output.
    b : array of shape (out,)
        Biases.

    Raises
    ------
    TypeError
        If an array is not of float32 or float64, or their types differ.
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> dense(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [5.0, 6.0], [0.0, 1.0]]), np.zeros(3))
    array([[11., 17.,  2.]])
    """
    floats(x=x, w=w, b=b)
    _fitting(x, w)
    shaped("b", b, (w.shape[0],), "it needs a bias for each row of w")
    y: Array = x @ w.T + b
    return y


def dense_backward(dy: Array, x: Array, w: Array) -> tuple[Array, Array, Array]:
    r"""Return the gradients of the cost with respect to x, w and b of `dense`.

    .. math:: dx_{ni} = \sum_o dy_{no} w_{oi}, \qquad dw_{oi} = \sum_n dy_{no} x_{ni}, \qquad db_o = \sum_n dy_{no}

    Parameters
    ----------
    dy : array of shape (n, out)
        Gradient of the cost with respect to the outputs.
    x : array of shape (n, in)
        The inputs.
    w : array of shape (out, in)
        The weights.

    Raises
    ------
    TypeError, ValueError
        As `dense`.

    Examples
    --------
    >>> x, w = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0, 6.0]])
    >>> dx, dw, db = dense_backward(np.array([[1.0], [10.0]]), x, w)
    >>> dx.tolist(), dw.tolist(), db.tolist()
    ([[5.0, 6.0], [50.0, 60.0]], [[31.0, 42.0]], [11.0])
    """
    floats(dy=dy, x=x, w=w)
    _fitting(x, w)
    shaped("dy", dy, (x.shape[0], w.shape[0]), "it has the shape of the output")
    return dy @ w, dy.T @ x, dy.sum(0)


def sigmoid(x: Array) -> Array:
    """Return :math:`1 / (1 + e^{-x})` of each entry, without overflow.

    Parameters
    ----------
    x : array of any shape
        In float32 or float64.

    Raises
    ------
    TypeError
        If it is anything else.

    Examples
    --------
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    floats(x=x)
    small = np.exp(-np.abs(x))
    y: Array = np.where(x < 0, small, 1) / (1 + small)
    return y


def sigmoid_backward(dy: Array, x: Array) -> Array:
    r"""Return the gradient :math:`dy\, \sigma(x)\, \sigma(-x)` of the cost with respect to x of `sigmoid`.

    (:math:`\sigma(-x)` is :math:`1 - \sigma(x)`, without the cancellation for large x.)

    Parameters
    ----------
    dy : array of the shape of x
        Gradient of the cost with respect to the outputs.
    x : array of any shape
        The inputs.

    Raises
    ------
    TypeError, ValueError
        If the types or the shapes differ.

    Examples
    --------
    >>> sigmoid_backward(np.array([8.0]), np.array([0.0]))
    array([2.])
    """
    floats(dy=dy, x=x)
    shaped("dy", dy, x.shape, "it has the shape of x")
    dx: Array = dy * sigmoid(x) * sigmoid(-x)
    return dx


def _fitting(x: Array, w: Array) -> None:
    shaped("x", x, ("n", "in"), "flatten images with x.reshape(len(x), -1)")
    shaped("w", w, ("out", x.shape[1]), "it needs a column for each input")
