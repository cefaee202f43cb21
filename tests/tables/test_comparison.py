import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from replication_rows import row
from scipy.stats import t as student

from enlib import statistics
from enlib.replication.runs import pack
from enlib.tables import (
    PLACEBO,
    TABLES,
    choose,
    generalization_table,
    pooled,
    problems,
    published,
    quality_table,
    speed,
    speed_table,
    unpack,
)
from enlib.tables.comparison import _KINDS, _retuned_p
from enlib.tables.selection import BOTH

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
    assert line["verdict"] == "worse"
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
    assert math.isnan(line["p_equivalence"])
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
    assert (line["ratio"], line["p"], line["verdict"]) == (1.0, 1.0, "equivalent")


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


@pytest.mark.parametrize(
    "base, shift, verdict", [(50, 0, "equivalent"), (50, 30, "worse"), (2000, 30, "worse, within the margin")]
)
def test_equivalence_margin_is_a_tenth_of_the_errors_and_at_least_a_tenth_of_a_point(base, shift, verdict):
    """Of 10,000: 10 errors around 50 errors, and 200 around 2000."""
    other = [base + k % 3 - 1 + shift for k in range(10)]
    (line,) = quality_table(quality_sweep([base] * 10, other)).numbers
    assert line["verdict"] == verdict
    assert line["margin"] == max(0.1, 0.001 * base)


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
    table = generalization_table(generalization_sweep(epochs_to_zero=times))
    assert [(line["seeds"], line["seeds_there"]) for line in table.numbers] == [(6, 10)]
    assert table.notes[-1].endswith("in every epoch: spheres 1/1.5, n = 5000 4 (0 without, 4 with).")
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


def trials(effect, *, seeds=10, lrs=(0.001, 0.002, 0.004, 0.008), arms=("without", "with"), **more):
    """Return rows of protocol 2; ``effect`` is the factor on the times with the neuron; 0.002 is the best rate."""
    rows = []
    for seed in range(seeds):
        for arm in arms:
            for lr in lrs:
                for order in (2, 3) if arm == "placebo" else (0, 1):
                    time = 20.0 + 3 * seed + order % 2 + 200 * abs(math.log2(lr / 0.002))
                    time *= effect if arm == "with" else 1
                    lam = {"lam": (0.01, 1.0)[order]} if arm == "with" else {}
                    made = row(seed, arm == "with", lr=lr, epochs_to_zero=time, order=order, epochs=10_000)
                    rows.append(made | lam | more)
    return rows


