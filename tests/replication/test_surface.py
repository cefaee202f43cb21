import json

import numpy as np
import pytest
import torch

from enlib import fit, make_optimizer, mlp
from enlib.cli import main
from enlib.datasets import load
from enlib.replication.journal import JournalError
from enlib.replication.surface import DATA, TRAINING, WIDTHS, surface_errors, write_surface


def alone(lr, scale, seed, epochs):
    """Return the validation errors after some epochs, trained by `fit`, without a stack."""
    model = mlp(WIDTHS, seed=seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(scale)
    history = fit(
        model,
        load(seed=seed, **DATA),
        seed=seed,
        optimizer=make_optimizer(TRAINING["optimizer"], model, lr=lr),
        batch_size=TRAINING["batch_size"],
        epochs=epochs,
        stop_at_zero_errors=False,
        device="cpu",
        progress=False,
    )
    return None if history.status == "diverged" else int(history.validation_errors[-1])


def test_a_setting_has_the_errors_that_fit_gives():
    settings, budgets = [(0.05, 1.0), (0.2, 0.3), (0.01, 4.0), (0.7, 1.0)], (1, 3, 9)
    found = surface_errors(settings, budgets, seed=3)
    for (lr, scale), errors in zip(settings, found, strict=True):
        for budget, count in zip(budgets, errors, strict=True):
            other = alone(lr, scale, 3, budget)
            assert (count is None) == (other is None)
            assert count is None or abs(count - other) <= 5  # of 2000: a stack rounds differently


@pytest.mark.slow
def test_a_table_grows_by_seeds_and_is_the_same_as_one_made_at_once(tmp_path):
    for seeds, says in ((1, "1 seeds in"), (None, "2 seeds in"), (None, "0 of them new")):
        assert says in write_surface(tmp_path / "a", profile="quick", seeds=seeds, workers=1)
    write_surface(tmp_path / "b", profile="quick", seeds=None, workers=1)
    assert (tmp_path / "a" / "search.csv").read_bytes() == (tmp_path / "b" / "search.csv").read_bytes()


@pytest.fixture
def small(tmp_path):
    write_surface(tmp_path, profile="quick", seeds=1, workers=1)
    return tmp_path


def test_a_table_that_was_edited_or_is_of_another_grid_is_not_continued(small):
    with pytest.raises(JournalError, match="another grid or problem"):
        write_surface(small, profile="laptop", seeds=1, workers=1)
    table = small / "search.csv"
    table.write_text(table.read_text().replace("1000", "999", 1))
    with pytest.raises(JournalError, match="differs from its manifest"):
        write_surface(small, profile="quick", seeds=None, workers=1)
    (small / "search_manifest.json").write_text("{}")
    with pytest.raises(JournalError, match="expected the manifest of"):
        write_surface(small, profile="quick", seeds=None, workers=1)


@pytest.mark.parametrize("option", [["--list"], ["--again"], ["--only", "x"], ["--engine", "ray"]])
def test_what_the_table_for_searches_cannot_do_is_refused(option, tmp_path, capsys):
    assert main(["replicate", "--table", "search", "--out", str(tmp_path), *option]) != 0
    assert f"expected --table search without {option[0]}" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_an_early_divergence_empties_all_later_budgets():
    (errors,) = surface_errors([(0.7, 1.0)], (1, 3, 9), seed=0)
    known = [count is not None for count in errors]
    assert known == sorted(known, reverse=True)
    assert not known[-1]


def test_the_manifest_says_what_was_trained(small):
    manifest = json.loads((small / "search_manifest.json").read_text())
    assert manifest["data"] == DATA
    assert manifest["training"]["widths"] == list(WIDTHS)
    assert len(manifest["grid"]["lr"]) * len(manifest["grid"]["weight_scale"]) == 30
    assert np.allclose(np.diff(np.log(manifest["grid"]["lr"])), np.log(1e4) / 5, atol=1e-3)
