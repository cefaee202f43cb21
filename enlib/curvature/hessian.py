"""The Hessian of a loss as an operator on vectors: the matrix is formed only if you ask for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from enlib import _tools

Params = Mapping[str, Tensor]
Loss = Callable[[dict[str, Tensor]], Tensor]
Parts = Loss | Sequence[Loss]


class Hessian:
    r"""The Hessian of a loss at one point, ready to be multiplied with vectors.

    .. math:: H v = \nabla \left( \nabla L(\theta) \cdot v \right)

    A product is the derivative of a derivative, so it costs about as much as two gradients and never needs the
    matrix :math:`H` (Pearlmutter 1994). All parameters together form one flat vector of length ``size``, in the order
    of the dictionary. The parameters and the model's buffers stay unchanged.

    Parameters
    ----------
    loss : callable, or sequence of callables
        Maps a dictionary of tensors, named like ``params``, to the loss, a tensor of shape (). It must compute the
        loss from that dictionary, as ``torch.func.functional_call(model, params, (inputs,))`` does. Several callables
        are added up, one at a time, so that only one graph is in memory. A single callable's graph is kept, which
        makes each product cheaper.
    params : mapping of str to Tensor
        The point, in float32 or float64, on one device.

    Attributes
    ----------
    value : float
        The loss.
    gradient : Tensor of shape (size,)
        The flat gradient.
    size : int
        Number of parameters.
    products : int
        Number of products so far.

    Raises
    ------
    TypeError
        If the loss is not callable or does not return a tensor, or ``params`` does not map names to tensors.
    ValueError
        If there are no parameters or they differ in type or device; if the loss is not one finite number, does not
        depend on the parameters it is given, or changes from call to call; or if it cannot be differentiated twice.

    Examples
    --------
    >>> H = Hessian(lambda p: p["x"] ** 2 * p["y"], {"x": torch.tensor(1.0), "y": torch.tensor(3.0)})
    >>> H @ torch.tensor([1.0, 0.0])
    tensor([6., 2.])
    """

    def __init__(self, loss: Parts, params: Params) -> None:
        self._parts = _callables(loss)
        self._leaves = _leaves(params)
        self.size = sum(leaf.numel() for leaf in self._leaves.values())
        self.products = 0
        self._kept: tuple[Tensor, ...] | None = None
        if len(self._parts) == 1:
            value, self._kept = self._graph(self._parts[0], keep=True)
            self._values, self.gradient = [value], self._flat(self._kept).detach()
            with torch.no_grad(), _tools.unchanged_buffers():
                _check_same(value, float(self._parts[0](dict(self._leaves))), self.gradient.dtype)
        else:
            self._values, self.gradient = [], torch.zeros(self.size).to(next(iter(self._leaves.values())))
            for part in self._parts:
                value, gradient = self._graph(part, keep=False)
                self._values.append(value)
                self.gradient += self._flat(gradient)
        self.value = math.fsum(self._values)

    def __matmul__(self, vector: Tensor) -> Tensor:
        """Return the Hessian times a flat vector of shape (size,)."""
        if not isinstance(vector, Tensor) or vector.shape != (self.size,):
            got = tuple(vector.shape) if isinstance(vector, Tensor) else type(vector).__name__
            raise ValueError(
                f"expected a flat vector of shape ({self.size},), got {got}: concatenate the parameters' pieces in "
                "the order of the dictionary"
            )
        leaves = list(self._leaves.values())
        split = torch.split(vector.to(self.gradient), [leaf.numel() for leaf in leaves])
        pieces = [piece.view_as(leaf) for piece, leaf in zip(split, leaves, strict=True)]
        if self._kept is not None:
            total = self._product(self._kept, pieces)
        else:
            total = torch.zeros_like(self.gradient)
            for part, before in zip(self._parts, self._values, strict=True):
                value, gradient = self._graph(part, keep=True)
                _check_same(before, value, self.gradient.dtype)
                total += self._product(gradient, pieces)
        self.products += 1
        return total

    @property
    def gradients(self) -> int:
        """Return the cost so far, in gradients of the whole loss.

        The gradient itself counts as one and each product as two. With a loss in parts, each product counts as three,
        because the graphs are built anew. The measured time is often less.
        """
        return 1 + (2 if self._kept is not None else 3) * self.products

    def dense(self) -> Tensor:
        """Return the matrix, of shape (size, size): for small models only, as each row takes one product."""
        identity = torch.eye(self.size, dtype=self.gradient.dtype, device=self.gradient.device)
        matrix = torch.stack([self @ row for row in identity])
        return (matrix + matrix.T) / 2

    def _graph(self, part: Loss, *, keep: bool) -> tuple[float, tuple[Tensor, ...]]:
        """Return the value of a part and its gradient, with the gradient's graph if ``keep``."""
        with torch.enable_grad(), _tools.unchanged_buffers():
            value = part(dict(self._leaves))
        if not isinstance(value, Tensor):
            raise TypeError(
                f"expected the loss to return a tensor, got {type(value).__name__}: compute it with torch"
            )
        if value.ndim:
            raise ValueError(
                f"expected the loss to be one number, got a tensor of shape {tuple(value.shape)}: return its sum or "
                "its mean"
            )
        if not math.isfinite(value.item()):
            raise ValueError(
                f"expected a finite loss, got {value.item()}: curvature has no meaning there; check the parameters "
                "and the data for NaN, and the step size that led here"
            )
        leaves = list(self._leaves.values())
        found: Sequence[Tensor | None] = []
        if value.requires_grad:
            found = torch.autograd.grad(value, leaves, create_graph=keep, allow_unused=True)
        if all(gradient is None for gradient in found):
            raise ValueError(
                "expected a loss that depends on the parameters it is given, got one that ignores them: compute it "
                "from them, as in lambda p: mse_loss(torch.func.functional_call(model, p, (x,)), y), without "
                ".item() and .detach()"
            )
        gradients = [torch.zeros_like(p) if g is None else g for g, p in zip(found, leaves, strict=True)]
        return value.item(), tuple(gradients)

    def _product(self, gradient: tuple[Tensor, ...], pieces: list[Tensor]) -> Tensor:
        # Where the loss is linear in a parameter, its gradient has no graph, and its rows of H are zero.
        curved = [(g, v) for g, v in zip(gradient, pieces, strict=True) if g.requires_grad]
        if not curved:
            return torch.zeros_like(self.gradient)
        outputs, vectors = zip(*curved, strict=True)
        leaves = list(self._leaves.values())
        keep = self._kept is not None
        try:
            rows = torch.autograd.grad(outputs, leaves, vectors, retain_graph=keep, materialize_grads=True)
        except RuntimeError as error:
            if "is not implemented" not in str(error):
                raise
            raise ValueError(
                f"expected a loss that torch can differentiate twice, got {str(error)!r}: for attention, evaluate "
                "the model inside `with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH)`"
            ) from error
        return self._flat(rows)

    def _flat(self, tensors: Sequence[Tensor]) -> Tensor:
        return torch.cat([t.reshape(-1) for t in tensors])


