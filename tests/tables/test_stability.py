import itertools
import math

import pytest
from replication_rows import row

from enlib.replication import WITH, Recipe
from enlib.statistics import mcnemar, stratified_exact, wilson
from enlib.tables import (
    condition_table,
    crossing_table,
    explosion_table,
    moment_table,
    noise_table,
    percent,
    stability_table,
    standardization_table,
    trained_noise_table,
)

NEVER = math.nan
DONE = {"train_size": 200, "train_errors": 0.0, "train_loss": 1e-3}


def run(seed, *, spike=NEVER, end=NEVER, noise=NEVER, **recipe):
    shape = {"shift": 0.5} if recipe["data"] == "gaussians" else {"inner": 1.0, "outer": 1.5}
    row = Recipe(model="fc1", epochs=10, train=200, seed=seed, **shape | recipe).row()
    noises = {f"noise_{place}": noise for place in ("neuron", "unit", "layer")}
    status = "converged" if math.isnan(end) else "diverged"
    return row | DONE | {"first_spike": spike, "diverged_at": end, "status": status, **noises}


@pytest.fixture
def tuned():
    arms = [{"exponential": False, "lr": 0.01}, {"exponential": False, "lr": 0.02}]
    arms += [{"exponential": True, "lr": 0.02, "lam": lam} for lam in (0.1, 1.0)]
    return [
        run(seed, data="spheres", inner=1.0, outer=1.5, end=(2.0 if arm["exponential"] else NEVER), **arm)
        for seed in range(6) for arm in arms
    ]  # fmt: skip


@pytest.fixture
def stability():
    rows = []
    for seed, standardize, data in itertools.product(range(6), ("none", "global"), ("spheres", "gaussians")):
        spike = 3.0 if standardize == "global" else NEVER
        how = {"data": data, "standardize": standardize, "measure": "noise", "lr": 0.01}
        rows.append(run(seed, exponential=True, lam=0.1, spike=spike, noise=2.0, **how))
        rows.append(run(seed, **how))
    return rows


def test_only_learning_rates_of_both_arms_are_compared(tuned, stability):
    [line] = explosion_table(tuned + stability).shown
    assert line["problem"] == "spheres 1/1.5, n = 200"
    assert line["spikes, without"] == percent(wilson(0, 6))
    assert line["diverges, with"] == percent(wilson(12, 12))
    assert float(line["p"]) == pytest.approx(2 / 2**6, rel=0.05)


def test_moments_by_learning_rate(tuned):
    tuned[2]["first_spike"] = 1.0
    tuned[3] |= {"first_spike": 15.0, "diverged_at": NEVER, "status": "converged"}
    [line] = moment_table(tuned).shown
    parts = line["first tenth"], line["first half, rest"], line["second half"]
    assert line["runs"] == "12"
    assert parts == ("1", "10", "1")


def test_noise_on_networks_that_learned(stability):
    stability[0] |= {"train_errors": 3.0, "noise_neuron": 1e9}
    lines = {line["inputs"]: line for line in trained_noise_table(stability).shown}
    assert lines["spheres, as they are"]["without an error"] == "5 of 6"
    assert lines["spheres, as they are"]["neuron"] == "2"
    assert lines["spheres, as they are"]["loss, neuron noisy"] == "0.002"
    assert lines["gaussians, one by one"]["layer of 50"] == "-"


def test_what_standardized_inputs_change(stability):
    lines = standardization_table(stability).shown
    assert [line["inputs"] for line in lines] == ["spheres, together"] * 2 + ["gaussians, together"] * 2
    assert (lines[0]["only before / after"], lines[0]["p"]) == ("0 / 6", "0.031")
    assert lines[0]["end without an error"] == "6, then 6 of 6"


