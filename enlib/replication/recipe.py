"""What one run of the sweep does, all of it; and by its hash, who it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

# To be raised whenever the same recipe comes to give another row: rows of two protocols never meet in one journal.
PROTOCOL = 1


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One run: the data, the network, the arm, the optimizer and the seed.

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
        See `enlib.make_model`.
    exponential : bool
        Whether there is an exponential neuron.
    lr, schedule, lam
        As in `enlib.fit`; the schedule by its name.
    epochs : int
        All of them are made, whether or not zero errors were reached before.
    batch_size : int
    seed : int
    optimizer : str
        See `enlib.make_optimizer`.
    measure : {"", "noise", "test"}
        What else to keep at the end: what noise on the weights does, or which test samples are wrong.

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
    batch_size: int = 100
    seed: int
    optimizer: str = "adam"
    measure: str = ""

    def __post_init__(self) -> None:
        # 1 and 1.0 are equal, but not their texts, of which the identity is made.
        for name in ("inner", "outer", "shift", "lr", "lam"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, float(getattr(self, name)))

    @property
    def problem(self) -> str:
        """The data set in one word, such as ``spheres-1.01-10000``."""
        shape = [f"{number:g}" for number in (self.outer, self.shift) if number is not None]
        size = [] if self.train is None else [str(self.train)]
        how = [] if self.standardize == "default" else [self.standardize]
        by = [] if self.optimizer == "adam" else [self.optimizer]
        return "-".join([self.data, *shape, *size, *how, *by])

    @property
    def data_options(self) -> dict[str, Any]:
        """The arguments of `enlib.datasets.load`."""
        options: dict[str, Any] = {"standardize": self.standardize}
        if self.inner is not None:
            options["radii"] = (self.inner, self.outer)
        given = {"shift": self.shift, "train": self.train}
        return options | {name: value for name, value in given.items() if value is not None}

    @property
    def identity(self) -> str:
        """The first 64 bits of the SHA-256 of the recipe and the protocol, in hexadecimal."""
        text = json.dumps({"protocol": PROTOCOL, **asdict(self)}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def row(self) -> dict[str, Any]:
        """Return the recipe as the first columns of its row."""
        return {"problem": self.problem, **asdict(self)}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Recipe:
        """Return the recipe that a row was made by.

        Raises
        ------
        ValueError
            If a column is missing.
        """
        missing = [field.name for field in fields(cls) if field.name not in row]
        if missing:
            raise ValueError(
                f"expected a row with the columns of a recipe, got none of {', '.join(missing)}: take a whole row"
            )
        return cls(**{field.name: row[field.name] for field in fields(cls)})


def identify(row: Mapping[str, Any]) -> str:
    """Return the identity of the recipe of a row; a ``problem`` that is another one changes it."""
    recipe = Recipe.from_row(row)
    return recipe.identity if row.get("problem") == recipe.problem else "0" * 16
