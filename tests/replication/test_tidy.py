import csv
import io
import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enlib.replication.tidy import from_cell, from_csv, plain, to_cell, to_csv

ENDS = {"first": ("run",), "last": ("machine",)}

HARD_TEXTS = [
    "",
    "1",
    "-1",
    "1.0",
    "nan",
    "inf",
    "-inf",
    "True",
    "None",
    '"',
    '"1"',
    "a,b",
    "a\nb",
    "a\r",
    "\0",
    "007",
]
HARD_TEXTS += [
    "1e5",
    "1_000",
    " 1",
    "١",
    "λ = 0.1",
    "\u2028",
    "\ud800",
    "\ufeff",
    "9" * 5000,
    "\\n",
    "'",
    "=1+1",
    "12e4567",
]
texts = st.text() | st.sampled_from(HARD_TEXTS) | st.integers().map(str) | st.floats().map(repr)
values = st.none() | st.booleans() | st.integers() | st.floats() | texts
names = st.text("abcλ _,\"'é", min_size=1).filter(lambda name: name not in ("run", "machine"))
hashes = st.text("0123456789abcdef", min_size=1)


def same(one, other):
    """Equal with its type; floats bit by bit."""
    if type(one) is float and type(other) is float and not math.isnan(one):
        return struct.pack("d", one) == struct.pack("d", other)
    return type(one) is type(other) and (one == other or one != one)


@given(values)
def test_every_value_comes_back_with_its_type(value):
    assert same(from_cell(to_cell(value)), value)


@pytest.mark.parametrize(
    "value", [0.0, -0.0, 5e-324, 1.7976931348623157e308, 0.1 + 0.2, math.inf, -math.inf, math.nan]
)
def test_hard_floats_come_back_and_are_plain_to_others(value):
    assert same(from_cell(to_cell(value)), value)
    assert same(float(to_cell(value)), value)


@pytest.mark.parametrize("text", HARD_TEXTS)
def test_hard_texts_come_back_as_texts_on_one_line(text):
    cell = to_cell(text)
    assert from_cell(cell) == text
    assert type(from_cell(cell)) is str
    assert len(cell.splitlines()) == 1
    assert cell.encode()


@given(st.lists(st.dictionaries(names, values, max_size=5)), st.data())
def test_a_table_comes_back(contents, data):
    rows = [{"run": data.draw(hashes), **content, "machine": data.draw(hashes)} for content in contents]
    table = to_csv(rows, **ENDS)
    assert table.count(b"\n") == len(rows) + 1
    read = from_csv(table, **ENDS)
    columns = {name for row in rows for name in row}
    for row, back in zip(rows, read, strict=True):
        assert set(back) == columns
        assert all(same(back[name], row.get(name)) for name in columns)
    assert to_csv(read, **ENDS) == table


def test_a_table_is_plain_to_others():
    rows = [
        {"run": "12e4567", "lr": 1e-3, "seed": 0, "done": True, "cause": None, "arm": "a, b", "machine": "007"},
        {"run": "0", "lr": math.nan, "seed": 1, "done": False, "cause": "overflow", "arm": "EN", "machine": "1"},
    ]
    first, second = csv.DictReader(io.StringIO(to_csv(rows, **ENDS).decode()))
    assert first == {"run": "12e4567", "lr": "0.001", "seed": "0", "done": "True", "cause": "", "arm": "a, b"} | {
        "machine": "007"
    }
    assert math.isnan(float(second["lr"]))
    assert [row["run"] for row in from_csv(to_csv(rows, **ENDS), **ENDS)] == ["12e4567", "0"]


def test_line_ends_that_git_rewrote_are_read():
    rows = [{"run": "0", "x": "a b", "machine": "1"}]
    assert from_csv(to_csv(rows, **ENDS).replace(b"\n", b"\r\n"), **ENDS) == rows


def test_no_runs_are_a_table_too():
    assert from_csv(to_csv([], **ENDS), **ENDS) == []


@pytest.mark.parametrize(
    "table",
    [b"", b"a,b\n1,2\n", b"run,x,machine\n1,2\n", b"run,x,machine\n1,2,3,4\n", b'run,machine\n"1,2\n', b"\xff"],
)
def test_what_is_no_table_is_refused(table):
    with pytest.raises(ValueError, match=r".+"):
        from_csv(table, **ENDS)


def test_numpy_floats_become_floats():
    row = plain({"x": np.float64(0.1)})
    assert row == {"x": 0.1}
    assert type(row["x"]) is float


@pytest.mark.parametrize(
    "row, message",
    [
        ({"x": np.float32(1)}, r"expected str, int, float, bool or None in column 'x', got float32: convert it"),
        ({"x": np.bool_(True)}, "got bool"),
        ({"x": [1]}, "got list"),
        ({"x": "a" * 10_001}, "expected at most 10000 characters in column 'x', got 10001"),
        ({"": 1}, "expected a printable column name"),
        ({"a\nb": 1}, "expected a printable column name"),
        ({3: 1}, "expected a printable column name"),
    ],
)
def test_what_no_table_can_hold_is_refused(row, message):
    with pytest.raises(ValueError, match=message):
        plain(row)


def test_the_longest_text_comes_back():
    rows = [{"run": "0", "x": "\x00" * 10_000, "machine": "0"}]
    assert from_csv(to_csv(rows, **ENDS), **ENDS) == rows
