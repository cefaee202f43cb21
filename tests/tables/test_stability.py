import math

from replication_rows import row

from enlib import statistics
from enlib.tables import noise_table, stability_table


def test_shares_count_every_run_of_a_cell():
    rows = [
        row(seed, arm, measure="noise", first_spike=40.0 if arm and seed < 7 else math.nan,
            status="diverged" if arm and seed < 2 else "capped")
        for seed in range(10) for arm in (False, True)
    ]  # fmt: skip
    (line,) = stability_table(rows).numbers
    assert (line["spiked_without"], line["spiked_with"], line["diverged_with"]) == (0.0, 0.7, 0.2)
    share = statistics.wilson(7, 10)
    assert (line["spiked_with_low"], line["spiked_with_high"]) == (share.low, share.high)
    assert stability_table(rows).shown[0]["with"] == f"70 [{100 * share.low:.0f}, {100 * share.high:.0f}]"


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


def test_empty():
    assert noise_table([]).numbers == stability_table([]).numbers == []
