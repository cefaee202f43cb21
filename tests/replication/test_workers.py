"""What runs in the workers is in tests/sweep/test_local.py, in programs of its own; here is what needs none."""

import math

import pytest

from enlib.replication.workers import in_workers


def test_each_item_has_a_result():
    assert sorted(in_workers(math.sqrt, (k * k for k in range(5)), workers=2)) == [0, 1, 2, 3, 4]


def test_items_may_be_equal():
    assert list(in_workers(math.sqrt, [4, 4, 4], workers=2)) == [2, 2, 2]


def test_what_is_raised_is_raised_here():
    with pytest.raises(ValueError, match="math domain error|nonnegative"):
        list(in_workers(math.sqrt, [1, -1], workers=1))


def test_no_items():
    assert list(in_workers(math.sqrt, [], workers=3)) == []


@pytest.mark.parametrize("workers", [0, 1.5])
def test_bad_numbers_of_workers(workers):
    with pytest.raises(ValueError, match="expected workers to be an integer >= 1"):
        next(in_workers(math.sqrt, [1], workers=workers))
