import math

import numpy as np

from enlib import History


def history(errors, status="converged"):
    n = len(errors)
    column = np.zeros(n)
    return History(
        status=status,
        cause="",
        diverged_at=math.nan,
        exponent_at_end=math.nan,
        epoch=np.arange(n, dtype=float),
        update=10.0 * np.arange(n),
        train_errors=np.array(errors, dtype=float),
        **dict.fromkeys(
            (
                "train_loss",
                "validation_loss",
                "validation_errors",
                "penalty",
                "learning_rate",
                "largest_exponent",
            ),
            column,
        ),
        batch_loss=np.zeros(0),
    )


def test_first_time_without_errors():
    run = history([5, 2, 0, 1, 0])
    assert (run.epochs_to_zero_errors, run.updates_to_zero_errors) == (2, 20)


def test_never_reached_is_nan():
    run = history([5, 2, 1], "capped")
    assert math.isnan(run.epochs_to_zero_errors)
    assert math.isnan(run.updates_to_zero_errors)
