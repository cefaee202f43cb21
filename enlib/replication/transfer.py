"""Transfer: a residual network learns eight classes of CIFAR-10, and then the other two from few or many samples."""

from __future__ import annotations

import copy
import functools
import itertools
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from enlib import _tools
from enlib.datasets import AUGMENTATIONS, cifar10_images
from enlib.losses import wrong
from enlib.models import ResidualNet
from enlib.replication.journal import Runs
from enlib.replication.recipe import Description
from enlib.replication.tidy import Row
from enlib.training import (
    BATCH,
    UPDATES,
    drifted,
    features,
    head_sharpness,
    learn_classes,
    net_sharpness,
    refitted,
    tune,
    with_new_head,
)

SOURCE = "source"
SIZES = (20, 1500)  # 750 samples of each class for each of six seeds, none of them twice
VALIDATION = 500  # of each class, the last ones
EPSILONS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)  # of 255
_SEEDS, _EPOCHS = 6, 10
_AUGMENTED = ("crop and flip", "none")


@dataclass(frozen=True)
class Arm:
    """What is trained, the head alone or all; whether batch normalization goes on measuring; and what was learned.

    ``first`` says where its learning rates begin, as a power of four, with few samples and with many.
    """

    trained: str
    moving: bool
    learned: bool
    first: tuple[int, int]

    def lrs(self, samples: int) -> tuple[float, ...]:
        """Return the five learning rates that are tried with so many samples, each four times the one before."""
        first = self.first[SIZES.index(samples)]
        return tuple(4.0**power for power in range(first, first + 5))


ARMS = {
    "last": Arm("last", False, True, (-4, -2)),
    "last, statistics move": Arm("last", True, True, (-4, -2)),
    "last, random body": Arm("last", False, False, (0, 0)),
    "all": Arm("all", False, True, (-6, -4)),
    "all, statistics move": Arm("all", True, True, (-5, -3)),
    "all, from scratch": Arm("all", True, False, (-5, -3)),
}


@dataclass(frozen=True, kw_only=True)
class Transfer(Description):
    """One run: eight classes of CIFAR-10, or a transfer from them to the other two, airplanes and automobiles.

    Parameters
    ----------
    seed : int
        Of the initial weights, the batch order and the augmentation; and which samples of the two classes.
    arm : str
        ``"source"`` for the eight classes, or one of `ARMS`.
    augment : str
        How the images of the eight classes were augmented: one of `AUGMENTATIONS`.
    samples : int
        Training samples: 8,000 of the eight classes, or so many of the two.
    lr : float
        Learning rate at the start; it falls to zero like half a cosine.
    """

    seed: int
    arm: str = SOURCE
    augment: str = "crop and flip"
    samples: int = 8000
    lr: float = 0.1

    _choices: ClassVar[Mapping[str, Collection[str]]] = {"arm": (SOURCE, *ARMS), "augment": AUGMENTATIONS}

    @property
    def problem(self) -> str:
        """The name under which tables group this run."""
        return f"cifar10-eight, {self.augment}" if self.arm == SOURCE else f"cifar10-0v1, {self.samples}"

    @property
    def network(self) -> str:
        """The name of the network, for lists."""
        return "residual"

    @property
    def cost(self) -> float:
        """Roughly how long the run takes: images seen."""
        return float(_EPOCHS * self.samples if self.arm == SOURCE else UPDATES * min(BATCH, self.samples))


def transfer_units(profile: str) -> list[Runs]:
    """Return the units of the study: each a network that learns the eight classes, and its transfers.

    ``quick`` has two seeds, only crops with flips, 20 samples, and three of the five learning rates.
    """
    quick = profile == "quick"
    found: list[Runs] = []
    for seed in range(2 if quick else _SEEDS):
        for augment in _AUGMENTED[: 1 if quick else None]:
            runs = [Transfer(seed=seed, augment=augment)]
            if augment == _AUGMENTED[0]:
                each = itertools.product(SIZES[: 1 if quick else None], ARMS.items())
                runs += [
                    Transfer(seed=seed, arm=name, samples=samples, lr=lr)
                    for samples, (name, arm) in each
                    for lr in arm.lrs(samples)[:: 2 if quick else 1]
                ]
            found.append(tuple(runs))
    return found


def under_attack(net: nn.Module, inputs: Tensor, labels: Tensor, *, scale: float, seed: int) -> list[Row]:
    """Return errors and mean losses by epsilon, moved along the gradient's signs or along random signs.

    Parameters
    ----------
    net : nn.Module
        Maps inputs to one output for each class.
    inputs, labels : Tensor of shape (n, ...) and (n,)
    scale : float
        What a step of one between black and white is in the inputs.
    seed : int
        Of the random signs.
    """
    net.eval()
    slopes = torch.cat(
        [_slopes(net, *part) for part in zip(torch.split(inputs, 200), torch.split(labels, 200), strict=True)]
    )
    random = torch.randn(inputs.shape, generator=_tools.generator(seed, "random signs"))
    start = _judged(net, inputs, labels)
    rows: list[Row] = []
    for epsilon in EPSILONS:
        step = scale * epsilon / 255
        row: Row = {"epsilon": epsilon, "first_order": start[1] + step * float(slopes.abs().sum()) / len(inputs)}
        for name, direction in (("attack", slopes), ("random", random)):
            row[f"{name}_errors"], row[f"{name}_loss"] = _judged(net, inputs + step * direction.sign(), labels)
        rows.append(row)
    return rows


