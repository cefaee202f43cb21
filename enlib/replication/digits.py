"""The study of the digit classifier: its runs, and how they are made."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from enlib import _tools
from enlib.datasets import load_digits
from enlib.models import digit_net
from enlib.replication.recipe import Description
from enlib.replication.runs import digest, pack
from enlib.replication.tidy import Row
from enlib.training import DIGIT_OPTIMIZERS, DigitTraining, digit_errors, scaled_sharpness, train_digits

AGAIN = ("", "kept", "rewound", "redrawn", "shuffled")
HOMEWORK_RATES = {"sgd": 0.025, "momentum": 0.025, "adagrad": 0.25, "adam": 0.001}
"""The homework's learning rates."""
DIGIT_RATES = {
    "sgd": tuple(0.025 * 2**step for step in range(6)),
    "momentum": tuple(0.025 * 2**step for step in range(6)),
    "adagrad": tuple(0.25 / 2**step for step in range(7, 1, -1)),
    "adam": tuple(0.001 * 2.0**step for step in range(-2, 4)),
}
"""Six learning rates for each optimizer; AdaGrad trained at neither of 0.125 and 0.25."""
TUNED_RATES: dict[tuple[str, bool], float] = {
    ("sgd", False): 0.1,
    ("sgd", True): 0.4,
    ("momentum", False): 0.1,
    ("adagrad", False): 0.0078125,
    ("adam", False): 0.004,
    ("adam", True): 0.001,
}
"""The learning rate of each optimizer, without and with batch normalization, with the fewest validation errors.

The runs with these rates are part of the table, so they cannot be read from it; ``tests/test_committed_results.py``
chooses them again from the tuning runs in ``results/digits.csv``.
"""


@dataclass(frozen=True, kw_only=True)
class DigitRun(Description):
    """One training of `enlib.models.digit_net`; see `enlib.training.train_digits` for what is not said here.

    Parameters
    ----------
    data : {"mnist", "digits"}
        See `enlib.datasets.load_digits`.
    train : int
        Number of training images.
    measure : {"", "validation", "epochs", "sharpness"}
        ``"validation"`` leaves the test alone; the others keep validation errors after each epoch, or the sharpness
        times the learning rate.
    again : {"", "kept", "rewound", "redrawn", "shuffled"}
        What is trained a second time, without L1, after a training with L1 has set weights to zero, which stay zero:
        nothing; what that training left; the initial weights; other initial weights; the initial weights with as
        many zeros a layer at random places.
    """

    data: str = "mnist"
    train: int
    optimizer: str
    lr: float
    lr_end: float | None = None
    epochs: int
    seed: int
    batch_size: int = 50
    batch_norm: bool = False
    dropout: float = 0.4
    weight_decay: float = 0.0
    l1: float = 0.0
    proximal: bool = True
    measure: str = ""
    again: str = ""
    _choices = {"optimizer": DIGIT_OPTIMIZERS, "measure": ("", "validation", "epochs", "sharpness"), "again": AGAIN}  # noqa: RUF012
    _may_be_zero = frozenset({"seed", "dropout", "weight_decay", "l1"})

    @property
    def problem(self) -> str:
        """The name under which tables group this run."""
        what = ["range"] * (self.lr_end is not None) + ["l1"] * (self.l1 > 0)
        return "-".join([self.data, str(self.train), self.optimizer, *what])

    @property
    def network(self) -> str:
        """The name of the network, for lists."""
        return "norm" if self.batch_norm else "plain"

    @property
    def cost(self) -> float:
        """Roughly how long the run takes, in multiplications of its training."""
        return 3.5e6 * self.epochs * self.train


