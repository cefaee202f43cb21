from dataclasses import replace

import pytest

from enlib.replication import DIGIT_RATES, HOMEWORK_RATES, LABS, TUNED_RATES, DigitRun
from enlib.replication.digits import AGAIN, compute_digits, digit_units

SMALL = DigitRun(data="digits", train=200, optimizer="sgd", lr=0.1, epochs=1, seed=0)


@pytest.mark.parametrize("profile", ["quick", "laptop"])
def test_runs_are_different_and_read_back(profile):
    runs = [run for unit in digit_units(profile) for run in unit]
    assert len({run.identity for run in runs}) == len(runs)
    assert [LABS["digits"].kind.from_row(run.row()) for run in runs] == runs


def test_an_equal_budget_for_all_and_fresh_seeds_for_the_choice():
    assert {len(rates) for rates in DIGIT_RATES.values()} == {6}
    assert [name for name, lr in HOMEWORK_RATES.items() if lr not in DIGIT_RATES[name]] == ["adagrad"]
    assert all(lr in DIGIT_RATES[name] for (name, _), lr in TUNED_RATES.items())
    runs = [run for unit in digit_units("laptop") for run in unit]
    tuning = {run.seed for run in runs if run.measure == "validation"}
    assert tuning.isdisjoint({run.seed for run in runs if run.measure != "validation"})


def test_what_begins_again_keeps_the_zeros_that_l1_left():
    unit = tuple(replace(SMALL, l1=0.02, measure="epochs", again=again) for again in AGAIN)
    rows = compute_digits(unit)
    assert [DigitRun.from_row(row) for row in rows] == list(unit)
    assert len({row["zeros"] for row in rows}) == 1
    assert rows[0]["zeros"] > 0
    assert all(len(row["trace"]) == 1 for row in rows)
    # A run does not depend on what it is computed with.
    (alone,) = compute_digits((unit[2],))
    assert alone == rows[2]


def test_a_range_test_has_a_trace_and_no_errors():
    (row,) = compute_digits((replace(SMALL, lr=1e-3, lr_end=1e-1, measure="sharpness"),))
    assert [point["lr"] for point in row["trace"]] == [0.001, 0.004642, 0.02154, 0.1]
    assert row["start_sharpness"] > 0
    assert "test_errors" not in row


def test_tuning_leaves_the_test_alone():
    (row,) = compute_digits((replace(SMALL, measure="validation"),))
    assert "test_errors" not in row
    assert row["validation_errors"] <= 297
