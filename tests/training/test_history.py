import math

import pytest

from enlib import History
from enlib.training.history import why_diverged


def history(errors, **arguments):
    rows = [{"epoch": k, "update": 10 * k, "train_errors": count} for k, count in enumerate(errors)]
    given = {"batch_loss": [], "cause": "", "update": 10 * len(errors), "exponent": math.nan, **arguments}
    return History.from_rows(rows, **given)


def test_first_time_without_errors():
    run = history([5, 2, 0, 1, 0])
    assert (run.status, run.epochs_to_zero_errors, run.updates_to_zero_errors) == ("converged", 2, 20)


def test_never_reached_is_nan():
    run = history([5, 2, 1])
    assert run.status == "capped"
    assert math.isnan(run.epochs_to_zero_errors)
    assert math.isnan(run.updates_to_zero_errors)
    assert math.isnan(run.diverged_at)


def test_a_run_that_diverged_after_zero_errors_has_both():
    run = history([5, 0], cause="batch loss is inf", update=13, batch_loss=[1.0, math.inf], exponent=40.0)
    assert (run.status, run.diverged_at, run.epochs_to_zero_errors) == ("diverged", 13, 1)
    assert (run.largest_exponent_seen, run.batch_loss.tolist()) == (40.0, [1.0, math.inf])


def test_a_missing_column_is_nan():
    assert all(math.isnan(value) for value in history([1, 0]).validation_loss)


@pytest.mark.parametrize(
    "value, cause",
    [(1e6, ""), (-1.0, ""), (1e7, "loss 1e+07 exceeds 1e+06"), (math.inf, "loss is inf"), (math.nan, "loss is nan")],
)
def test_what_diverges(value, cause):
    assert why_diverged("loss", value) == cause
