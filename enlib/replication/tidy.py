"""A table as text: one line a run, one column a quantity; every value is read back as it was written."""

from __future__ import annotations

import csv
import functools
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Value = str | int | float | bool | None
Row = dict[str, Any]

_WORDS: dict[str, bool | None] = {"": None, "True": True, "False": False}
_LONGEST = 10_000  # characters; the reader of CSV gives up at 131,072, and an escaped character may take six


def plain(row: Mapping[str, Any]) -> Row:
    """Return a row of plain Python values; a NumPy ``float64`` is one already, and becomes a float.

    Raises
    ------
    ValueError
        If a table cannot hold a column's name or a value.
    """
    checked: Row = {}
    for name, value in row.items():
        if not (isinstance(name, str) and name and name.isprintable()):
            raise ValueError(f"expected a printable column name, got {name!r}: rename it")
        if isinstance(value, float):
            value = float(value)
        elif type(value) not in (str, int, bool, type(None)):
            raise ValueError(
                f"expected str, int, float, bool or None in column {name!r}, got {type(value).__name__}: "
                "convert it, for example with .item()"
            )
        elif isinstance(value, str) and len(value) > _LONGEST:
            raise ValueError(
                f"expected at most {_LONGEST} characters in column {name!r}, got {len(value)}: shorten the text"
            )
        checked[name] = value
    return checked


def to_cell(value: Value) -> str:
    """Return a value as the text of a cell, from which `from_cell` returns it bit by bit, with its type.

    Floats are written as the shortest decimal that reads back as the same float; ``None`` is empty. Texts are written
    as they are, unless they would read as something else or would not stay on one line: those become JSON strings.

    Examples
    --------
    >>> [to_cell(value) for value in (0.1, 1.0, 1, True, None, float("nan"), "adam", "1", "")]
    ['0.1', '1.0', '1', 'True', '', 'nan', 'adam', '"1"', '""']
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        return repr(value)
    as_it_is = value.isprintable() and value[:1] != '"' and isinstance(from_cell(value), str)
    return value if as_it_is else json.dumps(value)


@functools.lru_cache(10_000)  # most cells of a table are settings, which repeat
def from_cell(cell: str) -> Value:
    """Return the value that `to_cell` wrote.

    Examples
    --------
    >>> [from_cell(cell) for cell in ("0.1", "1.0", "1", "True", "", "nan", "adam", '"1"', "007")]
    [0.1, 1.0, 1, True, None, nan, 'adam', '1', '007']
    """
    if cell in _WORDS:
        return _WORDS[cell]
    if cell[0] == '"':
        text: str = json.loads(cell)
        return text
    for kind in (int, float):
        try:
            number = kind(cell)
        except ValueError:
            continue
        if repr(number) == cell:  # "007", "1_000" and "1e5" are texts: no number is written so
            return number
    return cell


def to_csv(rows: Iterable[Row], first: Sequence[str] = (), last: Sequence[str] = ()) -> bytes:
    """Return rows as a table in UTF-8; what a row lacks is left empty.

    Parameters
    ----------
    rows : iterable of dict
    first, last : sequence of str
        Columns at either end, which hold identifiers and are written as they are: a hash of digits is no number.
    """
    rows = list(rows)
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if name not in (*first, *last)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*first, *names, *last])
    for row in rows:
        cells = (to_cell(row.get(name)) for name in names)
        writer.writerow([*(row[name] for name in first), *cells, *(row[name] for name in last)])
    return text.getvalue().encode()


def from_csv(table: bytes, first: Sequence[str] = (), last: Sequence[str] = ()) -> list[Row]:
    """Return the rows of a table that `to_csv` wrote.

    Raises
    ------
    ValueError
        If it is no such table.
    """
    # Git may have rewritten the ends of lines; no cell holds one.
    reader = csv.reader(io.StringIO(table.decode().replace("\r\n", "\n"), newline=""), strict=True)
    try:
        names = next(reader, [])
        if tuple(names[: len(first)]) != tuple(first) or tuple(names[len(names) - len(last) :]) != tuple(last):
            raise ValueError(f"its columns do not start with {', '.join(first)} and end with {', '.join(last)}")
        texts = {*first, *last}
        return [
            {name: cell if name in texts else from_cell(cell) for name, cell in zip(names, cells, strict=True)}
            for cells in reader
        ]
    except csv.Error as error:
        raise ValueError(str(error)) from error
