"""What one run does, all of it, and the hash that identifies it."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, ClassVar, TypeVar, cast

from enlib import _tools
from enlib.datasets import NAMES
from enlib.losses import LOSSES
from enlib.models import MODELS
from enlib.training import CUT, OPTIMIZERS, SCHEDULES

# Raise it whenever the same recipe comes to give another row: rows of two protocols never meet in one table.
PROTOCOL = 2

NOBODY = "0" * 16
"""The identity of a row whose ``problem`` is not that of its recipe."""


def added_later(default: Any) -> Any:
    """Declare a setting that counts only where it differs from its default: older runs keep their identity."""
    return field(default=default, metadata={"later": True})


Kind = TypeVar("Kind", bound="Description")


class Description:
    """What a `Journal` needs to know of a run: base class of `Recipe`, and of the descriptions of other studies.

    A subclass is a frozen dataclass of numbers, texts and truth values, with a ``seed`` and a ``problem``. Its fields
    are all that can change the run's numbers; a field that was `added_later` keeps the identity of older runs.
    """

    seed: int
    _choices: ClassVar[Mapping[str, Collection[str]]] = {}  # of fields that are one of some texts
    _may_be_zero: ClassVar[frozenset[str]] = frozenset({"seed"})  # all other numbers are positive

    def __post_init__(self) -> None:
        for each in self._fields():
            if (value := getattr(self, each.name)) is not each.default:
                object.__setattr__(self, each.name, _plain(each, value, zero=each.name in self._may_be_zero))
        for name, allowed in self._choices.items():
            _tools.known(name, getattr(self, name), allowed)

    @property
    def problem(self) -> str:
        """The name under which tables group this run."""
        raise NotImplementedError

    @property
    def network(self) -> str:
        """The name of the network, for lists."""
        raise NotImplementedError

    @property
    def cost(self) -> float:
        """Roughly how long the run takes, in multiplications of its training."""
        raise NotImplementedError

    @property
    def identity(self) -> str:
        """The first 64 bits of the SHA-256 of the description and the protocol, in hexadecimal."""
        text = json.dumps({"protocol": PROTOCOL, **self._settings()}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def row(self) -> dict[str, Any]:
        """Return the description as the first columns of its row."""
        return {"problem": self.problem, **self._settings()}

    @classmethod
    def sort_key(cls, row: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the key by which the rows of a table are sorted."""
        return row["problem"], row["seed"]

    @classmethod
    def from_row(cls: type[Kind], row: Mapping[str, Any]) -> Kind:
        """Return the description that a row was made from.

        Raises
        ------
        ValueError
            If a column is missing.
        """
        columns = cls._fields()
        missing = [each.name for each in columns if not each.metadata and each.name not in row]
        if missing:
            kind = cls.__name__.lower()
            raise ValueError(f"expected a row with the columns of a {kind}, got none of {', '.join(missing)}")
        # A table has no column for a later setting that none of its runs changes, and an empty cell for a run that
        # does not.
        given = {each.name: row[each.name] for each in columns if not each.metadata or row.get(each.name) is not None}
        return cls(**given)

    @classmethod
    def _fields(cls) -> tuple[Field[Any], ...]:
        return _fields_of(cast("Any", cls))

    def _settings(self) -> dict[str, Any]:
        later = self._later_settings()
        return {
            each.name: getattr(self, each.name) for each in self._fields() if not each.metadata or each.name in later
        }

    def _later_settings(self) -> set[str]:
        """The later settings that differ from their defaults."""
        return {each.name for each in self._fields() if each.metadata and getattr(self, each.name) != each.default}


@functools.cache
def _fields_of(kind: Any) -> tuple[Field[Any], ...]:
    return fields(kind)


