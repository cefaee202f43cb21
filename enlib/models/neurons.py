"""The exponential neuron, the monomial neuron, and classifiers with an exponential neuron added."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import debug_unwrap

from enlib import _tools
from enlib._tools import generator


class _Neuron(nn.Module):
    """What every neuron here has: amplitude a, weights w, bias b, the exponent w.x + b, and the penalty on a."""

    def __init__(self, in_features: int, *, a: float, b: float, w_std: float, seed: int, stream: str) -> None:
        super().__init__()
        in_features = _tools.count("in_features", in_features)
        w_std = _tools.non_negative("w_std", w_std)
        self.a = nn.Parameter(torch.tensor(_tools.number("a", a)))
        self.w = nn.Parameter(w_std * torch.randn(in_features, generator=generator(seed, stream)))
        self.b = nn.Parameter(torch.tensor(_tools.number("b", b)))

    def exponent(self, x: Tensor) -> Tensor:
        r"""Return :math:`w \cdot x + b`, of shape (n,), for inputs of shape (n, ...) with d numbers per sample."""
        x = x.flatten(1)
        if x.shape[1] != len(self.w):
            raise ValueError(
                f"expected {len(self.w)} numbers per sample, got {x.shape[1]}: "
                f"build {type(self).__name__} with in_features={x.shape[1]} for this data"
            )
        return x @ self.w + self.b

    def penalty(self, lam: float) -> Tensor:
        r"""Return the penalty :math:`\lambda a^2 / 2`, a tensor of shape (); ``lam`` is at least 0."""
        return _tools.non_negative("lam", lam) * self.a.square() / 2


class ExponentialNeuron(_Neuron):
    r"""One neuron with an exponential activation.

    .. math:: g(x) = a\, e^{w \cdot x + b}

    Parameters
    ----------
    in_features : int
        Number d of inputs.
    a, b : float
        Initial amplitude and bias.
    w_std : float
        Standard deviation of the initial weights, which are normal with mean 0.
    max_exponent : float, optional
        Upper bound of the exponent. A sample beyond it contributes :math:`a e^{\text{max}}` to the output and nothing
        to the gradients of w and b. The theorem does not cover this remedy.
    seed : int
        Seed of the initial weights.

    Attributes
    ----------
    a, b : Parameter of shape ()
        Amplitude and bias.
    w : Parameter of shape (d,)
        Weights.
    largest_exponent : Tensor of shape ()
        The largest :math:`w \cdot x + b` seen so far in training mode; -inf before the first forward pass. It shows
        how close the neuron came to overflow: in float32 the cubed loss overflows at about 29.6, the exponential at
        88.7.

    Raises
    ------
    ValueError
        If ``in_features`` is not a positive integer, ``w_std`` is negative, or ``a``, ``b`` or ``max_exponent`` is
        not finite.
    TypeError
        If one of them is not a number.

    Notes
    -----
    S. Liang, R. Sun, J. D. Lee, R. Srikant, *Adding One Neuron Can Eliminate All Bad Local Minima*,
    arXiv:1805.08671.

    Examples
    --------
    >>> neuron = ExponentialNeuron(3, a=2.0, b=1.0, w_std=0.0, seed=0)
    >>> round(neuron(torch.zeros(1, 3)).item(), 4)  # 2 e
    5.4366
    >>> neuron.largest_exponent
    tensor(1.)
    """

    largest_exponent: Tensor

    def __init__(
        self,
        in_features: int,
        *,
        a: float = 0.01,
        b: float = 0.0,
        w_std: float = 0.01,
        max_exponent: float | None = None,
        seed: int,
    ) -> None:
        super().__init__(in_features, a=a, b=b, w_std=w_std, seed=seed, stream="exponential neuron")
        self.max_exponent = None if max_exponent is None else _tools.number("max_exponent", max_exponent)
        self.register_buffer("largest_exponent", torch.tensor(-math.inf))

    def forward(self, x: Tensor) -> Tensor:
        """Return the neuron's output, of shape (n,), for inputs of shape (n, ...) with d numbers per sample."""
        z = self.exponent(x)
        # Evaluating a model must not change it. Inside a torch.func transform (a Hessian-vector product, vmap), z is
        # a wrapper that must not outlive the transform. There, and only there, unwrapping gives a different tensor.
        if self.training and debug_unwrap(z, recurse=False) is z:
            # fmax ignores NaN, so the largest exponent before a divergence is kept.
            self.largest_exponent = torch.fmax(self.largest_exponent, z.detach().max())
        if self.max_exponent is not None:
            z = z.clamp(max=self.max_exponent)
        output: Tensor = self.a * z.exp()
        return output


