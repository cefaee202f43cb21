"""Layers of a network and their backward passes, in NumPy alone, short enough to read aloud.

A backward pass takes ``dy``, the gradient of the cost with respect to what the layer returned, and returns the
gradients with respect to what the layer was given. Nothing is stored in between, so calling it twice adds nothing up.
"""

from enlib.numpy_nets.convolution import conv2d, conv2d_backward
from enlib.numpy_nets.dense import dense, dense_backward, sigmoid, sigmoid_backward
from enlib.numpy_nets.pooling import max_pool2d, max_pool2d_backward

__all__ = [
    "conv2d",
    "conv2d_backward",
    "dense",
    "dense_backward",
    "max_pool2d",
    "max_pool2d_backward",
    "sigmoid",
    "sigmoid_backward",
]