@dataclass(frozen=True, kw_only=True)
class Recipe(Description):
    """One run: the data, the network, the optimizer and the seed; everything that can change its numbers.

    Runs that differ in ``exponential`` and ``lam`` alone are a pair: they share data, initial weights and batches.

    Parameters
    ----------
    data : str
        See `enlib.datasets.load`.
    inner, outer : float, optional
        Radii of spheres.
    shift : float, optional
        Shift of Gaussians.
    train : int, optional
        Training samples; None for images, whose splits are fixed.
    standardize : str
        As in `enlib.datasets.load`.
    model : str
        See `enlib.models.make_model`.
    exponential : bool
        Whether the network has an exponential neuron.
    lr : float
        Learning rate.
    schedule : str
        See `enlib.make_schedule`.
    lam : float
        Weight of the neuron's penalty.
    epochs : int
        Number of epochs; reaching zero errors does not end a run.
    batch_size : int or None
        Samples in a batch; None for the full batch.
    seed : int
        Of the data, the initial weights and the batch order.
    optimizer : str
        See `enlib.make_optimizer`.
    measure : {"", "noise", "test"}
        What else to keep at the end: the effect of noise on the weights, or which test samples are wrong.
    loss : str
        ``"cubic hinge"``, ``"squared hinge"`` or ``"logistic"``.
    dtype : {"float32", "float64"}
        Precision of data and network.
    clip_norm : float, optional
        Largest norm of the gradient.
    neuron_lr : float, optional
        Learning rate of the exponential neuron; None for ``lr``.
    a, w_std : float
        Initial amplitude of the neuron, and standard deviation of its initial weights.
    weight_scale : float
        Factor of the network's initial weights and biases.
    max_exponent : float, optional
        Where the neuron's exponent is cut off.
    order : int
        Number of the batch order: another one is the same setting tried again, a placebo.
    watch : int
        Updates between measurements of the curvature, from which the run gets a trace; 0 measures nothing.
    cut : {"", "neuron", "amplitude", "exponent", "others"}
        Whose learning rate is divided by ten during the run: nobody's, the neuron's, that of its a or of its w and b
        alone, or that of all other parameters.
    cut_at : int
        After which update; 0 for when a watched run first crosses its limit of stability.
    width : float
        Factor of the number of units in each hidden layer of ``fc1``.
    stacked : bool
        Whether a small network is trained in one stack with others, which rounds differently from training it alone.

    Raises
    ------
    ValueError
        If a number is negative or not finite, a setting needs a neuron that is not there, or a stack cannot have it.
    TypeError
        If a value is of another type.

    Examples
    --------
    >>> recipe = Recipe(data="digits-1v7", model="fc1", lr=0.01, epochs=10, seed=0)
    >>> recipe.problem, len(recipe.identity)
    ('digits-1v7', 16)
    >>> Recipe.from_row({**recipe.row(), "train_errors": 0.0}) == recipe
    True
    """

    data: str
    inner: float | None = None
    outer: float | None = None
    shift: float | None = None
    train: int | None = None
    standardize: str = "default"
    model: str
    exponential: bool = False
    lr: float
    schedule: str = "constant"
    lam: float = 0.0
    epochs: int
    batch_size: int | None = 100
    seed: int
    optimizer: str = "adam"
    measure: str = ""
    # Declare new settings with `added_later`, or every stored run loses its identity.
    loss: str = added_later("cubic hinge")
    dtype: str = added_later("float32")
    clip_norm: float | None = added_later(None)
    neuron_lr: float | None = added_later(None)
    a: float = added_later(0.01)
    w_std: float = added_later(0.01)
    weight_scale: float = added_later(1.0)
    max_exponent: float | None = added_later(None)
    order: int = added_later(0)
    watch: int = added_later(0)
    cut: str = added_later("")
    cut_at: int = added_later(0)
    width: float = added_later(1.0)
    stacked: bool = added_later(True)

    _choices: ClassVar[Mapping[str, Collection[str]]] = {
        "data": NAMES,
        "model": tuple(MODELS),
        "schedule": SCHEDULES,
        "optimizer": OPTIMIZERS,
        "measure": ("", "noise", "test"),
        "loss": tuple(LOSSES),
        "dtype": ("float32", "float64"),
        "cut": ("", *CUT),
    }
    _may_be_zero = frozenset({"seed", "order", "watch", "cut_at", "lam", "a", "w_std"})

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.train is None and self.data in ("spheres", "gaussians"):
            raise ValueError(f"expected the number of training samples of {self.data}, got train=None: pass train")
        for name in {"spheres": ("inner", "outer"), "gaussians": ("shift",)}.get(self.data, ()):
            if getattr(self, name) is None:
                raise ValueError(f"expected {name} for {self.data}, got none: pass it")
        later = self._later_settings()
        own = later & {"neuron_lr", "a", "w_std", "max_exponent", "cut"} | ({"lam"} if self.lam else set())
        for name in sorted(own):
            if not self.exponential:
                raise ValueError(
                    f"expected exponential=True for {name}={getattr(self, name)}, got a network without the neuron: "
                    f"leave {name} out"
                )
        if self.cut and not (self.cut_at or self.watch):
            raise ValueError(f"expected watch or cut_at for cut={self.cut!r}, got neither: a cut needs its time")
        if self.cut_at and not self.cut:
            raise ValueError(f"expected cut for cut_at={self.cut_at}, got none: say whose learning rate is cut")
        if self.width != 1 and self.model != "fc1":
            raise ValueError(f"expected width=1 for {self.model}, got {self.width:g}: only fc1 has other widths")
        if self.measure == "noise" and self.model != "fc1":
            raise ValueError(f"expected model='fc1' for measure='noise', got {self.model!r}: it has no sigmoid units")
        if not self.stacked and self.model != "fc1":
            raise ValueError(f"expected stacked=True for {self.model}, which is never stacked, got False: omit it")
        alone = sorted(later & {"loss", "dtype", "clip_norm", "max_exponent", "watch", "cut", "width"})
        if self.stacked and self.model == "fc1" and alone:
            raise ValueError(
                f"expected stacked=False for {alone[0]}={getattr(self, alone[0])!r}, which a stack cannot do, got "
                "stacked=True: pass stacked=False"
            )

    @property
    def problem(self) -> str:
        """The name under which tables group this run, of data set, size, standardization and optimizer."""
        shape = [f"{number:g}" for number in (self.outer, self.shift) if number is not None]
        size = [] if self.train is None else [str(self.train)]
        how = [] if self.standardize == "default" else [self.standardize]
        by = [] if self.optimizer == "adam" else [self.optimizer]
        return "-".join([self.data, *shape, *size, *how, *by])

    @classmethod
    def sort_key(cls, row: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the key by which the rows of a table are sorted: arm by arm, each by its learning rates."""
        settings = row["exponential"], row["schedule"], row["lr"], row["lam"]
        return *super().sort_key(row), *settings, str(row.get("order")), str(row.get("batch_size"))

    @property
    def data_options(self) -> dict[str, Any]:
        """The arguments of `enlib.datasets.load`."""
        radii = None if self.inner is None else (self.inner, self.outer)
        given = {"radii": radii, "shift": self.shift, "train": self.train}
        return {"standardize": self.standardize} | {name: v for name, v in given.items() if v is not None}

    @property
    def network(self) -> str:
        """The name of the network, for lists."""
        return self.model

    @property
    def cost(self) -> float:
        """Roughly how long the run takes, in multiplications of its training."""
        each = {"fc1": 6.5e3, "fc2": 5.9e6, "conv": 1.1e7}
        sizes = {"mnist-1v7": 13_000, "cifar10-0v1": 2_000, "digits-1v7": 217}
        return self.epochs * (self.train or sizes[self.data]) * each[self.model]


def identify(row: Mapping[str, Any], kind: type[Description] = Recipe) -> str:
    """Return the identity of the recipe of a row, or zeros if its ``problem`` is not that of its recipe.

    Parameters
    ----------
    row : dict
    kind : type
        `Recipe`, or another `Description`.

    Raises
    ------
    ValueError
        If a column is missing, or holds what no recipe can.
    """
    recipe = kind.from_row(row)
    return recipe.identity if row.get("problem") == recipe.problem else NOBODY


def _plain(each: Field[Any], value: Any, *, zero: bool) -> Any:
    """Return a setting as a plain value of its declared type: 1 and 1.0 are equal, but their texts are not."""
    declared = each.type.__name__ if isinstance(each.type, type) else str(each.type)
    kind, _, optional = declared.partition(" | ")
    if value is None and optional:
        return None
    if kind == "int":
        return _tools.count(each.name, value, least=0 if zero else 1)
    if kind == "float":
        return (_tools.non_negative if zero else _tools.positive)(each.name, value) + 0.0  # no -0.0: another text
    if not isinstance(value, {"bool": bool, "str": str}[kind]):
        raise TypeError(f"expected {each.name} of type {kind}, got {value!r}: see Recipe")
    return value
