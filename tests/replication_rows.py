"""Rows of an invented sweep, whose tables can be worked out by hand."""

import math

import numpy as np

from enlib.replication import Recipe
from enlib.replication.runs import pack


def row(seed, exponential, *, lr=0.01, epochs_to_zero=10.0, errors=0, loss=0.001, test_errors=5, wrong=(), **more):
    recipe = Recipe(
        data="spheres", inner=1.0, outer=1.01, train=1000, model="fc1", epochs=100, seed=seed, lr=lr,
        exponential=exponential, lam=0.1 if exponential else 0.0, measure=more.pop("measure", "test"),
    )  # fmt: skip
    mask = np.zeros(2000, dtype=bool)
    mask[list(wrong)] = True
    result = {
        "train_size": 1000, "validation_size": 2000, "test_size": 2000, "status": "converged", "cause": None,
        "diverged_at": math.nan, "epochs_to_zero": epochs_to_zero, "updates_to_zero": 10 * epochs_to_zero,
        "first_spike": math.nan, "largest_exponent": 1.0, "fewest_train_errors": float(errors),
        "train_errors": float(errors), "train_loss": loss, "validation_errors": float(test_errors),
        "validation_loss": loss, "test_errors": float(test_errors), "test_loss": loss, "test_wrong": pack(mask),
        "noise_neuron": math.nan, "noise_unit": math.nan, "noise_layer": math.nan, "data_digest": "0" * 12,
    }  # fmt: skip
    return {**recipe.row(), **result, **more}
