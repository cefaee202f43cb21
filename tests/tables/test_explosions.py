import itertools
import math

import numpy as np
import pytest
from enlib.replication.studies import WITH

from enlib.replication import Recipe
from enlib.statistics import mcnemar, wilson
from enlib.tables import explosions
from enlib.tables.counting import percent

NEVER = math.nan
DONE = {"train_size": 200, "train_errors": 0.0, "train_loss": 1e-3}


def run(seed, *, spike=NEVER, end=NEVER, noise=NEVER, **recipe):
    row = Recipe(model="fc1", epochs=10, train=200, seed=seed, **recipe).row()
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
    [line] = explosions.explosion_table(tuned + stability).shown
    assert line["problem"] == "spheres 1/1.5, n = 200"
    assert line["spikes, without"] == percent(wilson(0, 6))
    assert line["diverges, with"] == percent(wilson(12, 12))
    assert float(line["p"]) == pytest.approx(2 / 2**6, rel=0.05)


def test_moments_by_step_size(tuned):
    tuned[2]["first_spike"] = 1.0
    tuned[3] |= {"first_spike": 15.0, "diverged_at": NEVER, "status": "converged"}
    [line] = explosions.moment_table(tuned).numbers
    parts = line["first tenth"], line["first half, rest"], line["second half"]
    assert line["runs"] == 12
    assert parts == (1, 10, 1)


def test_noise_on_networks_that_learned(stability):
    stability[0] |= {"train_errors": 3.0, "noise_neuron": 1e9}
    lines = {line["inputs"]: line for line in explosions.trained_noise_table(stability).shown}
    assert lines["spheres, as they are"]["without an error"] == "5 of 6"
    assert lines["spheres, as they are"]["exponential neuron"] == "2"
    assert lines["spheres, as they are"]["loss, neuron noisy"] == "0.002"
    assert lines["gaussians, one by one"]["layer of 50"] == "-"


def test_what_standardized_inputs_change(stability):
    lines = explosions.standardization_table(stability).shown
    assert [line["inputs"] for line in lines] == ["spheres, together"] * 2 + ["gaussians, together"] * 2
    assert (lines[0]["only before"], lines[0]["only after"], lines[0]["p"]) == ("0", "6", "0.031")
    assert lines[0]["end without an error"] == "6, then 6 of 6"


def test_cures_seed_by_seed():
    outcomes = {WITH: [1, 1, 1, 0], "cure": [0, 0, 0, 1], "water": [1, 1, 1, 0]}
    trials = [
        {"condition": name, "lr": 0.03, "seed": seed, "first_spike": 5.0 if spiked else NEVER, "status": "capped"}
        for name, runs in outcomes.items() for seed, spiked in enumerate(runs)
    ]  # fmt: skip
    table = explosions.cure_table(trials, 0.03)
    assert [(line["saved"], line["new"], line["left"]) for line in table.numbers] == [(3, 1, 1), (0, 0, 3)]
    assert table.numbers[0]["p"] == mcnemar(3, 1).p
    assert table.shown[0]["saved"] == f"3 of 3: {percent(wilson(3, 3))}"


def test_a_cure_after_which_a_run_diverges_did_not_save_it():
    trials = [
        {"condition": name, "lr": 0.03, "seed": 0, "first_spike": NEVER, "status": "diverged"}
        for name in (WITH, "a tenth of the step size")
    ]
    table = explosions.cure_table(trials, 0.03)
    assert (table.numbers[0]["saved"], table.numbers[0]["left"]) == (0, 1)
    assert table.numbers[0]["cure"] == "a tenth of the step size"
    assert table.shown[0]["cure"] == "a tenth of the step size, neuron only"


def test_where_nobody_is_ill_nobody_is_saved():
    trials = np.array(
        [(name, 0.01, seed, np.nan, "converged") for name in (WITH, "cure") for seed in range(3)],
        dtype=[("condition", "U20"), ("lr", float), ("seed", int), ("first_spike", float), ("status", "U20")],
    )
    [line] = explosions.cure_table(trials, 0.01).shown
    assert line["saved"] == "none"


def test_without_runs_the_tables_are_empty():
    for table in (explosions.explosion_table, explosions.moment_table, explosions.standardization_table):
        assert table([]).shown == []
