"""The exponential neuron, and any classifier with one added."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from enlib import _tools
from enlib._tools import generator


class ExponentialNeuron(nn.Module):
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
        Where to cut the exponent off: a sample beyond it gets :math:`a e^{\text{max}}`, and moves neither w nor b. A
        cure that the theorem does not cover.
    seed : int
        Seed of the initial weights.

    Attributes
    ----------
    a, b
        Trained, of shape ().
    w
        Trained, of shape (d,).
    largest_exponent
        Of shape (); the largest :math:`w \cdot x + b` seen in training mode so far, -inf before the first. It tells
        how near the neuron has come to overflow: in float32 the cubed loss overflows at about 29.6, the exponential
        itself at 88.7.

    Raises
    ------
    ValueError
        If ``in_features`` is not a positive integer, ``w_std`` is negative, or ``a``, ``b`` or
        ``max_exponent`` is not finite.

    Notes
    -----
    S. Liang, R. Sun, J. D. Lee, R. Srikant, *Adding One Neuron Can Eliminate All Bad Local Minima*,
    arXiv:1805.08671.

    Examples
    --------
    >>> neuron = ExponentialNeuron(3, a=2.0, b=1.0, w_std=0.0, seed=0)
    >>> neuron(torch.zeros(1, 3)).item() == 2 * torch.e
    False
    >>> round(neuron(torch.zeros(1, 3)).item(), 4)
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
        super().__init__()
        _tools.count("in_features", in_features)
        _tools.non_negative("w_std", w_std)
        for name, value in (("initial a", a), ("initial b", b), ("max_exponent", max_exponent or 0.0)):
            if not math.isfinite(value):
                raise ValueError(f"expected a finite {name}, got {value}: pass a number such as 0.01")
        self.max_exponent = max_exponent
        self.a = nn.Parameter(torch.tensor(float(a)))
        self.w = nn.Parameter(w_std * torch.randn(in_features, generator=generator(seed, "exponential neuron")))
        self.b = nn.Parameter(torch.tensor(float(b)))
        self.register_buffer("largest_exponent", torch.tensor(-math.inf))

    def exponent(self, x: Tensor) -> Tensor:
        r"""Return :math:`w \cdot x + b` for inputs of shape (n, ...) with d numbers a sample; shape (n,)."""
        x = x.flatten(1)
        if x.shape[1] != len(self.w):
            raise ValueError(
                f"expected {len(self.w)} numbers a sample, got {x.shape[1]}: "
                f"build ExponentialNeuron({x.shape[1]}) for this data"
            )
        return x @ self.w + self.b

    def forward(self, x: Tensor) -> Tensor:
        """Return the neuron's output for inputs of shape (n, ...) with d numbers a sample; shape (n,)."""
        z = self.exponent(x)
        # Evaluating a model must not change it. And inside torch.func transforms (Hessian-vector products, vmap) z is
        # a tracer that must not outlive them.
        if self.training and not torch._C._functorch.is_functorch_wrapped_tensor(z):
            # fmax passes over NaN: what was reached before a blow-up is what one wants to know.
            self.largest_exponent = torch.fmax(self.largest_exponent, z.detach().max())
        if self.max_exponent is not None:
            z = z.clamp(max=self.max_exponent)
        output: Tensor = self.a * z.exp()
        return output


class WithExponentialNeuron(nn.Module):
    r"""A classifier f with an exponential neuron beside it.

    .. math:: \tilde f(x) = f(x; \theta) + a\, e^{w \cdot x + b}

    Trained on :math:`\tilde L = \sum_i \ell(-y_i \tilde f(x_i)) + \lambda a^2 / 2`, it has no bad local
    minimum, provided that some :math:`\theta` classifies every sample correctly and the loss is one like
    `polynomial_hinge` (Liang et al. 2018, Theorem 1).

    Parameters
    ----------
    base : nn.Module
        Any module with one output a sample, of shape (n,) or (n, 1).
    in_features : int
        Numbers in one sample; images are flattened for the neuron.
    **neuron
        Passed to `ExponentialNeuron`; ``seed`` is required.

    Attributes
    ----------
    base
        The base network.
    neuron
        The `ExponentialNeuron`.

    Examples
    --------
    >>> from enlib.models.networks import mlp
    >>> model = WithExponentialNeuron(mlp((100, 50, 25, 1), seed=0), 100, seed=0)
    >>> sum(p.numel() for p in model.parameters())  # d + 2 more than the base network
    6453
    >>> model(torch.zeros(4, 100)).shape
    torch.Size([4])
    """

    def __init__(self, base: nn.Module, in_features: int, **neuron: Any) -> None:
        super().__init__()
        self.base = base
        self.neuron = ExponentialNeuron(in_features, **neuron)

    def forward(self, x: Tensor) -> Tensor:
        """Return the base network's output plus the neuron's, in the base network's shape."""
        output: Tensor = self.base(x)
        if output.numel() != len(x):
            raise ValueError(
                f"expected a base network with one output a sample, got shape {tuple(output.shape)} for "
                f"{len(x)} samples: end it with one unit"
            )
        added: Tensor = self.neuron(x)
        return output + added.view_as(output)

    def penalty(self, lam: float) -> Tensor:
        r"""Return the penalty :math:`\lambda a^2 / 2`, shape ().

        Raises
        ------
        ValueError
            If ``lam`` is negative.
        """
        return _tools.non_negative("lam", lam) * self.neuron.a.square() / 2

    def parameter_groups(self, lr: float, neuron_lr: float | None = None) -> list[dict[str, Any]]:
        """Return two optimizer groups, so that the neuron can have a step size of its own.

        Parameters
        ----------
        lr : float
            Step size of the base network.
        neuron_lr : float, optional
            Step size of a, w and b; by default the same.

        Raises
        ------
        ValueError
            If a step size is not positive.
        """
        _tools.positive("lr", lr)
        neuron_lr = lr if neuron_lr is None else _tools.positive("neuron_lr", neuron_lr)
        return [
            {"params": list(self.base.parameters()), "lr": lr},
            {"params": list(self.neuron.parameters()), "lr": neuron_lr},
        ]
