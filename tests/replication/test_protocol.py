"""The protocol page says what the code runs."""

import re
from pathlib import Path

import pytest

from enlib.replication import CHECKS, SWEEPS, experiments

PAGE = (Path(__file__).parents[2] / "book/protocol.md").read_text()


def rows_of_the_page():
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
        if re.fullmatch(r"(spheres|gaussians|mnist|cifar10)-\S+", cells[0]):
            yield tuple(cells[:5]), cells[5:] == ["yes"]


def rows_of_the_code():
    for table in ("all", *CHECKS):
        for each in experiments(table, "laptop"):
            lrs = " ".join(f"{lr:g}" for lr in sorted({setting["lr"] for setting in each.settings}))
            placebo = any(setting.get("order", 0) > 1 for setting in each.settings)
            cells = each.problem, ", ".join(each.tables), lrs, str(each.shared["epochs"]), str(each.seeds)
            yield cells, placebo and each.tables[0] in "123"


def test_every_row_is_on_the_page_as_it_is_run():
    assert sorted(rows_of_the_page()) == sorted(rows_of_the_code())


@pytest.mark.parametrize("name", [*SWEEPS, *CHECKS])
def test_every_table_is_explained(name):
    assert re.search(rf"Table {name}|\*{name}", PAGE, re.IGNORECASE)
