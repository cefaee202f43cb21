import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from replication_rows import row

from enlib import statistics
from enlib.replication.runs import pack
from enlib.tables import (
    TABLES,
    finding,
    generalization_table,
    problems,
    published,
    quality_table,
    speed_table,
    unpack,
)

RNG = np.random.default_rng(0)
WITHOUT = RNG.integers(15, 25, 10).astype(float)
WITH = WITHOUT + RNG.integers(1, 6, 10)


def sweep(**columns):
    """Return ten pairs, a trial in each arm; a column is a pair of sequences, without and with the neuron."""
    return [
        row(seed, bool(arm), **{name: values[arm][seed] for name, values in columns.items()})
        for seed in range(10)
        for arm in (0, 1)
    ]


def test_speed_is_the_report_beside_medians_ratio_test_and_equivalence():
    (line,) = speed_table(sweep(epochs_to_zero=(WITHOUT, WITH))).numbers
    assert (line["report_without"], line["report_with"]) == published.SPEED["spheres-1.01-1000"]
    assert (line["without"], line["with"]) == (np.median(WITHOUT), np.median(WITH))
    assert (line["with_low"], line["with_high"]) == (WITH.min(), WITH.max())
    ratio = statistics.paired_ratio(WITHOUT, WITH)
    assert (line["ratio"], line["ratio_low"], line["ratio_high"]) == (ratio.estimate, ratio.low, ratio.high)
    assert line["p"] == line["p_holm"] == pytest.approx(2 / 2**10)  # all ten the same way
    assert line["equivalent"] == "not shown"
    assert (line["seeds"], line["trials"]) == (10, 1)


def test_speed_keeps_censored_seeds_and_marks_them():
    late = WITH.copy()
    late[:2] = math.nan
    table = speed_table(sweep(epochs_to_zero=(WITHOUT, late)))
    (line,) = table.numbers
    assert (line["without_reached"], line["with_reached"]) == (10, 8)
    assert line["with"] == np.median(np.where(np.isnan(late), np.inf, late))
    assert table.shown[0]["with"].endswith("> 100]")
    assert "*" in table.shown[0]["with"]
    assert line["equivalent"] == "not testable"
    assert line["p"] == pytest.approx(2 / 2**10)


def test_p_values_are_adjusted_over_the_rows_of_a_table():
    rows = [
        row(s, bool(a), epochs_to_zero=20.0 + s + 5 * a) | {"problem": problem}
        for problem in ("spheres-1.01-1000", "spheres-1.01-5000") for s in range(10) for a in (0, 1)
    ]  # fmt: skip
    assert [line["p_holm"] for line in speed_table(rows).numbers] == [2 * 2 / 2**10] * 2


@pytest.mark.parametrize(
    "table, own",
    [
        (speed_table, lambda good: {"epochs_to_zero": 20.0 if good else 30.0}),
        (quality_table, lambda good: {"errors": 20 if good else 30}),
        (
            generalization_table,
            lambda good: {"validation_errors": 20.0 if good else 30.0, "test_errors": 20 if good else 30},
        ),
    ],
)
def test_by_reaches_the_choice(table, own):
    """Trial 1 is the best on seeds 1 to 3, and trial 0 on seed 0 alone."""
    rows = [
        row(s, a, lr=0.01 * (k + 1), **own((k == 0) == (s == 0)))
        for s in range(4) for a in (False, True) for k in (0, 1)
    ]  # fmt: skip
    assert [table(rows, by=by).numbers[0]["without_high"] for by in ("own", "others")] == [20, 30]


def test_one_censored_pair_each_way_does_not_hide_the_direction():
    times = np.linspace(40, 60, 20)
    slower = times * np.linspace(1.2, 1.6, 20)
    times[3] = slower[5] = math.nan
    found = statistics.paired_ratio(times, slower, cap=100)
    assert 1.2 < found.estimate < 1.6
    assert statistics.signed_rank(statistics.log_ratios(times, slower)).direction == 1


def test_a_loss_that_overflowed_is_worse_than_any_number():
    rows = sweep(train_loss=([1.0] * 10, [2.0] * 9 + [math.inf]))
    (line,) = quality_table(rows).numbers
    assert line["p_loss"] == pytest.approx(2 / 2**10)


def test_speed_when_nobody_gets_there():
    never = np.full(10, math.nan)
    table = speed_table(sweep(epochs_to_zero=(never, never)))
    assert table.shown[0]["without"] == "> 100* [> 100, > 100]"
    assert "nan" not in table.text().lower()


def test_speed_when_all_are_equal():
    (line,) = speed_table(sweep(epochs_to_zero=(WITHOUT, WITHOUT))).numbers
    assert (line["ratio"], line["p"], line["equivalent"]) == (1.0, 1.0, "equivalent")


def quality_sweep(without, with_neuron):
    rows = sweep(errors=(without, with_neuron), loss=(np.array(without) / 500, np.array(with_neuron) / 500))
    for r in rows:  # a row of Table 1
        r |= {"problem": "spheres-1.01-10000", "train": 10000, "train_size": 10000}
    return rows


