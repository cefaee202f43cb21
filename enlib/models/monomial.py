"""The monomial neuron: what the theorem's proof needs of an activation, with a power in place of the exponential."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from enlib import _tools
from enlib._tools import generator


class MonomialNeuron(nn.Module):
    r"""One neuron whose activation is a power.

    .. math:: g(x) = a\, (w \cdot x + b)^p

    Multiply w and b by s, and g by :math:`s^p`: Euler's theorem on homogeneous functions makes of this, for
    :math:`\tilde L = D + \lambda a^2 / 2` with a data term D that sees the neuron's outputs alone,

    .. math:: a\, \frac{\partial \tilde L}{\partial a}
        - \frac{1}{p} \left( w \cdot \frac{\partial \tilde L}{\partial w}
        + b\, \frac{\partial \tilde L}{\partial b} \right) = \lambda a^2 .

    Parameters
    ----------
    in_features : int
        Number d of inputs.
    power : int
        The exponent p. With :math:`p \ge n - 1` the neuron sees all that an exponential one sees in n distinct
        inputs; with a smaller p bad local minima can stay where the inputs lie on a line.
    a, b : float
        Initial amplitude and bias. With b = 0 and small weights the neuron hardly answers.
    w_std : float
        Standard deviation of the initial weights, which are normal with mean 0.
    seed : int
        Seed of the initial weights.

    Attributes
    ----------
    a, b
        Trained, of shape ().
    w
        Trained, of shape (d,).
    power
        The exponent p.

    Raises
    ------
    ValueError
        If ``in_features`` or ``power`` is not a positive integer, or ``w_std`` is negative.

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
        super().__init__()
        _tools.count("in_features", in_features)
        _tools.non_negative("w_std", w_std)
        self.power = _tools.count("power", power)
        self.a = nn.Parameter(torch.tensor(float(a)))
        self.w = nn.Parameter(w_std * torch.randn(in_features, generator=generator(seed, "monomial neuron")))
        self.b = nn.Parameter(torch.tensor(float(b)))

    def forward(self, x: Tensor) -> Tensor:
        """Return the neuron's output for inputs of shape (n, ...) with d numbers a sample; shape (n,)."""
        x = x.flatten(1)
        if x.shape[1] != len(self.w):
            raise ValueError(
                f"expected {len(self.w)} numbers a sample, got {x.shape[1]}: "
                f"build MonomialNeuron({x.shape[1]}, {self.power}) for this data"
            )
        output: Tensor = self.a * (x @ self.w + self.b) ** self.power
        return output

    def penalty(self, lam: float) -> Tensor:
        r"""Return the penalty :math:`\lambda a^2 / 2`, shape ().

        Raises
        ------
        ValueError
            If ``lam`` is negative.
        """
        return _tools.non_negative("lam", lam) * self.a.square() / 2