def _slopes(net: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
    at = inputs.clone().requires_grad_()
    return torch.autograd.grad(cross_entropy(net(at), labels, reduction="sum"), at)[0]


@torch.no_grad()
def _judged(net: nn.Module, inputs: Tensor, labels: Tensor) -> tuple[float, float]:
    outputs = torch.cat([net(part) for part in torch.split(inputs, 500)])
    return float((outputs.argmax(1) != labels).sum()), float(cross_entropy(outputs, labels))


def compute_transfer(unit: tuple[Transfer, ...], device: str = "cpu") -> list[Row]:
    """Return the rows of a unit, on the CPU; that of the eight classes has a trace with the effect of attacks."""
    if len({(run.seed, run.augment) for run in unit}) > 1:
        raise ValueError("expected runs of one seed and one augmentation, got several: see transfer_units")
    first, images = unit[0], _images()
    learned = _untrained(first.seed)
    learn_classes(learned, *images["source"], augment=first.augment, seed=first.seed, epochs=_EPOCHS)
    starts: Starts = {}
    return [
        run.row() | (_source_row(run, learned, images) if run.arm == SOURCE else _target_row(run, learned, starts))
        for run in unit
    ]


def _untrained(seed: int) -> ResidualNet:
    return ResidualNet(3, 8, seed=seed).to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _source_row(run: Transfer, net: ResidualNet, images: dict[str, tuple[Tensor, Tensor]]) -> Row:
    inputs, labels = images["source test"]
    errors = {"train_errors": _judged(net, *images["source"])[0], "test_errors": _judged(net, inputs, labels)[0]}
    return errors | {"trace": under_attack(net, inputs, labels, scale=_SCALE, seed=run.seed)}


Starts = dict[tuple[bool, str, int], Row]  # what was measured before training, by what it depends on


def _target_row(run: Transfer, learned: ResidualNet, starts: Starts) -> Row:
    arm, images = ARMS[run.arm], _images()
    start = with_new_head(learned if arm.learned else _untrained(run.seed), train=arm.trained)
    rows = slice(run.seed * SIZES[-1] // 2, run.seed * SIZES[-1] // 2 + run.samples // 2)
    inputs, targets = (torch.cat([part[rows] for part in each.chunk(2)]) for each in images["train"])

    def refit(body: ResidualNet) -> float:
        return _errors(refitted(body, inputs, targets), *images["test"])

    if (key := (arm.learned, arm.trained, run.samples)) not in starts:
        if arm.trained == "last":
            starts[key] = {"sharpness": head_sharpness(features(start, inputs))}
        else:  # from scratch, nobody asks for the sharpness
            starts[key] = {"sharpness": net_sharpness(start, inputs, targets) if arm.learned else math.nan}
    net = copy.deepcopy(start)
    tune(net, inputs, targets, lr=run.lr, moving=arm.moving, seed=run.seed)
    row: Row = {"sharpness": starts[key]["sharpness"], "train_errors": _errors(net, inputs, targets)}
    row |= {f"{name}_errors": _errors(net, *images[name]) for name in ("validation", "test")}
    if run.arm == "all":
        first, before = (next(each.body.parameters()).detach() for each in (net, start))
        each = (first - before).flatten(1).norm(dim=1) / before.flatten(1).norm(dim=1)
        row |= {"filters_moved": float(each.median()), "filter_moved_most": float(each.max())}
        bodies = {"after": net, "drifted": drifted(start, net, _tools.generator(run.seed, "random drift"))}
        if torch.stack([features(body, inputs).abs().max() for body in bodies.values()]).max() < _DIVERGED:
            if "before_test_errors" not in starts[key]:
                starts[key]["before_test_errors"] = refit(start)
            row["before_test_errors"] = starts[key]["before_test_errors"]
            row |= {f"{name}_test_errors": refit(body) for name, body in bodies.items()}
    return row


@torch.no_grad()
def _errors(net: ResidualNet, inputs: Tensor, targets: Tensor) -> float:
    return float(wrong(torch.cat([net(part) for part in torch.split(inputs, 500)]), targets).sum())


_DIVERGED = 1e6  # features that no head can be fitted to
_SCALE = 4.0  # pixels from 0 to 1 become inputs from -2 to 2


@functools.lru_cache(maxsize=1)
def _images() -> dict[str, tuple[Tensor, Tensor]]:
    """Return inputs and labels by what they are for; those of two classes have the first one's half first."""
    pools = cifar10_images()
    used = {
        "source": pools["train"][2:],
        "source test": pools["test"][2:],
        "train": [images[:-VALIDATION] for images in pools["train"][:2]],
        "validation": [images[-VALIDATION:] for images in pools["train"][:2]],
        "test": pools["test"][:2],
    }
    signs = torch.tensor([-1.0, 1.0])
    return {
        name: (
            _SCALE * (torch.cat(classes) / 255 - 0.5),
            (torch.arange(8) if len(classes) == 8 else signs).repeat_interleave(len(classes[0])),
        )
        for name, classes in used.items()
    }