class TestPlacebo:
    def test_is_chosen_and_compared_by_the_same_rules(self):
        rows = trials(1.5, arms=("without", "with", "placebo"))
        (line,), (again,) = speed_table(rows).numbers, speed_table(rows, arms=PLACEBO).numbers
        assert (line["verdict"], again["verdict"]) == ("worse", "equivalent")
        assert line["trials"] == again["trials"] == 8
        assert list(speed_table(rows, arms=PLACEBO).shown[0])[3:5] == ["without", "placebo"]
        assert math.isnan(again["report_without"])
        assert speed_table(rows, arms=PLACEBO).title.endswith(": placebo against without")

    def test_its_pooled_ratio_is_one_and_stands_under_the_table(self):
        rows = trials(1.5, arms=("without", "with", "placebo"))
        assert pooled(rows, "2").estimate == pytest.approx(1.5)
        assert pooled(rows, "2", arms=PLACEBO).estimate == 1
        notes = speed_table(rows).notes
        assert any("times with / without: x1.500 [1.500, 1.500]" in note for note in notes)
        assert any("placebo / without: x1.000 [1.000, 1.000]" in note for note in notes)

    def test_beside_it_stands_the_ratio_of_the_same_rows(self):
        """All seven rows stood beside the placebo of five."""
        rows = trials(1.5, arms=("without", "with", "placebo")) + trials(1.2, problem="spheres-1.01-5000")
        notes = " ".join(speed_table(rows).notes)
        assert "times with / without, the placebo's rows: x1.500 [1.500, 1.500]" in notes
        assert "the placebo's rows" not in " ".join(speed_table(rows[: len(rows) // 2]).notes)

    def test_only_problems_that_have_one_take_part_and_nothing_is_called_missing(self):
        rows = trials(1.5, arms=("without", "with", "placebo")) + trials(1.5, problem="spheres-1.01-5000")
        table = speed_table(rows, arms=PLACEBO)
        assert [line["problem"] for line in table.numbers] == ["spheres-1.01-1000"]
        assert not any("left out" in note.lower() for note in table.notes)
        assert pooled(trials(1.5), "2", arms=PLACEBO) is None

    def test_tables_without_one_ignore_its_runs(self):
        with_it = trials(1.5, arms=("without", "with", "placebo"))
        assert speed_table(with_it).shown == speed_table(trials(1.5)).shown

    def test_an_unknown_arm(self):
        with pytest.raises(ValueError, match="expected arm to be one of without, with, placebo; got 'nothing'"):
            speed_table(trials(1.0), arms=("without", "nothing"))

    def test_null_tables_are_significant_no_more_often_than_the_level_allows(self):
        """Two hundred tables of three rows with 6, 6 and 8 seeds, and no difference between the arms.

        At the level of 5 %, more than 18 of 200 have a chance below 1 %.
        """
        rng = np.random.default_rng(0)
        table = [
            made
            for problem, seeds in (("spheres-1.01-1000", 6), ("spheres-1.01-5000", 6), ("mnist-1v7", 8))
            for made in trials(1.0, seeds=seeds, lrs=(0.001, 0.002, 0.004), arms=PLACEBO, problem=problem)
        ]
        excluded = shown = 0
        for _ in range(200):
            noise = rng.normal(0, 0.3, len(table))
            rows = [
                r | {"epochs_to_zero": r["epochs_to_zero"] * math.exp(e)} for r, e in zip(table, noise, strict=True)
            ]
            found = pooled(rows, "2", arms=PLACEBO)
            assert (found.rows, found.seeds) == (3, 8)
            excluded += not found.low <= 1 <= found.high
            shown += any(line["p_holm"] <= 0.05 for line in speed_table(rows, arms=PLACEBO).numbers)
        assert excluded <= 18
        assert shown <= 18


def test_pooled_uses_the_mean_log_ratio_of_each_seed():
    rng = np.random.default_rng(0)
    rows, logs = [], np.zeros(10)
    for problem in ("spheres-1.01-1000", "spheres-1.01-5000"):
        for seed in range(10):
            first, second = rng.integers(10, 40, 2).tolist()
            logs[seed] += math.log(second / first) / 2
            rows += [row(seed, bool(a), epochs_to_zero=float((first, second)[a]), problem=problem) for a in (0, 1)]
    found, mean, error = pooled(rows, "2"), logs.mean(), logs.std(ddof=1) / math.sqrt(10)
    half = student.ppf(0.975, 9) * error
    assert (found.estimate, found.low, found.high) == pytest.approx(np.exp([mean, mean - half, mean + half]))


def test_pooled_counts_a_run_that_never_arrived_as_its_cap_and_errors_plus_a_half():
    times = ([50.0] * 10, [math.nan] * 10)
    assert pooled(sweep(epochs_to_zero=times), "2").estimate == pytest.approx(2)
    assert pooled(quality_sweep([0] * 10, [1] * 10), "1").estimate == pytest.approx(3)
    with pytest.raises(ValueError, match="expected number to be one of 1, 2, 3; got '4'"):
        pooled(sweep(), "4")


@pytest.mark.parametrize("by", ["own", "others"])
@pytest.mark.parametrize("table", [quality_table, speed_table, generalization_table])
def test_the_order_of_rows_does_not_matter(table, by):
    """Every trial ties with another one in time, errors and loss, but their test errors differ."""
    rng = np.random.default_rng(0)
    rows = []
    for problem in ("spheres-1.01-1000", "mnist-1v7"):
        for made in trials(1.0, arms=("without", "with", "placebo"), epochs=100):
            wrong, errors = rng.integers(0, 2000, 5), int(rng.integers(0, 50))
            rows.append(
                made | row(made["seed"], made["exponential"], errors=errors % 2, wrong=wrong)
                | {name: made[name] for name in ("lr", "order", "lam")}
                | {"problem": problem, "test_errors": float(errors), "validation_errors": errors % 2}
            )  # fmt: skip
    first = table(rows, by=by)
    for _ in range(3):
        rng.shuffle(rows)
        again = table(rows, by=by)
        assert (again.text(), again.csv()) == (first.text(), first.csv())


def test_a_choice_at_an_edge_is_counted_and_leaves_the_row_undecided():
    table = speed_table(trials(1.3, lrs=(0.002, 0.004, 0.008)))
    (line,) = table.numbers
    assert [line[f"edge_{side}_{arm}"] for arm in ("without", "with") for side in ("low", "high")] == [10, 0, 10, 0]
    assert "spheres 1/1.01, n = 1000 (without: low 10, high 0; with: low 10, high 0)." in table.text()
    # At 0.004, inside the grid and shared, the arms differ the same way: the verdict stands.
    assert line["verdict"] == "worse"
    (two,) = speed_table(trials(1.3, lrs=(0.002, 0.004))).numbers
    assert two["p_holm"] < 0.05
    assert two["verdict"] == "undecided (edge)"
    (inside,) = speed_table(trials(1.3)).numbers
    assert (inside["at_edge"], inside["verdict"]) == (False, "worse")


def test_the_loss_is_tested_on_ratios_however_small():
    """Losses far below the rounding of a difference: 2e-12 against 1e-12 in every seed, and a zero in one."""
    rows = sweep(loss=([1e-12 * 4**k for k in range(10)], [0.0] + [2e-12 * 4**k for k in range(1, 10)]))
    table = quality_table(rows)
    (line,) = table.numbers
    # Nine seeds tie, up, with rank 5 each; the zero is an infinite ratio down, with rank 10. As few or fewer on one
    # side: none, one or two of the nine, or the last alone.
    assert line["p_loss_holm"] == pytest.approx(2 * (1 + 9 + 36 + 1) / 2**10)
    assert (line["direction_loss"], table.shown[0]["p of loss"]) == (1, "0.092 up")


def test_gradient_norms_are_shown_where_rows_have_them():
    assert "gradient norm" not in quality_table(sweep()).shown[0]
    (line,) = quality_table(sweep(gradient_norm=([1e-3] * 10, [2e-4] * 9 + [None]))).shown
    assert line["gradient norm"] == "1.0e-03 / ?"
    (line,) = quality_table(sweep(gradient_norm=([1e-3] * 10, [2e-4] * 10))).shown
    assert line["gradient norm"] == "1.0e-03 / 2.0e-04"


def test_held_out_errors_are_counts_and_rates_of_a_size_that_is_told():
    table = generalization_table(generalization_sweep(test_errors=([300] * 10, [20] * 10)))
    (line,) = table.shown
    assert "Ours are 2000.\n" in table.text()
    assert (line["without"], line["with"]) == ("2.0\\300 = 15 % [300, 300]", "2.0\\20 = 1 % [20, 20]")


def test_both_tests_are_adjusted_over_the_rows_of_the_table():
    rows = [
        row(s, bool(a), epochs_to_zero=40.0 + s % 3 * a) | {"problem": problem}
        for problem in list(published.SPEED)[:3] for s in range(10) for a in (0, 1)
    ]  # fmt: skip
    for line in speed_table(rows).numbers:
        for name in ("p", "p_equivalence"):
            assert line[f"{name}_holm"] == pytest.approx(min(1, 3 * line[name]))


def test_a_margin_as_large_as_the_rate_is_said_to_exclude_little():
    few, many = (quality_table(quality_sweep([errors] * 10, [errors] * 10)) for errors in (1, 100))
    assert [line["verdict"] for line in (*few.numbers, *many.numbers)] == ["equivalent"] * 2
    assert any("only a gross difference is excluded" in note for note in few.notes)
    assert not any("only a gross difference is excluded" in note for note in many.notes)


def test_a_row_of_zeros_is_at_its_floor_and_said_to_pull_the_pooled_ratio_to_one():
    table = quality_table(quality_sweep([0] * 10, [0] * 10))
    (line,) = table.numbers
    assert line["verdict"] == "floor"
    assert any("1 of these rows, at the floor, can only give 1." in note for note in table.notes)
    (line,) = quality_table(quality_sweep([0] * 10, [1] + [0] * 9)).numbers
    assert line["verdict"] == "equivalent"
    assert not any("at the floor" in note for note in quality_table(quality_sweep([0] * 10, [1] + [0] * 9)).notes)


def invented(seed, *, effect=1.0, lrs=(0.001, 0.002, 0.004, 0.008), seeds=7, problem="spheres-1.01-1000"):
    """Return a row of protocol 2 with random times, of which many tie, lie at an edge, or are never reached."""
    rng = np.random.default_rng(seed)
    curve, noise = rng.choice([0.1, 1.0, 8.0]), rng.choice([0.02, 0.1, 0.4])
    best, censored = rng.choice(lrs), rng.choice([0.0, 0.05])
    rows = []
    for made in trials(1.0, seeds=seeds, lrs=lrs, problem=problem):
        middle = 12 + curve * math.log2(made["lr"] / best) ** 2 + 0.3 * made["seed"]
        time = math.ceil(middle * math.exp(noise * rng.normal()) * (effect if made["exponential"] else 1))
        never = rng.random() < censored
        rows.append(made | {"epochs_to_zero": math.nan if never else float(time)})
    return rows


def words(rows, by="own"):
    return {line["problem"]: line["verdict"] for line in speed_table(rows, by=by).numbers}


def test_settings_tuned_on_other_seeds_tie_the_seeds_together_and_exchanges_with_a_new_tuning_keep_the_level():
    """The signed-rank test of protocol 2 takes the chosen settings for given: on about one in four of 150 rows
    without a difference it finds one. At the level of 5 %, more than 14 of 150 have a chance of 1 %.
    """
    rng, naive, tuned_anew = np.random.default_rng(0), 0, 0
    table = trials(1.0, seeds=12, lrs=(0.001, 0.002, 0.004))
    for _ in range(150):
        times = np.ceil(20 * np.exp(rng.normal(0, 0.1, len(table))))
        rows = [r | {"epochs_to_zero": float(time)} for r, time in zip(table, times, strict=True)]
        effects = statistics.log_ratios(
            *choose(rows, table[0]["problem"], speed, by="others").values("epochs_to_zero")
        )
        naive += statistics.signed_rank(effects).p <= 0.05
        tuned_anew += _retuned_p(rows, table[0]["problem"], _KINDS["2"], BOTH) <= 0.05
    assert 24 <= naive <= 52
    assert tuned_anew <= 14


@pytest.mark.parametrize("table", [quality_table, speed_table, generalization_table])
def test_the_exchange_of_arms_sees_what_is_there_and_is_told_where_settings_come_from_other_seeds(table):
    rng = np.random.default_rng(1)
    names = ("epochs_to_zero", "train_errors", "validation_errors", "test_errors")
    rows = [r | {name: float(rng.integers(5, 12) + 8 * r["exponential"]) for name in names} for r in trials(1.0)]
    (line,) = table(rows, by="others").numbers
    assert line["p_retuned"] == line["p_retuned_holm"] <= 0.01
    assert any("exchanged at random 2000 times" in note for note in table(rows, by="others").notes)
    assert "p_retuned" not in table(rows).numbers[0]
    coarse = [r for r in rows if r["lr"] > 0.001 or not r["exponential"]]  # arms that cannot change places
    assert math.isnan(_retuned_p(coarse, rows[0]["problem"], _KINDS["2"], BOTH))


RANDOM = st.integers(0, 2**32 - 1)


@given(RANDOM, st.sampled_from([1.0, 1.15, 1.4]), st.sampled_from(["own", "others"]))
@settings(max_examples=40, deadline=None)
def test_no_word_depends_on_the_names_of_seeds_and_lambdas_on_the_unit_of_rates_or_on_the_order_of_rows(
    seed, effect, by
):
    rows = invented(seed, effect=effect) + invented(seed + 1, problem="mnist-1v7")
    renamed = [r | {"seed": 90 - r["seed"], "lam": 7 * r["lam"], "lr": 2 * r["lr"]} for r in rows]
    np.random.default_rng(seed).shuffle(renamed)
    assert words(renamed, by) == words(rows, by)


@given(RANDOM, st.sampled_from([0.7, 0.9, 1.0, 1.1]), st.sampled_from([1.02, 1.1, 1.5]))
@settings(max_examples=40, deadline=None)
def test_a_slower_neuron_is_never_called_better_than_a_faster_one(seed, effect, factor):
    rank = {"better": -1, "better, within the margin": -1, "worse": 1, "worse, within the margin": 1}
    rows = invented(seed, effect=effect)
    slower = [r | {"epochs_to_zero": r["epochs_to_zero"] * (factor if r["exponential"] else 1)} for r in rows]
    (before,), (after,) = words(rows).values(), words(slower).values()
    assert rank.get(before, 0) <= rank.get(after, 0) or "edge" in before + after


@given(RANDOM, st.sampled_from([0.75, 1.0, 1.3]))
@settings(max_examples=40, deadline=None)
def test_exchanging_the_arms_mirrors_the_difference(seed, effect):
    def exchanged(r):
        arm = not r["exponential"]
        return r | {"exponential": arm, "lam": (0.01, 1.0)[r["order"]] if arm else 0.0}

    rows = invented(seed, effect=effect)
    (one,), (other,) = speed_table(rows).numbers, speed_table([exchanged(r) for r in rows]).numbers
    for name in ("", "_shared"):
        assert other[f"p{name}"] == pytest.approx(one[f"p{name}"], nan_ok=True)
        assert other[f"direction{name}"] == -one[f"direction{name}"]
    assert other["at_edge"] == one["at_edge"]


@given(RANDOM, st.sampled_from([0.75, 1.0, 1.3]), st.sampled_from(["own", "others"]))
@settings(max_examples=40, deadline=None)
def test_a_longer_grid_that_finds_nothing_better_changes_no_word_but_undecided_edge(seed, effect, by):
    rows = invented(seed, effect=effect)
    worse = [
        r | {"lr": lr, "epochs_to_zero": math.nan}
        for r in rows for inner, lr in ((0.001, 0.0005), (0.008, 0.016)) if r["lr"] == inner
    ]  # fmt: skip
    (before,), (after,) = words(rows, by).values(), words(rows + worse, by).values()
    assert after == before or before == "undecided (edge)"


@given(RANDOM, st.sampled_from([0.75, 1.0, 1.3]))
@settings(max_examples=40, deadline=None)
def test_more_rows_take_words_away_and_give_none(seed, effect):
    row = invented(seed, effect=effect)
    alone = speed_table(row).numbers[0]
    among = speed_table(row + invented(seed + 1, problem="mnist-1v7")).numbers[0]
    assert among["problem"] == alone["problem"]
    for name in ("p_holm", "p_equivalence_holm"):
        assert math.isnan(alone[name]) or among[name] >= alone[name]