class MonomialNeuron(_Neuron):
    r"""One neuron whose activation is a power: a substitute for the exponential with a similar identity.

    .. math:: g(x) = a\, (w \cdot x + b)^p

    Multiplying w and b by s multiplies g by :math:`s^p`. Euler's theorem on homogeneous functions therefore gives,
    for :math:`\tilde L = D + \lambda a^2 / 2` with a data term D that depends on the neuron's outputs alone,

    .. math:: a\, \frac{\partial \tilde L}{\partial a}
        - \frac{1}{p} \left( w \cdot \frac{\partial \tilde L}{\partial w}
        + b\, \frac{\partial \tilde L}{\partial b} \right) = \lambda a^2 .

    Parameters
    ----------
    in_features : int
        Number d of inputs.
    power : int
        The exponent p. With :math:`p \ge n - 1` the neuron does for n distinct inputs what the exponential neuron
        does. With a smaller p, bad local minima can remain if the inputs lie on a line.
    a, b : float
        Initial amplitude and bias. With b = 0 and small weights the neuron hardly responds.
    w_std : float
        Standard deviation of the initial weights, which are normal with mean 0.
    seed : int
        Seed of the initial weights.

    Attributes
    ----------
    a, b : Parameter of shape ()
        Amplitude and bias.
    w : Parameter of shape (d,)
        Weights.
    power : int
        The exponent p.

    Raises
    ------
    ValueError
        If ``in_features`` or ``power`` is not a positive integer, ``w_std`` is negative, or ``a`` or ``b`` is not
        finite.
    TypeError
        If one of them is not a number.

    Examples
    --------
    >>> neuron = MonomialNeuron(2, power=3, a=2.0, b=1.0, w_std=0.0, seed=0)
    >>> with torch.no_grad():
    ...     _ = neuron.w.copy_(torch.tensor([1.0, -1.0]))
    >>> neuron(torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 3.0]])).tolist()  # 2 * 2^3, 2 * 1^3, 2 * (-2)^3
    [16.0, 2.0, -16.0]
    """

    def __init__(
        self, in_features: int, power: int, *, a: float = 0.01, b: float = 1.0, w_std: float = 0.01, seed: int
    ) -> None:
        super().__init__(in_features, a=a, b=b, w_std=w_std, seed=seed, stream="monomial neuron")
        self.power = _tools.count("power", power)

    def forward(self, x: Tensor) -> Tensor:
        """Return the neuron's output, of shape (n,), for inputs of shape (n, ...) with d numbers per sample."""
        output: Tensor = self.a * self.exponent(x) ** self.power
        return output


class WithExponentialNeuron(nn.Module):
    r"""A classifier f with an exponential neuron added to it.

    .. math:: \tilde f(x) = f(x; \theta) + a\, e^{w \cdot x + b}

    The objective :math:`\tilde L = \sum_i \ell(-y_i \tilde f(x_i)) + \lambda a^2 / 2` has no bad local minimum if
    some :math:`\theta` classifies every sample correctly and the loss meets the theorem's assumptions, as
    `polynomial_hinge` does (Liang et al. 2018, Theorem 1).

    Parameters
    ----------
    base : nn.Module
        Any module with one output per sample, of shape (n,) or (n, 1).
    in_features : int
        Number d of inputs in one sample; images are flattened for the neuron.
    **neuron
        Passed to `ExponentialNeuron`; ``seed`` is required.

    Attributes
    ----------
    base : nn.Module
        The base network.
    neuron : ExponentialNeuron
        The neuron.

    Raises
    ------
    TypeError
        If ``base`` is not a module.

    Examples
    --------
    >>> from enlib.models import mlp
    >>> model = WithExponentialNeuron(mlp((100, 50, 25, 1), seed=0), 100, seed=0)
    >>> sum(p.numel() for p in model.parameters())  # d + 2 more than the base network
    6453
    >>> model(torch.zeros(4, 100)).shape
    torch.Size([4])
    """

    def __init__(self, base: nn.Module, in_features: int, **neuron: Any) -> None:
        if not isinstance(base, nn.Module):
            raise TypeError(f"expected a torch.nn.Module as base, got {type(base).__name__}: build one, as mlp does")
        super().__init__()
        self.base = base
        self.neuron = ExponentialNeuron(in_features, **neuron)

    def forward(self, x: Tensor) -> Tensor:
        """Return the base network's output plus the neuron's, in the base network's shape."""
        output: Tensor = self.base(x)
        if output.numel() != len(x):
            raise ValueError(
                f"expected a base network with one output per sample, got shape {tuple(output.shape)} for "
                f"{len(x)} samples: end it with one unit"
            )
        added: Tensor = self.neuron(x)
        return output + added.view_as(output)

    def penalty(self, lam: float) -> Tensor:
        r"""Return the penalty :math:`\lambda a^2 / 2`, a tensor of shape (); ``lam`` is at least 0."""
        return self.neuron.penalty(lam)