def test_quality_sums_the_loss_and_compares_error_rates_in_points():
    without, with_neuron = list(range(10)), [2 * k for k in range(10)]
    table = quality_table(quality_sweep(without, with_neuron))
    (line,) = table.numbers
    assert (line["loss_without"], line["loss_with"]) == (
        pytest.approx(4.5 / 500 * 10000),
        pytest.approx(9 / 500 * 10000),
    )
    rates = [np.array(errors) / 100 for errors in (without, with_neuron)]
    assert line["difference"] == pytest.approx(statistics.paired_difference(*rates).estimate)
    assert (line["clean_without"], line["clean_with"]) == (1, 1)
    assert table.shown[0]["report"] == "0.000\\0 / 0.000\\0"
    assert table.shown[0]["without"] == "90.0\\4.5 [0, 9]"


def test_equivalence_margin_is_in_percentage_points():
    base = [50] * 10
    near, far = ([50 + k % 3 + shift for k in range(10)] for shift in (0, 30))
    assert quality_table(quality_sweep(base, near)).numbers[0]["equivalent"] == "equivalent"
    assert quality_table(quality_sweep(base, far)).numbers[0]["equivalent"] == "not shown"


def generalization_sweep(**columns):
    rows = sweep(**columns)
    for r in rows:
        r |= {"problem": "spheres-1.5-5000", "outer": 1.5, "train": 5000}
    return rows


def test_generalization_counts_the_samples_that_are_wrong_in_one_arm_alone():
    wrong = ([(1, 2, 3)] * 10, [(3, 4)] * 10)
    (line,) = generalization_table(generalization_sweep(wrong=wrong, test_errors=([3] * 10, [2] * 10))).numbers
    assert (line["only_without"], line["only_with"]) == (20, 10)
    assert line["difference"] == pytest.approx(-0.05)


def test_generalization_leaves_out_seeds_that_were_not_learned():
    times = ([10.0] * 10, [math.nan] * 4 + [10.0] * 6)
    (line,) = generalization_table(generalization_sweep(epochs_to_zero=times)).numbers
    assert (line["seeds"], line["seeds_there"]) == (6, 10)
    nobody = generalization_table(generalization_sweep(epochs_to_zero=([math.nan] * 10, [10.0] * 10)))
    assert nobody.numbers == []
    left_out = "Left out, as no seed has zero training errors in both arms: spheres 1/1.5, n = 5000."
    assert nobody.notes[-1] == nobody.text().splitlines()[-1] == left_out


def test_rows_are_those_of_the_report_or_all():
    rows = sweep()
    assert problems(rows, published.SPEED) == ["spheres-1.01-1000"]
    assert problems(rows, published.QUALITY) == ["spheres-1.01-1000"]
    assert problems([*rows, row(0, True, problem="mnist-1v7")], published.QUALITY) == ["mnist-1v7"]
    momentum = [row(0, True, problem="spheres-1.01-1000-momentum", optimizer="momentum")]
    assert problems(momentum, published.SPEED) == []


@pytest.mark.parametrize("name", TABLES)
def test_every_table_can_be_printed_from_a_sweep_of_three_seeds(name):
    rows = [r for r in sweep(epochs_to_zero=(WITHOUT, WITH)) if r["seed"] < 3]
    rows += [{**r, "measure": "noise", "noise_unit": 1.5} for r in rows]
    table = TABLES[name](rows)
    assert table.name
    assert table.text()
    assert "nan" not in table.text()


@pytest.mark.parametrize(
    "line, word",
    [
        ({"p_equivalence": 0.01, "p_holm": 0.001, "direction": 1}, "equivalent"),
        ({"p_equivalence": 0.9, "p_holm": 0.01, "direction": 1, "ratio": math.nan}, "worse"),
        ({"p_equivalence": 0.9, "p_holm": 0.01, "direction": -1, "difference": 0.0}, "better"),
        ({"p_equivalence": 0.9, "p_holm": 0.2, "direction": 1}, "undecided"),
        ({"p_equivalence": math.nan, "p_holm": math.nan, "direction": 0}, "undecided"),
    ],
)
def test_findings(line, word):
    assert finding(line) == word


@given(st.lists(st.booleans(), min_size=1, max_size=50))
def test_unpack_returns_what_was_packed(wrong):
    assert unpack(pack(np.array(wrong)), len(wrong)).tolist() == wrong


@pytest.mark.parametrize("text", [None, 3, "", "not base 85: ~", "c-mV4005x?p"])
def test_what_cannot_be_unpacked(text):
    with pytest.raises(ValueError, match="expected packed samples, got"):
        unpack(text, 3)


def test_samples_of_a_split_of_another_size():
    with pytest.raises(ValueError, match="expected 100 samples, got 1 bytes"):
        unpack(pack(np.array([True, False, True])), 100)