def digit_units(profile: str) -> list[tuple[DigitRun, ...]]:
    """Return the units of the study; runs after one training with L1 are one unit.

    Parameters
    ----------
    profile : {"quick", "laptop"}
        Quick: the bundled digits, two seeds, in seconds. Laptop: MNIST, in about 20 minutes of one core.
    """
    quick = _tools.known("profile", profile, ("quick", "laptop")) == "quick"
    groups: dict[DigitRun, dict[DigitRun, None]] = {}  # in order; quick, two runs may be one
    for run in _runs(range(2, 3) if quick else range(2, 10), tuning=range(1) if quick else range(2)):
        if quick:
            run = replace(run, data="digits", train=min(run.train // 6, 1000), epochs=min(run.epochs, 2))
        groups.setdefault(replace(run, again=""), {})[run] = None
    return [tuple(group) for group in groups.values()]


def _runs(seeds: range, tuning: range) -> Iterator[DigitRun]:
    plain: dict[str, Any] = {"train": 3000, "epochs": 5}
    for seed in tuning:
        for name, rates in DIGIT_RATES.items():
            for norm in (False, True) if name in ("sgd", "adam") else (False,):
                yield from (
                    DigitRun(**plain, optimizer=name, lr=lr, batch_norm=norm, seed=seed, measure="validation")
                    for lr in rates
                )
    for seed in seeds:
        for (name, norm), lr in TUNED_RATES.items():
            measure = "sharpness" if seed in seeds[:5] else ""
            yield DigitRun(**plain, optimizer=name, lr=lr, batch_norm=norm, seed=seed, measure=measure)
        for name, lr in HOMEWORK_RATES.items():
            for norm in (False, True) if name == "adam" else (False,):
                if TUNED_RATES.get((name, norm)) != lr:
                    yield DigitRun(**plain, optimizer=name, lr=lr, batch_norm=norm, seed=seed)
        for name in HOMEWORK_RATES if seed in seeds[:5] else ():
            for norm in (False, True) if name in ("sgd", "adam") else (False,):
                ends: dict[str, Any] = {"lr": 1e-5, "lr_end": 1.0} if name == "adam" else {"lr": 1e-3, "lr_end": 10.0}
                measure = "sharpness" if name == "sgd" else ""
                yield DigitRun(
                    train=5000, epochs=1, optimizer=name, **ends, batch_norm=norm, seed=seed, measure=measure
                )
    for seed in seeds[:5]:
        sgd: dict[str, Any] = {**plain, "optimizer": "sgd", "lr": 0.1, "measure": "epochs", "seed": seed}
        yield from (DigitRun(**sgd, l1=l1) for l1 in (1e-6, 3e-4))
        yield from (DigitRun(**sgd, l1=3e-3, again=again) for again in AGAIN)
        yield DigitRun(**sgd, l1=3e-3, proximal=False)
    for seed in range(20, 20 + len(seeds[:5])):  # after all others: sweeps go by seed
        for epochs in (4, 20):
            yield DigitRun(
                train=55_000, epochs=epochs, optimizer="sgd", lr=0.022, weight_decay=5e-4, seed=seed, measure="epochs"
            )


def compute_digits(unit: tuple[DigitRun, ...], device: str = "cpu") -> list[Row]:
    """Return the rows of all runs of a unit, in its order; the ``trace`` has the epochs, or the range test.

    Parameters
    ----------
    unit : tuple of DigitRun
        See `digit_units`.
    device : str
        See `enlib._tools.resolve_device`.
    """
    where = _tools.resolve_device(device)
    first: nn.Module | None = None  # what the training with L1 left
    rows = []
    for run in sorted(unit, key=lambda run: AGAIN.index(run.again)):
        splits = [(x.to(where), y.to(where)) for x, y in _splits(run.data, run.train)]
        start = _network(run, run.seed).to(where)
        masks = None
        if run.again:
            first = first if first is not None else _trained(replace(run, again=""), splits)[0]
            masks = {name: w.detach() != 0 for name, w in first.named_parameters() if w.ndim > 1}
            if run.again == "kept":
                start.load_state_dict(first.state_dict())
            elif run.again == "redrawn":
                start = _network(run, _tools.stream(run.seed, "redrawn")).to(where)
            elif run.again == "shuffled":
                draw = _tools.generator(run.seed, "shuffled")
                masks = {
                    n: m.flatten()[torch.randperm(m.numel(), generator=draw)].view_as(m) for n, m in masks.items()
                }
        net, _, row = _trained(run, splits, start, masks)
        first = net if not run.again else first
        if run.again:
            assert first is not None
            row["barrier"] = _barrier(first, net, _some(splits[0]))
        rows.append(row)
    return [next(row for row in rows if DigitRun.from_row(row) == run) for run in unit]


def _trained(
    run: DigitRun,
    splits: list[tuple[Tensor, Tensor]],
    net: nn.Module | None = None,
    masks: dict[str, Tensor] | None = None,
) -> tuple[nn.Module, DigitTraining, Row]:
    train, validation, test = splits
    net = _network(run, run.seed).to(train[0].device) if net is None else net
    row: Row = run.row()
    if run.lr_end is not None and run.measure == "sharpness":
        row["start_sharpness"] = _sharpness(net, torch.optim.SGD(net.parameters(), 1.0), train)
    how = train_digits(
        net,
        train,
        optimizer=run.optimizer,
        lr=run.lr,
        epochs=run.epochs,
        seed=run.seed,
        batch_size=run.batch_size,
        lr_end=run.lr_end,
        weight_decay=run.weight_decay,
        l1=0.0 if run.again else run.l1,
        proximal=run.proximal,
        masks=masks,
        validation=validation if run.measure == "epochs" else None,
    )
    updates = math.ceil(run.train / run.batch_size)
    row |= {
        "status": "diverged" if how.diverged else "capped",
        "last_loss": float(np.mean(how.batch_loss[-updates:])),
    }
    if run.lr_end is not None:
        points = zip(how.lr, how.batch_loss, strict=True)
        row["trace"] = [{"lr": float(f"{lr:.4g}"), "loss": float(f"{loss:.4g}")} for lr, loss in points]
        return net, how, row | {"data_digest": _digest(run.data, run.train)}
    weights = torch.cat([w.detach().flatten() for w in net.parameters() if w.ndim > 1])
    row |= {
        "validation_errors": int(digit_errors(net, validation).sum()),
        "zeros": float((weights == 0).double().mean()),
        "small": float((weights.abs() < 1e-3).double().mean()),
        "data_digest": _digest(run.data, run.train),
    }
    if run.measure != "validation":
        wrong = digit_errors(net, test).cpu().numpy()
        row |= {"test_errors": int(wrong.sum()), "test_wrong": pack(wrong)}
    if run.measure == "sharpness" and not how.diverged:
        row["sharpness"] = _sharpness(net, how.optimizer, train)
    if run.measure == "epochs":
        row["trace"] = [{"epoch": epoch, "errors": errors} for epoch, errors in enumerate(how.errors, 1)]
    return net, how, row


def _network(run: DigitRun, seed: int) -> nn.Module:
    side = {"mnist": 28, "digits": 8}[run.data]
    net = digit_net(side, seed=seed, dropout=run.dropout, batch_norm=run.batch_norm)
    return net.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


@functools.lru_cache(maxsize=2)
def _splits(data: str, train: int) -> list[tuple[Tensor, Tensor]]:
    return load_digits(data, train=train, validation=2500 if data == "mnist" else 297)


@functools.lru_cache(maxsize=2)
def _digest(data: str, train: int) -> str:
    return digest(_splits(data, train))


def _some(examples: tuple[Tensor, Tensor], count: int = 500) -> tuple[Tensor, Tensor]:
    """Return about ``count`` of the examples, evenly spaced: the classes stand one after the other."""
    every = max(1, len(examples[1]) // count)
    return examples[0][::every], examples[1][::every]


def _sharpness(net: nn.Module, optimizer: torch.optim.Optimizer, train: tuple[Tensor, Tensor]) -> float:
    """Return the sharpness, scaled by the learning rates, without dropout; normalization by these images."""
    x, y = _some(train)
    buffers = {name: buffer.clone() for name, buffer in net.named_buffers()}
    net.train()
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.eval()

    def loss(params: dict[str, Tensor]) -> Tensor:
        own = {name: buffer.clone() for name, buffer in buffers.items()}
        return F.cross_entropy(functional_call(net, (params, own), (x,)), y)

    return scaled_sharpness(net, optimizer, loss).value


@torch.no_grad()
def _barrier(a: nn.Module, b: nn.Module, examples: tuple[Tensor, Tensor]) -> float:
    """Return how far the loss on the straight line between two networks rises above the line between their losses."""
    x, y = examples
    ends, losses = (dict(a.named_parameters()), dict(b.named_parameters())), []
    at = np.linspace(0, 1, 11)
    a.eval()
    for t in at:
        point = {name: (1 - t) * ends[0][name] + t * ends[1][name] for name in ends[0]}
        losses.append(float(F.cross_entropy(functional_call(a, point, (x,)), y)))
    return float(np.max(np.array(losses) - (1 - at) * losses[0] - at * losses[-1]))