def study(outcomes, lr=0.03):
    """Rows of a study: for each condition the update of each seed's spike, and perhaps that of its crossing."""
    return [
        {
            "condition": name, "at": lr, "seed": seed, "first_spike": spike, "first_crossing": crossing,
            "diverged_at": NEVER, "status": "capped", "epochs_to_zero": 10.0 + seed if math.isnan(spike) else NEVER,
            "updates_to_zero": 100.0 + 10 * seed if math.isnan(spike) else NEVER, "epochs": 25, "train_size": 1000,
            "batch_size": 100,
        }
        for name, runs in outcomes.items()
        for seed, (spike, crossing) in enumerate(run if isinstance(run, tuple) else (run, NEVER) for run in runs)
    ]  # fmt: skip


def test_conditions_seed_by_seed():
    outcomes = {
        WITH: [5.0, 5.0, 5.0, NEVER],
        "lambda 0": [NEVER, NEVER, NEVER, 5.0],
        "float64": [5.0, 5.0, 5.0, NEVER],
        "neuron cut at a random time": [NEVER] * 4,
    }
    table = condition_table(study(outcomes), "causes")
    kept = [(line["condition"], line["prevented"], line["new"], line["spikes"]) for line in table.numbers]
    assert kept == [("lambda 0", 3, 1, 1), ("float64", 0, 0, 3), ("neuron cut at a random time", 3, 0, 0)]
    assert table.numbers[0]["p"] == mcnemar(3, 1).p
    # Only the comparisons that the protocol names are adjusted.
    assert table.numbers[0]["holm"] == min(1, 2 * mcnemar(3, 1).p)
    assert (table.numbers[2]["p"], table.shown[2]["p (Holm)"]) == (0.25, "0.250")
    assert table.shown[0]["p (Holm)"] == "0.625 (1.000)"
    assert table.shown[0]["condition"] == "lambda = 0"
    assert table.shown[0]["spikes, in %"] == f"1 of 4, {percent(wilson(1, 4))}"
    assert table.shown[0]["epochs"] == "11.5 (1 never)"
    assert condition_table(study(outcomes), "remedies").numbers == []


def test_a_condition_that_learns_before_the_others_spike_has_not_prevented_their_spikes():
    """With the full batch, 28 of 30 runs had learned all samples before most of the plain runs spiked."""
    late = study({WITH: [150.0, 160.0, 170.0, 180.0], "full batch": [NEVER] * 4})
    (line,) = condition_table(late, "causes").numbers
    assert (line["prevented"], line["while_errors_are_left"]) == (4, 0)
    assert (line["expected"], line["p_while_errors_are_left"]) == (0, 1)
    early = study({WITH: [50.0, 60.0, 70.0, 80.0], "full batch": [NEVER] * 4})
    (line,) = condition_table(early, "causes").numbers
    strata = [[[0, 4], [1, left]] for left in (3, 2, 1, 0)]
    assert line["expected"] == pytest.approx(4 / 8 + 4 / 7 + 4 / 6 + 4 / 5)
    assert line["p_while_errors_are_left"] == pytest.approx(stratified_exact(strata).p)


def test_a_remedy_after_which_a_run_diverges_did_not_prevent_anything():
    rows = [each | {"status": "diverged"} for each in study({WITH: [NEVER], "cosine schedule": [NEVER]})]
    (line,) = condition_table(rows, "remedies").numbers
    assert (line["prevented"], line["spikes"], line["low"] <= 0 <= line["high"]) == (0, 1, True)


def test_the_cut_and_its_placebo_are_compared_where_the_plain_run_crosses_before_it_spikes():
    outcomes = {
        WITH: [(50.0, 40.0), (50.0, 50.0), (NEVER, 30.0), (NEVER, NEVER)],
        "neuron cut at the crossing": [NEVER] * 4,
        "others cut at the crossing": [50.0] * 4,
    }
    lines = condition_table(study(outcomes), "causes").numbers
    (between,) = [line for line in lines if line["against"] != WITH]
    assert (between["runs"], between["prevented"]) == (2, 2)


