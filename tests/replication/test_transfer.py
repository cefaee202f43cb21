import math

import pytest
import torch

from enlib.models import ResidualNet
from enlib.replication import Journal, read_rows, read_traces, transfer
from enlib.replication.labs import LABS
from enlib.replication.machine import describe
from enlib.replication.transfer import (
    ARMS,
    EPSILONS,
    SIZES,
    Transfer,
    compute_transfer,
    transfer_units,
    under_attack,
)


@pytest.fixture
def pictures(monkeypatch):
    """Let noise take the place of CIFAR-10, and two epochs that of ten."""
    g = torch.Generator().manual_seed(0)
    signs, eight = torch.tensor([-1.0, 1.0]), torch.arange(8)
    sizes = {"source": (eight, 20), "source test": (eight, 4), "train": (signs, 30), "validation": (signs, 5)}
    made = {
        name: (torch.randn(len(labels) * each, 3, 32, 32, generator=g), labels.repeat_interleave(each))
        for name, (labels, each) in (sizes | {"test": (signs, 10)}).items()
    }
    monkeypatch.setattr(transfer, "_images", lambda: made)
    monkeypatch.setattr(transfer, "_EPOCHS", 1)
    monkeypatch.setattr(transfer, "SIZES", (20, 20))


def test_every_arm_tries_as_many_rates_and_no_two_seeds_share_a_sample():
    assert {len(arm.lrs(samples)) for arm in ARMS.values() for samples in SIZES} == {5}
    runs = [run for unit in transfer_units("laptop") for run in unit]
    assert len({run.identity for run in runs}) == len(runs) == 6 * (2 + 6 * 2 * 5)
    seeds = {run.seed for run in runs}
    assert len(seeds) * SIZES[-1] // 2 + transfer.VALIDATION <= 5000


@pytest.mark.slow
def test_rows_go_through_the_journal_and_repeat(tmp_path, pictures):
    unit = tuple(run for run in transfer_units("quick")[0] if run.arm in ("source", "last", "all"))
    rows = compute_transfer(unit)
    assert rows == compute_transfer(unit)
    journal = Journal(tmp_path, "transfer", LABS["transfer"].kind)
    journal.keep(unit, rows, describe("cpu"))
    journal.export()
    found = read_rows("transfer", Transfer, folder=tmp_path)
    assert {row["arm"] for row in found} == {"source", "last", "all"}
    assert len(read_traces("transfer", Transfer, folder=tmp_path)) == len(EPSILONS)
    assert all(0 <= row["test_errors"] <= 32 for row in found)


def test_units_are_of_one_network():
    with pytest.raises(ValueError, match="one seed"):
        compute_transfer((Transfer(seed=0), Transfer(seed=1)))


def test_attack_raises_the_loss_by_its_first_order_while_it_is_small():
    net = ResidualNet(3, 4, width=4, seed=0).double()
    g = torch.Generator().manual_seed(0)
    inputs, labels = torch.randn(6, 3, 32, 32, generator=g, dtype=torch.double), torch.arange(6) % 4
    first = under_attack(net, inputs, labels, scale=1e-4, seed=0)[0]
    net.eval()
    start = float(torch.nn.functional.cross_entropy(net(inputs), labels).detach())
    assert first["attack_loss"] - start == pytest.approx(first["first_order"] - start, rel=1e-3)
    assert math.isclose(start, first["random_loss"], rel_tol=1e-6)
    assert first["random_loss"] < first["attack_loss"]
