import itertools
import math

import numpy as np
import pytest
from replication_rows import row

from enlib.replication import WITH, Recipe
from enlib.statistics import mcnemar, wilson
from enlib.tables import (
    cure_table,
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


def test_only_step_sizes_of_both_arms_are_compared(tuned, stability):
    [line] = explosion_table(tuned + stability).shown
    assert line["problem"] == "spheres 1/1.5, n = 200"
    assert line["spikes, without"] == percent(wilson(0, 6))
    assert line["diverges, with"] == percent(wilson(12, 12))
    assert float(line["p"]) == pytest.approx(2 / 2**6, rel=0.05)


def test_moments_by_step_size(tuned):
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
    assert lines["spheres, as they are"]["exponential neuron"] == "2"
    assert lines["spheres, as they are"]["loss, neuron noisy"] == "0.002"
    assert lines["gaussians, one by one"]["layer of 50"] == "-"


def test_what_standardized_inputs_change(stability):
    lines = standardization_table(stability).shown
    assert [line["inputs"] for line in lines] == ["spheres, together"] * 2 + ["gaussians, together"] * 2
    assert (lines[0]["only before"], lines[0]["only after"], lines[0]["p"]) == ("0", "6", "0.031")
    assert lines[0]["end without an error"] == "6, then 6 of 6"


def test_cures_seed_by_seed():
    outcomes = {WITH: [1, 1, 1, 0], "cure": [0, 0, 0, 1], "water": [1, 1, 1, 0]}
    trials = [
        {"condition": name, "lr": 0.03, "seed": seed, "first_spike": 5.0 if spiked else NEVER, "status": "capped"}
        for name, runs in outcomes.items() for seed, spiked in enumerate(runs)
    ]  # fmt: skip
    table = cure_table(trials, 0.03)
    assert [(line["saved"], line["new"], line["left"]) for line in table.numbers] == [(3, 1, 1), (0, 0, 3)]
    assert table.numbers[0]["p"] == mcnemar(3, 1).p
    assert table.shown[0]["saved"] == f"3 of 3: {percent(wilson(3, 3))}"


def test_a_cure_after_which_a_run_diverges_did_not_save_it():
    trials = [
        {"condition": name, "lr": 0.03, "seed": 0, "first_spike": NEVER, "status": "diverged"}
        for name in (WITH, "a tenth of the step size")
    ]
    table = cure_table(trials, 0.03)
    assert (table.numbers[0]["saved"], table.numbers[0]["left"]) == (0, 1)
    assert table.numbers[0]["cure"] == "a tenth of the step size"
    assert table.shown[0]["cure"] == "a tenth of the step size, neuron only"


def test_where_no_run_spikes_none_is_saved():
    trials = np.array(
        [(name, 0.01, seed, np.nan, "converged") for name in (WITH, "cure") for seed in range(3)],
        dtype=[("condition", "U20"), ("lr", float), ("seed", int), ("first_spike", float), ("status", "U20")],
    )
    [line] = cure_table(trials, 0.01).shown
    assert line["saved"] == "none"


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


def test_step_sizes_and_schedules_are_rows_of_their_own():
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


@pytest.mark.parametrize(
    "change, message",
    [
        ({"lr": 0.5}, "expected trials at learning rate 0.5, got none: choose one of 0.03"),
        ({"extra": 7}, "a trial 'with the neuron' for every seed, got none for seed 7 of 'cure'"),
    ],
)
def test_remedies_that_cannot_be_compared(change, message):
    what = {"lr": 0.03, "first_spike": NEVER, "status": "capped"}
    trials = [{"condition": name, "seed": seed, **what} for name in (WITH, "cure") for seed in range(3)]
    trials += [{"condition": "cure", "seed": seed, **what} for seed in [change.pop("extra", 2)] if seed > 2]
    with pytest.raises(ValueError, match=message):
        cure_table(trials, **({"lr": 0.03} | change))


def test_no_heading_ends_in_a_space():
    rows = [row(0, arm, measure="noise") for arm in (False, True)]
    headings = list(stability_table(rows).shown[0])
    assert headings[-4:] == ["spiked, without", "spiked, with", "diverged, without", "diverged, with"]