def _callables(loss: Any) -> list[Loss]:
    parts = [loss] if callable(loss) else list(loss) if isinstance(loss, Sequence) else [loss]
    for part in parts:
        if not callable(part):
            raise TypeError(
                f"expected the loss to be a function of the parameters, got {type(part).__name__}: pass a callable, "
                "such as lambda p: ..., or a list of callables that add up to it"
            )
    if not parts:
        raise ValueError("expected a loss, got an empty list: pass one callable, or the parts that add up to it")
    return parts


def _leaves(params: Params) -> dict[str, Tensor]:
    """Return the parameters, without a copy, each as a leaf of its own for autograd."""
    kinds = {(p.dtype, p.device) for p in _tools.named_tensors(params).values()}
    if len(kinds) > 1:
        raise ValueError(
            f"expected parameters of one type on one device, got {sorted(map(str, kinds))}: convert them"
        )
    dtype = next(iter(kinds))[0]
    _tools.known("type of the parameters", str(dtype), ("torch.float32", "torch.float64"))
    return {name: p.detach().requires_grad_() for name, p in params.items()}


def _check_same(first: float, second: float, dtype: torch.dtype) -> None:
    # On a GPU sums may be added in another order; dropout and shuffling change far more than that.
    if not math.isclose(first, second, rel_tol=1000 * torch.finfo(dtype).eps, abs_tol=torch.finfo(dtype).tiny):
        raise ValueError(
            f"expected the same loss for the same parameters, got {first:.8g} and then {second:.8g}: switch dropout "
            "off with model.eval(), and compute the loss on a fixed batch, without shuffling or random augmentation"
        )
