import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enlib.search import (
    GridSearch,
    Hyperband,
    RandomSearch,
    Space,
    SuccessiveHalving,
    Table,
    hyperband_brackets,
    replay,
)

SPACE = Space(lr=("log", 0.01, 1.0), scale=("linear", 0.0, 1.0))


def random_table(budgets=(1, 3, 9), seeds=3):
    return Table(SPACE, budgets, np.random.default_rng(0).random((seeds, 5, 4, len(budgets))))


def test_a_setting_gets_the_value_of_the_nearest_point():
    table = random_table()
    for i, lr in enumerate((0.01, 0.0316, 0.1, 0.316, 1.0)):
        for j, scale in enumerate((0, 0.3333, 0.6667, 1)):
            for factor, shift in ((1.0, 0.0), (1.7, 0.16), (0.6, -0.16)):
                setting = {"lr": min(max(lr * factor, 0.01), 1), "scale": min(max(scale + shift, 0), 1)}
                assert table.value(setting, 9, seed=2) == table.values[2, i, j, 2]
    with pytest.raises(ValueError, match="expected a budget among"):
        table.value({"lr": 0.1, "scale": 0.0}, 2, seed=0)


def test_a_choice_is_judged_by_the_seeds_that_did_not_make_it():
    table = random_table()
    others = table.values[[0, 2], :, :, -1].mean(axis=0)
    assert table.regret({"lr": 0.1, "scale": 1.0}, seed=1) == pytest.approx(others[2, 3] - others.min())


@given(st.integers(1, 40), st.integers(2, 4), st.sets(st.integers(1, 50), min_size=1, max_size=4))
def test_a_resumed_halving_pays_for_the_epochs_that_are_new(trials, eta, budgets):
    budgets = sorted(budgets)
    rungs = [(max(1, trials // eta**i), budget) for i, budget in enumerate(budgets)]
    new = [budget - before for budget, before in zip(budgets, [0, *budgets], strict=False)]
    resumed = sum(number * more for (number, _), more in zip(rungs, new, strict=True))
    restarted = sum(number * budget for number, budget in rungs)
    searcher = SuccessiveHalving(SPACE, budgets=budgets, seed=0, trials=trials, eta=eta)
    made = replay(searcher, random_table(budgets), cost=resumed, seed=0)
    assert (made.resumed[-1], made.restarted[-1], len(made.values)) == (resumed, restarted, sum(n for n, _ in rungs))


def test_eight_settings_cost_34_epochs_resumed_and_58_restarted():
    searcher = SuccessiveHalving(SPACE, budgets=(2, 4, 8, 10), seed=0, trials=8, eta=2)
    made = replay(searcher, random_table((2, 4, 8, 10)), cost=34, seed=0)
    assert (made.resumed[-1], made.restarted[-1]) == (34, 58)
    assert made.budgets.tolist() == [2] * 8 + [4] * 4 + [8] * 2 + [10]


def test_a_round_of_hyperband_costs_its_brackets():
    budgets = (1, 3, 9)
    rungs = [rung for bracket in hyperband_brackets(9) for rung in bracket]
    made = replay(Hyperband(SPACE, budget=9, seed=0), random_table(budgets), cost=10_000, seed=0)
    assert made.restarted[sum(n for n, _ in rungs) - 1] == sum(n * r for n, r in rungs)


def test_what_is_trained_again_is_paid_again():
    class Stubborn(RandomSearch):
        def tell(self, setting, budget, value):
            pass  # and so it asks the same again

    made = replay(Stubborn(SPACE, budget=9, seed=0), random_table(), cost=30, seed=0)
    assert made.resumed.tolist() == made.restarted.tolist() == [9, 18, 27]


def test_random_search_regrets_what_the_closed_form_expects():
    table = random_table()
    flat = table.values[:, :, :, -1].reshape(3, -1)
    others = (flat.sum(axis=0) - flat[0]) / 2
    # Settings on the edge of the grid are nearest to half a cell.
    share = np.outer([1, 2, 2, 2, 1], [1, 2, 2, 1]).ravel()
    order = np.argsort(flat[0])
    # The best of k is the i-th in this order if all are there or later, and not all later.
    later = 1 - np.cumsum(share[order]) / share.sum()
    k = np.arange(1, 8)[:, None]
    chances = np.concatenate([[1.0], later[:-1]]) ** k - later.clip(0) ** k
    expected = chances @ (others - others.min())[order]
    costs = 9 * np.arange(1, 8)
    replays = [replay(RandomSearch(SPACE, budget=9, seed=s), table, cost=63, seed=0).at(costs) for s in range(600)]
    spread = np.std(replays, axis=0) / math.sqrt(600)
    assert (abs(np.mean(replays, axis=0) - expected) < 4 * spread + 0.002).all()


def test_the_choice_has_the_largest_budget_and_then_the_smallest_value():
    table = random_table()
    made = replay(Hyperband(SPACE, budget=9, seed=1), table, cost=100, seed=0)
    for n in range(1, len(made.values) + 1):
        _, _, chosen = min((-made.budgets[i], made.values[i], i) for i in range(n))
        assert made.regret[n - 1] == table.regret(made.settings[chosen], seed=0)


def test_regret_at_a_cost_is_that_of_what_was_paid_by_then():
    made = replay(GridSearch(SPACE, budget=9, seed=0, levels=2), random_table(), cost=1000, seed=0)
    assert made.resumed.tolist() == [9, 18, 27, 36]  # the grid ends
    at = made.at([8, 9, 17, 18, 1000])
    np.testing.assert_array_equal(at, [np.nan, made.regret[0], made.regret[0], made.regret[1], made.regret[3]])


def written(path, lines):
    path.write_text("\n".join(["seed,lr,scale,1,9", *lines]) + "\n")
    return path


LINES = [
    f"{s},{lr},{scale},{10 * s + lr},{scale or ''}" for s in (0, 1) for scale in (0.0, 0.5, 1.0) for lr in (0.01, 1.0)
]


def test_a_table_is_read_in_any_order_and_a_diverged_run_is_wrong_everywhere(tmp_path):
    table = Table.read(written(tmp_path / "a.csv", LINES), SPACE, of=20)
    again = Table.read(written(tmp_path / "b.csv", LINES[::-1]), SPACE, of=20)
    np.testing.assert_array_equal(table.values, again.values)
    assert table.budgets == [1, 9]
    assert table.values.shape == (2, 2, 3, 2)
    assert table.value({"lr": 1.0, "scale": 0.5}, 1, seed=1) == 11 / 20
    assert table.value({"lr": 1.0, "scale": 1.0}, 9, seed=1) == 1 / 20


@pytest.mark.parametrize(
    "lines, space, says",
    [
        (LINES[1:], SPACE, "expected 12 lines, all combinations, got 11"),
        (LINES, Space(rate=("log", 0.01, 1.0), scale=("linear", 0.0, 1.0)), "expected the columns seed, rate, scale"),
        (
            LINES,
            Space(lr=("log", 0.01, 2.0), scale=("linear", 0.0, 1.0)),
            "expected axes that end where the space does",
        ),
        (LINES[:6], SPACE, "two or more seeds"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(tmp_path, lines, space, says):
    with pytest.raises(ValueError, match=says):
        Table.read(written(tmp_path / "a.csv", lines), space, of=20)
