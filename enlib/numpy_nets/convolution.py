"""The convolution of images (in the usage of this field: the kernel is not flipped)."""

from __future__ import annotations

import numpy as np

from enlib.numpy_nets.shapes import Array, Pair, add_windows, floats, pair, shaped, windows


def conv2d(x: Array, w: Array, b: Array, stride: Pair = 1, padding: Pair = 0) -> Array:
    r"""Return the convolution of a batch of images with each kernel, of shape (n, out, rows, columns).

    With a stride of s and zeros around the image,

    .. math:: y_{nopq} = b_o + \sum_{cij} w_{ocij}\, x_{nc,\,sp+i,\,sq+j}.

    The number of rows is :math:`\lfloor (h + 2 \cdot \text{padding} - kh) / s \rfloor + 1`; columns alike.

    Parameters
    ----------
    x : array of shape (n, c, h, w)
        Images with c channels, in float32 or float64; everything else has the same type.
    w : array of shape (out, c, kh, kw)
        Kernels.
    b : array of shape (out,)
        Biases.
    stride : int or (int, int)
        Steps from one window to the next, down and right, at least 1.
    padding : int or (int, int)
        Rows of zeros above and below, and columns left and right, at least 0.

    Raises
    ------
    TypeError
        If an array is not of float32 or float64, or their types differ.
    ValueError
        If the shapes do not fit, a kernel is larger than the padded image, or stride or padding are out of range.

    Examples
    --------
    >>> x = np.arange(6.0).reshape(1, 1, 2, 3)
    >>> conv2d(x, np.array([[[[1.0, 10.0]]]]), np.zeros(1)).tolist()
    [[[[10.0, 21.0], [43.0, 54.0]]]]
    """
    floats(x=x, w=w, b=b)
    seen, _, _ = _seen(x, w, stride, padding)
    shaped("b", b, (w.shape[0],), "it needs a bias for each kernel")
    y: Array = np.einsum("ncpqij,ocij->nopq", seen, w, optimize=True) + b[:, None, None]
    return y


def conv2d_backward(dy: Array, x: Array, w: Array, stride: Pair = 1, padding: Pair = 0) -> tuple[Array, Array, Array]:
    r"""Return the gradients of the cost with respect to x, w and b of `conv2d`.

    .. math:: dw_{ocij} = \sum_{npq} dy_{nopq}\, x_{nc,\,sp+i,\,sq+j}, \qquad db_o = \sum_{npq} dy_{nopq},

    and each :math:`dy_{nopq}` adds :math:`w_{ocij}\, dy_{nopq}` to :math:`dx_{nc,\,sp+i,\,sq+j}`. What lies in the
    padding is cut off.

    Parameters
    ----------
    dy : array of shape (n, out, rows, columns)
        Gradient of the cost with respect to the outputs.
    x : array of shape (n, c, h, w)
        The images.
    w : array of shape (out, c, kh, kw)
        The kernels.
    stride, padding : int or (int, int)
        As for `conv2d`.

    Raises
    ------
    TypeError, ValueError
        As `conv2d`.

    Examples
    --------
    >>> x, w = np.arange(6.0).reshape(1, 1, 2, 3), np.array([[[[1.0, 10.0]]]])
    >>> dx, dw, db = conv2d_backward(np.ones((1, 1, 2, 2)), x, w)
    >>> dx.tolist(), dw.tolist(), db.tolist()
    ([[[[1.0, 11.0, 10.0], [1.0, 11.0, 10.0]]]], [[[[8.0, 12.0]]]], [4.0])
    """
    floats(dy=dy, x=x, w=w)
    seen, step, (up, left) = _seen(x, w, stride, padding)
    shaped("dy", dy, (x.shape[0], w.shape[0], *seen.shape[2:4]), "it has the shape of the output")
    height, width = x.shape[2:]
    dw = np.einsum("nopq,ncpqij->ocij", dy, seen, optimize=True)
    parts = np.einsum("nopq,ocij->ncpqij", dy, w, optimize=True)
    dx = add_windows(parts, (*x.shape[:2], height + 2 * up, width + 2 * left), step)
    return dx[:, :, up : up + height, left : left + width].copy(), dw, dy.sum((0, 2, 3))


def _seen(x: Array, w: Array, stride: Pair, padding: Pair) -> tuple[Array, tuple[int, int], tuple[int, int]]:
    """Return the windows of the padded images that the kernels see, and stride and padding as pairs."""
    shaped("x", x, ("n", "c", "h", "w"), "pass a batch of images, of one channel if they are gray")
    shaped("w", w, ("out", x.shape[1], "kh", "kw"), "its kernels need the channels of x")
    step, (up, left) = pair("stride", stride), pair("padding", padding, least=0)
    padded = np.pad(x, ((0, 0), (0, 0), (up, up), (left, left)))
    return windows(padded, (w.shape[2], w.shape[3]), step), step, (up, left)
