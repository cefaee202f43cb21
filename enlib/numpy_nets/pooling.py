"""Max-pooling, whose windows may overlap and whose maxima may tie."""

from __future__ import annotations

import numpy as np

from enlib.numpy_nets.shapes import Array, Pair, add_windows, floats, pair, shaped, windows


def max_pool2d(x: Array, size: Pair, stride: Pair | None = None) -> Array:
    r"""Return the maximum of each window of a batch of images, of shape (n, c, rows, columns).

    .. math:: y_{ncpq} = \max_{ij} x_{nc,\,sp+i,\,sq+j}

    with a stride of s. Rows and columns of x that no window reaches have no effect.

    Parameters
    ----------
    x : array of shape (n, c, h, w)
        Images with c channels, in float32 or float64.
    size : int or (int, int)
        Height and width of a window, at least 1.
    stride : int or (int, int), optional
        Steps from one window to the next, down and right, at least 1; by default ``size``, without overlap.

    Raises
    ------
    TypeError
        If x is not an array of float32 or float64.
    ValueError
        If it has not four axes, a window is larger than the image, or size or stride are out of range.

    Examples
    --------
    >>> x = np.array([[[[1.0, 5.0, 2.0, 0.0], [3.0, 4.0, 8.0, 7.0]]]])
    >>> max_pool2d(x, 2).tolist(), max_pool2d(x, 2, stride=1).tolist()
    ([[[[5.0, 8.0]]]], [[[[5.0, 8.0, 8.0]]]])
    """
    floats(x=x)
    seen, _ = _seen(x, size, stride)
    y: Array = seen.max((-2, -1))
    return y


def max_pool2d_backward(dy: Array, x: Array, size: Pair, stride: Pair | None = None) -> Array:
    """Return the gradient of the cost with respect to x of `max_pool2d`.

    Each window hands its dy to its maximum. Of tied maxima the first one gets all of it, row by row, as in PyTorch.
    A pixel that is the maximum of several windows gets the sum.

    Parameters
    ----------
    dy : array of shape (n, c, rows, columns)
        Gradient of the cost with respect to the outputs.
    x : array of shape (n, c, h, w)
        The images.
    size, stride : int or (int, int)
        As for `max_pool2d`.

    Raises
    ------
    TypeError, ValueError
        As `max_pool2d`.

    Examples
    --------
    >>> x = np.array([[[[1.0, 5.0, 2.0, 0.0], [3.0, 4.0, 8.0, 7.0]]]])
    >>> max_pool2d_backward(np.array([[[[1.0, 10.0, 100.0]]]]), x, 2, stride=1).tolist()
    [[[[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 110.0, 0.0]]]]
    """
    floats(dy=dy, x=x)
    seen, step = _seen(x, size, stride)
    shaped("dy", dy, seen.shape[:4], "it has the shape of the output")
    flat = seen.reshape(*seen.shape[:4], seen.shape[4] * seen.shape[5])
    parts = np.zeros_like(flat)
    np.put_along_axis(parts, flat.argmax(-1)[..., None], dy[..., None], axis=-1)
    return add_windows(parts.reshape(seen.shape), x.shape, step)


def _seen(x: Array, size: Pair, stride: Pair | None) -> tuple[Array, tuple[int, int]]:
    """Return the windows that are pooled, and the stride as a pair."""
    shaped("x", x, ("n", "c", "h", "w"), "pass a batch of images, of one channel if they are gray")
    window = pair("size", size)
    step = window if stride is None else pair("stride", stride)
    return windows(x, window, step), step