def test_a_crossing_counts_only_before_the_spike():
    first = study({WITH: [(50.0, 40.0), (50.0, 50.0), (NEVER, 30.0), (NEVER, NEVER)]})
    second = study({WITH: [(50.0, 49.0), (NEVER, NEVER), (NEVER, NEVER), (50.0, NEVER)]}, lr=0.02)
    table = crossing_table(first + second)
    counts = [list(line.values())[1:5] for line in table.shown]
    assert counts == [["1", "0", "1", "2"], ["1", "1", "1", "1"], ["2", "1", "2", "3"]]
    assert table.numbers[0] == {
        "spiked": 4, "after_a_crossing": 2, "p": stratified_exact([[[1, 0], [1, 2]], [[1, 1], [1, 1]]]).p,
    }  # fmt: skip
    with pytest.raises(ValueError, match="expected runs of the condition 'with the neuron', got none"):
        crossing_table(study({"lambda 0": [NEVER]}))


def test_without_runs_the_tables_are_empty():
    for table in (stability_table, noise_table, explosion_table, moment_table, standardization_table):
        assert table([]).shown == []


def test_shares_count_every_run_of_a_cell():
    rows = [
        row(seed, arm, measure="noise", first_spike=40.0 if arm and seed < 7 else math.nan,
            status="diverged" if arm and seed < 2 else "capped")
        for seed in range(10) for arm in (False, True)
    ]  # fmt: skip
    (line,) = stability_table(rows).numbers
    assert (line["spiked_without"], line["spiked_with"], line["diverged_with"]) == (0.0, 0.7, 0.2)
    share = wilson(7, 10)
    assert (line["spiked_with_low"], line["spiked_with_high"]) == (share.low, share.high)
    assert stability_table(rows).shown[0]["spiked, with"] == f"70 [{100 * share.low:.0f}, {100 * share.high:.0f}]"


def test_a_run_that_diverged_has_spiked_even_if_no_batch_was_seen_to():
    rows = [row(0, arm, measure="noise", status="diverged" if arm else "capped") for arm in (False, True)]
    (line,) = stability_table(rows).numbers
    assert (line["spiked_with"], line["diverged_with"], line["spiked_without"]) == (1.0, 1.0, 0.0)


def test_runs_of_other_tables_have_no_part_in_it():
    assert stability_table([row(0, True), row(0, False)]).numbers == []


def test_learning_rates_and_schedules_are_rows_of_their_own():
    rows = [
        row(0, arm, measure="noise", lr=lr, schedule=schedule)
        for arm in (False, True) for lr in (0.1, 0.01) for schedule in ("cosine", "constant")
    ]  # fmt: skip
    found = [(line["schedule"], line["lr"]) for line in stability_table(rows).numbers]
    assert found == [("constant", 0.01), ("constant", 0.1), ("cosine", 0.01), ("cosine", 0.1)]


def test_noise_is_summed_up_by_quartiles_and_what_was_not_measured_is_left_out():
    rows = [row(seed, True, measure="noise", noise_neuron=float(seed), noise_unit=1.0) for seed in range(1, 10)]
    rows += [row(seed, arm, measure="noise", **more) for seed, arm, more in (
        (10, True, {}), (10, False, {"noise_layer": math.inf}),
        (11, True, {"status": "diverged"}), (11, False, {"noise_layer": 7.0}),
    )]  # fmt: skip
    lines = {(line["where"], line["exponential"]): line for line in noise_table(rows).numbers}
    neuron = lines["exponential neuron", True]
    assert (neuron["runs"], neuron["median"], neuron["quarter"], neuron["three_quarters"]) == (9, 5.0, 3.0, 7.0)
    assert lines["layer of 50", False]["median"] == math.inf
    assert ("layer of 50", True) not in lines


def test_conditions_that_cannot_be_compared():
    rows = study({WITH: [NEVER] * 3, "float64": [NEVER] * 4})
    with pytest.raises(ValueError, match="a run 'with the neuron' for every seed, got none for seed 3 of 'float64'"):
        condition_table(rows, "causes")
    with pytest.raises(ValueError, match="expected family to be one of causes, remedies"):
        condition_table(rows, "cures")


def test_no_heading_ends_in_a_space():
    rows = [row(0, arm, measure="noise") for arm in (False, True)]
    headings = list(stability_table(rows).shown[0])
    assert headings[-4:] == ["spiked, without", "spiked, with", "diverged, without", "diverged, with"]
